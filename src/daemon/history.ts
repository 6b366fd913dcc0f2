/** An event in one line, for the history of a task and its log; null for what the reader sees anyway. */
import { describeChange } from '../core/notice.ts'
import type { TaskEvent } from '../model/event.ts'
import { describeFailure } from '../model/failure.ts'

export function describeEvent(event: TaskEvent): string | null {
  switch (event.type) {
    case 'task-added':
      return 'dispatched'
    case 'task-started':
      return `started in ${event.workspace}`
    case 'turn-started':
      return null
    case 'turn-ended':
      return `turn ${event.turn} ended: ${event.stop}`
    case 'turn-failed':
      return `turn ${event.turn} failed, next try in ${event.retryMs / 1000} s: ${describeFailure(event.failure)}`
    case 'change-committed':
      return event.change === null
        ? 'nothing to commit'
        : `committed ${event.change.commit.slice(0, 10)}${describeChange(event.change)}`
    case 'checks-ended':
      return event.evidence
        .map((one) => `check \`${one.check}\` ${one.ok ? 'passed' : 'failed'} in ${(one.ms / 1000).toFixed(1)} s`)
        .join('\n')
    case 'request-opened':
      return `asked you (${event.request.kind} ${event.request.id}): ${event.request.text}`
    case 'request-closed':
      return `${event.closed.by === 'person' ? 'you answered' : 'closed'} ${event.request}: ${event.closed.answer}`
    case 'message-sent':
      return `you wrote: ${event.text}`
    case 'change-approved':
      return event.by === 'person' ? 'you approved it' : 'approved by policy (review.by: checks)'
    case 'change-conflicted':
      return event.files.length === 0
        ? 'no longer passes its checks on the new base'
        : `conflicts with the new base in ${event.files.join(', ')}`
    case 'landing-began':
      return null
    case 'change-landed':
      return `landed on ${event.onto} as ${event.commit.slice(0, 10)}`
    case 'need-waived':
      return 'goes on without a need that failed'
    case 'work-preserved':
      return `its work is kept as ${event.ref}`
    case 'task-ended':
      return event.failure === null ? event.outcome : `${event.outcome}: ${describeFailure(event.failure)}`
    case 'task-retried':
      return `attempt ${event.attempt}`
  }
}
