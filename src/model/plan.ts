/** A task as a plan file describes it; lines count from 1 in that file. */
export interface PlannedTask {
  readonly name: string
  readonly prompt: string
  readonly agent: string | null
  /** Names of tasks of the same plan, or of tasks that the repository already has. */
  readonly needs: readonly string[]
  readonly touches: readonly string[]
  readonly acceptance: readonly string[]
  readonly checks: readonly string[]
  readonly noChecks: boolean
  readonly base: string | null
  readonly readOnly: boolean
  readonly line: number
  readonly needsLines: readonly number[]
  readonly touchesLine: number
}
