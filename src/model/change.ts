import type { GitHash } from './ids.ts'

/** A task's commits on its branch, against the commit that they start from. */
export interface Change {
  readonly commit: GitHash
  readonly tree: GitHash
  readonly base: GitHash
  readonly files: number
  readonly insertions: number
  readonly deletions: number
}

/** The result of one check, bound to the tree that it ran on. */
export interface Evidence {
  /** The command, as configured. */
  readonly check: string
  readonly ok: boolean
  readonly tree: GitHash
  readonly ms: number
  /** The last 16 KiB of what it wrote, both streams in the order in which they came. */
  readonly output: string
}

export const hasPassed = (evidence: readonly Evidence[]): boolean => evidence.every((one) => one.ok)
