import { randomInt } from 'node:crypto'
import type { RequestId, TaskId } from '../model/ids.ts'

// Crockford's base 32 without the letters that read like digits, in lower case.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

const newId = (prefix: string): string => prefix + Array.from({ length: 9 }, () => ALPHABET[randomInt(32)]).join('')

export const newTaskId = (): TaskId => newId('t') as TaskId
export const newRequestId = (): RequestId => newId('r') as RequestId
