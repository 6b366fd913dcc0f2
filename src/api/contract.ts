/**
 * What the daemon serves: JSON-RPC 2.0, one message a line, on a Unix socket. Methods take `params` as the schemas here
 * say, and answer with the types in `Results`. Methods in `Streams` also send `item` notifications
 * (`{ request: <id of the call>, item }`) until they answer. An error carries a `Failure` as its `data`.
 *
 * The command line imports only types from here, because loading zod would double its start-up time.
 */
import { z } from 'zod'
import type { Evidence } from '../model/change.ts'
import type { Notice } from '../model/notice.ts'
import type { TaskState, Usage } from '../model/task.ts'
import type { RequestKind } from '../model/request.ts'

/** Where the caller stands; tasks are looked up in that repository. */
const cwd = z.string()
/** A task's name, id, or a unique prefix of either. */
const task = z.string()

const TaskSpecSchema = z.strictObject({
  name: z.string().optional(),
  prompt: z.string(),
  /** A plain command in the agent's place. */
  argv: z.array(z.string()).min(1).optional(),
  agent: z.string().optional(),
  needs: z.array(z.string()).default([]),
  touches: z.array(z.string()).default([]),
  acceptance: z.array(z.string()).default([]),
  /** Added to the configured checks. */
  checks: z.array(z.string()).default([]),
  /** Drops the configured checks. */
  noChecks: z.boolean().default(false),
  base: z.string().optional(),
  readOnly: z.boolean().default(false),
})

export const Params = {
  'daemon.status': z.strictObject({}),
  'daemon.stop': z.strictObject({ all: z.boolean() }),
  /** All or none: nothing is dispatched when one of the tasks is in error. */
  'tasks.dispatch': z.strictObject({ cwd, tasks: z.array(TaskSpecSchema).min(1), env: z.record(z.string(), z.string()) }),
  /** Dispatches a plan file's text; `file` is only its name in messages. */
  'plan.dispatch': z.strictObject({ cwd, file: z.string(), text: z.string(), env: z.record(z.string(), z.string()) }),
  'plan.check': z.strictObject({ cwd, file: z.string(), text: z.string() }),
  /** Of the repository at `cwd`, or of all where `cwd` is in none or `all` is set; else without those that ended a day ago. */
  'tasks.list': z.strictObject({ cwd, all: z.boolean().default(false) }),
  'tasks.get': z.strictObject({ cwd, task }),
  'tasks.wait': z.strictObject({ cwd, tasks: z.array(task).min(1), timeoutMs: z.number().nonnegative().optional() }),
  'tasks.diff': z.strictObject({ cwd, task, stat: z.boolean().default(false) }),
  'tasks.send': z.strictObject({ cwd, task, text: z.string() }),
  'tasks.stop': z.strictObject({ cwd, task }),
  'tasks.discard': z.strictObject({ cwd, task }),
  'tasks.approve': z.strictObject({ cwd, task }),
  'tasks.revise': z.strictObject({ cwd, task, comments: z.string() }),
  'tasks.logs': z.strictObject({ cwd, task, follow: z.boolean().default(false) }),
  'inbox.list': z.strictObject({ cwd, all: z.boolean().default(false) }),
  'inbox.answer': z.strictObject({ id: z.string(), answer: z.string() }),
  /**
   * Streams a view of each task that changes: of the given ones, else of those that `tasks.list` would give. `notice` is set
   * when a person should be told.
   */
  watch: z.strictObject({ cwd, tasks: z.array(task).optional(), all: z.boolean().default(false) }),
} as const

export type Method = keyof typeof Params
export type ParamsOf<M extends Method> = z.input<(typeof Params)[M]>
export type ParsedParamsOf<M extends Method> = z.output<(typeof Params)[M]>
export type TaskSpec = z.output<typeof TaskSpecSchema>

export interface Results {
  'daemon.status': DaemonStatus
  'daemon.stop': { readonly agentsLeft: number; readonly agentsEnded: number }
  'tasks.dispatch': Dispatched
  'plan.dispatch': Dispatched
  'plan.check': { readonly findings: readonly PlanFinding[]; readonly tasks: number }
  'tasks.list': readonly TaskView[]
  'tasks.get': TaskDetail
  'tasks.wait': { readonly tasks: readonly TaskView[]; readonly timedOut: boolean }
  'tasks.diff': { readonly text: string }
  'tasks.send': TaskView
  'tasks.stop': TaskView
  'tasks.discard': TaskView
  /** Once the state has left `review`. */
  'tasks.approve': TaskView
  'tasks.revise': TaskView
  'tasks.logs': null
  'inbox.list': readonly RequestView[]
  'inbox.answer': RequestView
  watch: null
}

export interface Streams {
  'tasks.logs': LogEntry
  watch: WatchItem
}

export interface DaemonStatus {
  readonly pid: number
  readonly version: string
  readonly home: string
  readonly startedAt: number
  readonly tasks: number
  readonly agents: number
}

export interface Dispatched {
  readonly tasks: readonly TaskView[]
  /** What the user should know, for example that `heddle.yaml` has changes that are not committed. */
  readonly notes: readonly string[]
}

/** A task as `--json` prints it. Times are ISO 8601 in UTC. */
export interface TaskView {
  readonly id: string
  readonly name: string
  readonly state: TaskState
  /** In words, for example ``waits for `schema` ``. */
  readonly doing: string
  /** The kind of the request that holds it up; null when nothing waits for a person. */
  readonly waitsForPerson: RequestKind | null
  readonly agent: string
  readonly branch: string
  readonly base: string
  readonly needs: readonly string[]
  readonly attempt: number
  readonly change: {
    readonly commit: string
    readonly files: number
    readonly insertions: number
    readonly deletions: number
  } | null
  readonly evidence: readonly Evidence[]
  readonly usage: Usage
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly failure: string | null
  readonly repo: string
  /** The ref that keeps what its workspace held when it ended; null where all of it is on the base. */
  readonly preserved: string | null
  /** What a read-only task or a command found; null for others. */
  readonly report: string | null
}

export interface TaskDetail extends TaskView {
  readonly prompt: string
  readonly acceptance: readonly string[]
  readonly touches: readonly string[]
  readonly checks: readonly string[]
  /** The folder it works in; null before and after. */
  readonly workspace: string | null
  readonly session: string | null
  readonly turns: number
  readonly lastWords: string | null
  readonly requests: readonly RequestView[]
  readonly history: readonly { readonly at: string; readonly text: string }[]
}

export interface RequestView {
  readonly id: string
  /** The task's name. */
  readonly task: string
  readonly kind: RequestKind
  readonly text: string
  readonly answers: readonly string[]
  readonly openedAt: string
  readonly answer: string | null
}

export interface PlanFinding {
  readonly line: number | null
  readonly severity: 'error' | 'warning'
  readonly message: string
}

/** One line or block of what an agent, a command or a check did. */
export interface LogEntry {
  /** Unix time in ms where it is known; an agent's own log has none. */
  readonly at: number | null
  readonly kind: 'prompt' | 'say' | 'think' | 'tool' | 'output' | 'heddle'
  readonly text: string
}

export interface WatchItem {
  readonly task: TaskView
  readonly notice: Notice | null
}
