import type { RequestView } from '../api/contract.ts'
import { formatAge } from './amounts.ts'
import { cleanText } from './clean-text.ts'
import type { Paint } from './paint.ts'

/** An open request: what is asked, and what to type. */
export function writeRequest(request: RequestView, paint: Paint, nowMs: number): string[] {
  const head = `${paint('bold', request.task)}  ${paint('yellow', request.kind)}  ${paint('dim', `${request.id}  ${formatAge(request.openedAt, nowMs)}`)}`
  const text = cleanText(request.text).trimEnd().split('\n')
  return [head, ...text.map((line) => `  ${line}`), ...writeAnswers(request).map((line) => `  ${paint('cyan', line)}`)]
}

function writeAnswers({ id, task, kind, answers }: RequestView): string[] {
  if (kind === 'review') return [`heddle diff ${task}`, `heddle approve ${task}`, `heddle revise ${task} "COMMENTS"`]
  return [`heddle answer ${id} ${answers.length === 0 ? '"TEXT"' : answers.join('|')}`]
}
