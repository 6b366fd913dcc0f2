import type { Change, Evidence } from './change.ts'
import type { Failure } from './failure.ts'
import type { GitHash, SessionId, TaskId } from './ids.ts'
import type { Settings } from './settings.ts'

/**
 * One piece of work for one agent. Holds facts only; what the task is doing and its state are derived from them
 * (`src/core/task-state.ts`). Made by folding the task's events (`src/model/event.ts`).
 */
export interface Task {
  readonly id: TaskId
  /** The main worktree of the user's repository, as an absolute path. */
  readonly repo: string
  /** Unique in its repository. */
  readonly name: string
  readonly prompt: string
  readonly acceptance: readonly string[]
  /** Set for `heddle run -- CMD`: the command, which then takes the agent's place. */
  readonly argv: readonly string[] | null
  readonly agent: string
  readonly readOnly: boolean
  readonly needs: readonly TaskId[]
  /** Needs that a person chose to go on without. */
  readonly waived: readonly TaskId[]
  readonly touches: readonly string[]
  readonly checks: readonly string[]
  readonly base: Base
  readonly branch: string
  /** Frozen when the task was dispatched. */
  readonly settings: Settings
  /** Names the saved environment of the shell that dispatched the task; its agent and checks run with that one. */
  readonly environment: string
  readonly createdAt: number

  /** Counts from 1; a retry is the next attempt. */
  readonly attempt: number
  readonly startedAt: number | null
  readonly workspace: string | null
  readonly baseCommit: GitHash | null
  readonly session: SessionId | null
  readonly turns: number
  readonly usage: Usage
  readonly change: Change | null
  readonly evidence: readonly Evidence[]
  /** The commit that was approved; landing takes this one and no other. */
  readonly approved: GitHash | null
  /** The commit that was about to become the base; decides, after a crash, whether it has. */
  readonly landing: GitHash | null
  readonly landed: GitHash | null
  /** The ref that keeps what its last workspace held; null where all of that is on the base. */
  readonly preserved: string | null
  /** What the agent said last, at most 16 KiB. */
  readonly lastWords: string | null
  readonly end: TaskEnd | null
}

export interface Base {
  /** As the user named it, or the branch that was checked out. */
  readonly name: string
  /** Full name of the branch to land on (`refs/heads/main`); null for a tag or a commit, where the task's branch is the result. */
  readonly ref: string | null
  /** Where the base was when the task was dispatched: its `heddle.yaml` governs. */
  readonly commit: GitHash
}

export interface TaskEnd {
  readonly outcome: Outcome
  readonly failure: Failure | null
  readonly at: number
}

export type Outcome = 'landed' | 'reported' | 'failed' | 'stopped' | 'discarded'

export type TaskState = 'queued' | 'working' | 'paused' | 'review' | 'landing' | 'blocked' | Outcome

export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Null when no turn told a cost. */
  readonly costUsd: number | null
}

export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0, costUsd: null }

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    costUsd: a.costUsd === null && b.costUsd === null ? null : (a.costUsd ?? 0) + (b.costUsd ?? 0),
  }
}
