/** What the runs can have done. Declared once, so that the compiler checks every call; the daemon binds the names. */
import type { Change, Evidence } from '../model/change.ts'
import type { TaskEvent } from '../model/event.ts'
import type { Failure, Result } from '../model/failure.ts'
import type { GitHash, RequestId, RunId, TaskId } from '../model/ids.ts'
import type { RequestKind } from '../model/request.ts'
import type { Task, Usage } from '../model/task.ts'

export type Activities = {
  'task.load': { input: { task: TaskId }; output: Task }
  /** Records an event once. */
  'event.record': { input: { task: TaskId; event: TaskEvent }; output: null }
  /** Resolves when all needs that are not waived are met. */
  'needs.await': { input: { task: TaskId }; output: null }
  'workspace.open': { input: { task: TaskId }; output: Result<{ path: string; baseCommit: GitHash }> }
  /** Preserves what the workspace holds, and removes it. Gives the ref, where one was needed. */
  'workspace.close': { input: { task: TaskId; keepBranch: boolean }; output: Result<string | null> }
  /** Holds a slot, except while it waits for a person. */
  'agent.turn': { input: { task: TaskId; turn: string; prompt: string; handOver: string }; output: TurnReport }
  /** Ends every process of the task's attempt. */
  'attempt.end': { input: { task: TaskId; attempt: number }; output: null }
  /** `note`: what this turn was for, where it was not the task itself. */
  'change.commit': { input: { task: TaskId; note: string }; output: Result<Change | null> }
  /** Runs the task's checks, one after the other, until one fails. Holds a slot. */
  'check.run': {
    input: { task: TaskId; where: 'workspace' | 'scratch'; commit: GitHash; tree: GitHash; label: string }
    output: Result<readonly Evidence[]>
  }
  'landing.rebase': { input: { task: TaskId; commit: GitHash }; output: Result<RebaseReport> }
  'landing.advance': { input: { task: TaskId; rebased: RebasedCommit }; output: Result<'landed' | 'moved'> }
  'landing.close': { input: { task: TaskId }; output: null }
  /** Puts the task's branch on the new base, with its change, and the conflicts, in the worktree. */
  'landing.conflict': { input: { task: TaskId; commit: GitHash; onto: GitHash }; output: Result<null> }
  /** Files of the workspace that still hold conflict markers. */
  'landing.markers': { input: { task: TaskId; files: readonly string[] }; output: readonly string[] }
  /** Whether the commit that was about to land is on the base. */
  'landing.find': { input: { task: TaskId }; output: GitHash | null }
  'request.open': {
    input: { task: TaskId; kind: RequestKind; text: string; answers: readonly string[]; run: RunId | null }
    output: RequestId
  }
  'request.close': { input: { task: TaskId; request: RequestId; answer: string; by: 'person' | 'heddle' }; output: null }
  'requests.withdraw': { input: { task: TaskId }; output: null }
  /** The task has ended: if others wait for it in vain, asks a person what becomes of them; takes back what it made us ask. */
  'needs.settle': { input: { task: TaskId }; output: null }
  /** Tasks that need this one and have not ended. `deep`: and those that need them, each behind what needs it. */
  'dependents.find': { input: { task: TaskId; deep: boolean }; output: readonly TaskId[] }
  'run.cancel': { input: { run: RunId }; output: null }
  'run.start': { input: { run: 'task' | 'close'; id: RunId; input: unknown }; output: null }
}

export type Runs = {
  task: { input: { task: TaskId; attempt: number }; output: null }
  landing: { input: { task: TaskId; commit: GitHash; checked: GitHash | null }; output: LandingReport }
  /** Ends a task from outside, whatever it is doing. */
  close: { input: { task: TaskId; attempt: number; as: 'stopped' | 'discarded' }; output: null }
  /** Carries out what a person decided about the tasks that wait for a failed one. */
  'settle-failure': {
    input: { task: TaskId; attempt: number; request: RequestId; answer: 'retry' | 'drop' | 'go-on' }
    output: null
  }
}

export type TurnReport =
  | { readonly ok: true; readonly stop: string; readonly text: string; readonly usage: Usage }
  | { readonly ok: false; readonly failure: Failure; readonly retry: boolean; readonly text: string; readonly usage: Usage }

export interface RebasedCommit {
  readonly commit: GitHash
  readonly tree: GitHash
  readonly onto: GitHash
}

export type RebaseReport =
  | { readonly kind: 'rebased'; readonly rebased: RebasedCommit }
  | { readonly kind: 'landed'; readonly commit: GitHash }
  | { readonly kind: 'conflict'; readonly files: readonly string[]; readonly onto: GitHash }

export type LandingReport =
  | { readonly kind: 'landed'; readonly commit: GitHash }
  /** The base has moved on, and the change needs work to fit it. */
  | { readonly kind: 'conflict'; readonly files: readonly string[]; readonly onto: GitHash }
  | { readonly kind: 'checks-failed'; readonly evidence: readonly Evidence[]; readonly onto: GitHash }
  | { readonly kind: 'failed'; readonly failure: Failure }
