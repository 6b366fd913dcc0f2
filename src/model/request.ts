import type { RequestId, RunId, TaskId } from './ids.ts'

/** Something that waits for a person. The open ones are the inbox. */
export interface Request {
  readonly id: RequestId
  readonly task: TaskId
  readonly kind: RequestKind
  /** One or two lines: what is asked, and what it is about. */
  readonly text: string
  /** The answers that are understood, for example `allow` and `deny`; empty where any text will do. */
  readonly answers: readonly string[]
  /** The run that gets the answer as a signal named `answer`; null where an activity follows the request itself. */
  readonly run: RunId | null
  readonly openedAt: number
  readonly closed: ClosedRequest | null
}

export type RequestKind = 'permission' | 'question' | 'review' | 'conflict' | 'budget' | 'failure'

export interface ClosedRequest {
  /** What was answered, or `withdrawn` when nobody needs the answer any more. */
  readonly answer: string
  readonly by: 'person' | 'policy' | 'heddle'
  readonly at: number
}
