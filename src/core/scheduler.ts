/**
 * Which of those who wait for a slot may begin. Pure, in ninja's shape: `plan` decides, `src/run/admission.ts` carries out.
 * A slot is held by a running agent or check; what waits for a person holds none.
 */
import type { TaskId } from '../model/ids.ts'
import { findOverlap } from './overlap.ts'

export interface Claim {
  /** Unique among the claims that wait or hold. */
  readonly key: string
  readonly task: TaskId
  /** Which pool of slots: the repository's, whose `concurrency` is the limit that its task was dispatched with. */
  readonly limit: number
  /** Globs; a claim that touches the files of a running one of the same repository waits. Empty: unknown. */
  readonly touches: readonly string[]
  readonly repo: string
  /** It runs already (adopted after a restart, or answered by a person in mid-turn): it goes before all others. */
  readonly underWay: boolean
  readonly since: number
}

export interface SchedulerState {
  readonly holding: readonly Claim[]
  /** In the order of their asking. */
  readonly waiting: readonly Claim[]
}

/** Why a claim waits. */
export type Hold = { readonly for: 'slot' } | { readonly for: 'touches'; readonly task: TaskId; readonly files: string }

export interface Decisions {
  readonly start: readonly Claim[]
  readonly hold: ReadonlyMap<string, Hold>
}

export function plan(state: SchedulerState): Decisions {
  const holding = [...state.holding]
  const start: Claim[] = []
  const hold = new Map<string, Hold>()
  const waiting = state.waiting.toSorted((a, b) => Number(b.underWay) - Number(a.underWay))
  for (const claim of waiting) {
    const why = findHold(claim, holding)
    if (why !== null) {
      hold.set(claim.key, why)
      continue
    }
    start.push(claim)
    holding.push(claim)
  }
  return { start, hold }
}

function findHold(claim: Claim, holding: readonly Claim[]): Hold | null {
  if (claim.underWay) return null
  if (holding.length >= claim.limit) return { for: 'slot' }
  for (const other of holding) {
    if (other.task === claim.task || other.repo !== claim.repo) continue
    const overlap = findOverlap(claim.touches, other.touches)
    if (overlap !== null) return { for: 'touches', task: other.task, files: overlap[0] }
  }
  return null
}
