/**
 * What governs a task: read from `heddle.yaml` as its base had it when the task was dispatched, then frozen with the
 * task, so that an agent cannot loosen its own checks or permissions.
 */
export interface Settings {
  /** The agent to use when none is named; null: the first known agent that is installed. */
  readonly agent: string | null
  readonly agents: Readonly<Record<string, AgentSettings>>
  /** How many agents and checks run at once on this machine. */
  readonly concurrency: number
  /** How often an agent may try to make the checks pass; the first try counts. */
  readonly rounds: number
  /** A turn in which the agent says nothing for so long has failed. */
  readonly stallMinutes: number
  /** A check that runs longer has failed. */
  readonly checkMinutes: number
  readonly checks: readonly string[]
  readonly permissions: PermissionSettings
  readonly review: { readonly by: Reviewer }
  readonly branchPrefix: string
}

/** `checks`: a change whose checks pass (at least one) needs no person. */
export type Reviewer = 'person' | 'checks'

/** How to start an agent: one that speaks ACP, or a plain command that gets the prompt on stdin and in `HEDDLE_PROMPT`. */
export type AgentSettings = ({ readonly acp: readonly string[] } | { readonly command: readonly string[] }) & {
  readonly env?: Readonly<Record<string, string>>
}

export type PermissionAction = 'allow' | 'ask' | 'deny'

export interface PermissionSettings {
  /** Null: what stays inside the workspace is allowed, what reaches outside it asks. */
  readonly default: PermissionAction | null
  /** The first rule that matches decides. */
  readonly rules: readonly PermissionRule[]
}

export interface PermissionRule {
  readonly action: PermissionAction
  /** An ACP tool kind (`edit`, `execute`, `fetch`, …); absent: any. */
  readonly tool?: string
  /** A glob over the command, or over the paths that the call touches; absent: any. */
  readonly match?: string
}

export const DEFAULT_SETTINGS: Settings = {
  agent: null,
  agents: {},
  concurrency: 3,
  rounds: 3,
  stallMinutes: 20,
  checkMinutes: 30,
  checks: [],
  permissions: { default: null, rules: [] },
  review: { by: 'person' },
  branchPrefix: 'heddle',
}
