import type { Failure } from '../model/failure.ts'
import type { Usage } from '../model/task.ts'

/** An agent as it will be started: a row of the table of known agents, or an entry of `heddle.yaml`. */
export interface AgentProgram {
  readonly name: string
  readonly protocol: 'acp' | 'command'
  /** The first word is looked up on the task's PATH. */
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** For `authenticate`, where the agent wants it called. */
  readonly authMethod: string | null
  /** The session mode in which the agent asks before it acts, so that the policy decides; null: its default. */
  readonly askMode: string | null
  /** Whether its sandbox must be told that git's own folders are writable, else it cannot commit in a worktree. */
  readonly wantsGitFolders: boolean
  /** What to type when it is not installed. */
  readonly install: string
}

export interface TurnSpec {
  readonly program: AgentProgram
  /** Folder that holds the sessions of this task's attempt; each session is a folder in it. */
  readonly folder: string
  /** Also the attempt key of the processes: `<key>.<n>`. */
  readonly key: string
  /** Unique in the attempt. A turn that was sent once is not sent again. */
  readonly turn: string
  readonly prompt: string
  /** What a session that remembers nothing of the earlier turns is told instead. */
  readonly handOver: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Folders outside the worktree that belong to it. */
  readonly gitFolders: readonly string[]
  readonly stallMs: number
}

/** What an agent wants to do and asks first. */
export interface PermissionAsk {
  /** The same each time this question is asked, also after a restart; of no other question. */
  readonly key: string
  readonly kind: string
  readonly title: string
  readonly command: string | null
  readonly paths: readonly string[]
}

export interface TurnHooks {
  /** Resolves when it has been decided, perhaps hours later. Rejects when `signal` is aborted: nobody needs the answer. */
  decide(ask: PermissionAsk, signal: AbortSignal): Promise<'allow' | 'deny'>
  /** The session that the turn is sent in is known. */
  onSession(session: string): Promise<void>
}

export type TurnOutcome =
  | {
      readonly ok: true
      /** ACP stop reason; `denied` when the agent ended its turn because it was refused something; `exit 0` of a command. */
      readonly stop: string
      /** What was said last, behind the last tool call. */
      readonly text: string
      readonly usage: Usage
    }
  | { readonly ok: false; readonly failure: Failure; readonly retry: boolean; readonly text: string; readonly usage: Usage }

/** Thrown when `signal` was aborted: the turn goes on without us (`stopping`), or has been ended (`cancelled`). */
export class LetGoError extends Error {
  override readonly name = 'LetGoError'
}
