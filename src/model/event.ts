/**
 * Everything that can happen to a task. Events are the record: a task's row in the store is their fold, and viewers
 * follow them. The transcript of an agent is not among them; it is the session's output log.
 */
import type { Change, Evidence } from './change.ts'
import type { GitHash, RequestId, SessionId, TaskId } from './ids.ts'
import type { ClosedRequest, Request } from './request.ts'
import { addUsage, type Outcome, type Task, type Usage } from './task.ts'
import type { Failure } from './failure.ts'

export type TaskEvent =
  /** The user dispatched it. Always the first event of a task. */
  | { readonly type: 'task-added'; readonly task: Task }
  /** Its workspace is ready. */
  | { readonly type: 'task-started'; readonly workspace: string; readonly baseCommit: GitHash }
  /** An agent process is about to be asked its next turn. `go`: the turn and the try at it, for example `2.1`. */
  | { readonly type: 'turn-started'; readonly turn: number; readonly go: string; readonly session: SessionId }
  /** A turn ended, well or badly. That says nothing about the task. */
  | { readonly type: 'turn-ended'; readonly turn: number; readonly stop: string; readonly text: string; readonly usage: Usage }
  /** A turn failed in a way that another try may mend; that try comes after `retryMs`. */
  | { readonly type: 'turn-failed'; readonly turn: number; readonly failure: Failure; readonly retryMs: number }
  /** What the agent left was committed; null when it left nothing. */
  | { readonly type: 'change-committed'; readonly change: Change | null }
  | { readonly type: 'checks-ended'; readonly round: number; readonly evidence: readonly Evidence[] }
  | { readonly type: 'request-opened'; readonly request: Request }
  | { readonly type: 'request-closed'; readonly request: RequestId; readonly closed: ClosedRequest }
  /** A person wrote to the agent; it gets the text as its next turn. */
  | { readonly type: 'message-sent'; readonly text: string }
  | { readonly type: 'change-approved'; readonly commit: GitHash; readonly by: 'person' | 'checks' }
  /** The approved change no longer fits its base; it needs work and then a new review. */
  | { readonly type: 'change-conflicted'; readonly files: readonly string[]; readonly onto: GitHash }
  /** The approved change, on top of its base as `commit`, is about to become the base. */
  | { readonly type: 'landing-began'; readonly commit: GitHash }
  | { readonly type: 'change-landed'; readonly commit: GitHash; readonly onto: string }
  /** A person chose to go on without a need that failed. */
  | { readonly type: 'need-waived'; readonly need: TaskId }
  /** What the workspace held was kept under a ref before the workspace was removed. */
  | { readonly type: 'work-preserved'; readonly ref: string }
  | { readonly type: 'task-ended'; readonly outcome: Outcome; readonly failure: Failure | null }
  /** A person asked for another attempt. */
  | { readonly type: 'task-retried'; readonly attempt: number }

/** An event as the store keeps it. `seq` rises by one over all tasks; `at` is Unix time in ms. */
export interface RecordedEvent {
  readonly seq: number
  readonly at: number
  readonly task: TaskId
  readonly event: TaskEvent
}

/** The task after the event. Pure; the only way in which a task changes. */
export function applyEvent(task: Task, event: TaskEvent, at: number): Task {
  switch (event.type) {
    case 'task-added':
      return event.task
    case 'task-started':
      return { ...task, startedAt: task.startedAt ?? at, workspace: event.workspace, baseCommit: event.baseCommit }
    case 'turn-started':
      return { ...task, session: event.session, turns: Math.max(task.turns, event.turn) }
    case 'turn-ended':
      return { ...task, usage: addUsage(task.usage, event.usage), lastWords: event.text === '' ? task.lastWords : event.text }
    case 'change-committed':
      return { ...task, change: event.change, evidence: [], approved: null }
    case 'checks-ended':
      return { ...task, evidence: event.evidence }
    case 'change-approved':
      return { ...task, approved: event.commit }
    case 'change-conflicted':
      return { ...task, approved: null, landing: null, baseCommit: event.onto }
    case 'landing-began':
      return { ...task, landing: event.commit }
    case 'work-preserved':
      return { ...task, preserved: event.ref }
    case 'change-landed':
      return { ...task, landed: event.commit }
    case 'need-waived':
      return { ...task, waived: [...task.waived, event.need] }
    case 'task-ended':
      return { ...task, end: { outcome: event.outcome, failure: event.failure, at } }
    case 'task-retried':
      return {
        ...task,
        attempt: event.attempt,
        workspace: null,
        baseCommit: null,
        session: null,
        turns: 0,
        change: null,
        evidence: [],
        approved: null,
        landing: null,
        lastWords: null,
        end: null,
      }
    case 'turn-failed':
    case 'message-sent':
    case 'request-opened':
    case 'request-closed':
      return task
  }
}
