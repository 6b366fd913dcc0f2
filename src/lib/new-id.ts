import { createHash, randomInt } from 'node:crypto'
import type { RequestId, TaskId } from '../model/ids.ts'

// Crockford's base 32 without the letters that read like digits, in lower case.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

const newId = (prefix: string): string => prefix + Array.from({ length: 9 }, () => ALPHABET[randomInt(32)]).join('')

export const newTaskId = (): TaskId => newId('t') as TaskId
/** The same key always gives the same id, so that a request that is opened again after a crash is the same one. */
export function requestIdOf(key: string): RequestId {
  const bytes = createHash('sha256').update(key).digest()
  return `r${Array.from({ length: 9 }, (_, at) => ALPHABET[bytes[at]! % 32]).join('')}` as RequestId
}
