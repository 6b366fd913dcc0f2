/** Which events a person is told about, and in which words. */
import type { TaskEvent } from '../model/event.ts'
import { describeFailure, summarizeFailure } from '../model/failure.ts'
import type { Change } from '../model/change.ts'
import type { Notice } from '../model/notice.ts'
import type { Task } from '../model/task.ts'

/** `task` is the task after the event. */
export function findNotice(task: Task, event: TaskEvent): Notice | null {
  if (event.type === 'request-opened') {
    const { request } = event
    switch (request.kind) {
      case 'review':
        return notice(
          task,
          `is ready for review${describeChange(task.change)}`,
          `heddle diff ${task.name}, then heddle approve ${task.name}`,
          true,
        )
      case 'permission':
        return notice(task, `asks: ${firstLine(request.text)}`, `heddle answer ${request.id} allow|deny`, true)
      default:
        return notice(
          task,
          `needs you: ${firstLine(request.text)}`,
          `heddle answer ${request.id} ${request.answers.join('|') || 'TEXT'}`,
          true,
        )
    }
  }
  if (event.type !== 'task-ended') return null
  switch (event.outcome) {
    case 'landed':
      return notice(task, `landed on ${task.base.name}${describeChange(task.change)}`, null, false)
    case 'reported':
      return notice(task, 'is done', `heddle show ${task.name}`, false)
    case 'failed':
      return notice(
        task,
        `failed: ${event.failure === null ? '' : summarizeFailure(describeFailure(event.failure))}`,
        `heddle logs ${task.name}`,
        true,
      )
    case 'stopped':
    case 'discarded':
      return notice(task, `was ${event.outcome}`, null, false)
  }
}

function notice(task: Task, what: string, type: string | null, urgent: boolean): Notice {
  return { text: `${task.name} ${what}${type === null ? '' : ` — ${type}`}`, urgent }
}

export function describeChange(change: Change | null): string {
  return change === null
    ? ''
    : ` (${change.files} ${change.files === 1 ? 'file' : 'files'}, +${change.insertions} −${change.deletions})`
}

const firstLine = (text: string): string => text.split('\n')[0] ?? ''
