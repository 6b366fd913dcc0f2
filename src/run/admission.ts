/** Carries out what the scheduler decides: hands slots to those who wait, and takes them back. */
import { plan, type Claim, type Hold } from '../core/scheduler.ts'

export interface Slot {
  /** Idempotent. */
  release(): void
}

export interface Admission {
  /**
   * Says that somebody comes who may be under way since before a restart. Until all who said so have called the returned
   * function, nobody new is let in. Idempotent; after `endAdoption` it says nothing any more.
   */
  expect(): () => void
  /** All who were under way before the restart have been called. */
  endAdoption(): void
  /** Resolves when the claim has its slot. Rejects with `signal.reason` when aborted before. */
  take(claim: Claim, signal: AbortSignal): Promise<Slot>
  /** Why a task waits for a slot; null when it does not. */
  holdOf(task: string): Hold | null
}

export function createAdmission(): Admission {
  const holding = new Map<string, Claim>()
  const waiting = new Map<string, { readonly claim: Claim; readonly start: () => void }>()
  let holds: ReadonlyMap<string, Hold> = new Map()
  let scheduled = false
  let adopting = true
  let expected = 0

  const decide = (): void => {
    scheduled = false
    const decisions = plan({
      holding: [...holding.values()],
      waiting: [...waiting.values()].map((one) => one.claim).filter((claim) => claim.underWay || !(adopting || expected > 0)),
    })
    holds = decisions.hold
    for (const claim of decisions.start) {
      const { start } = waiting.get(claim.key)!
      waiting.delete(claim.key)
      holding.set(claim.key, claim)
      start()
    }
  }
  // Many claims come at once (a plan of 1,000 tasks); one decision serves them all.
  const decideSoon = (): void => {
    if (scheduled) return
    scheduled = true
    queueMicrotask(decide)
  }

  return {
    expect() {
      if (!adopting) return () => {}
      expected++
      let has = false
      return () => {
        if (has) return
        has = true
        expected--
        decideSoon()
      }
    },
    endAdoption() {
      adopting = false
      decideSoon()
    },
    take(claim, signal) {
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          if (waiting.delete(claim.key)) {
            decideSoon()
            reject(signal.reason)
          }
        }
        const start = (): void => {
          signal.removeEventListener('abort', leave)
          let released = false
          resolve({
            release() {
              if (released) return
              released = true
              holding.delete(claim.key)
              decideSoon()
            },
          })
        }
        waiting.set(claim.key, { claim, start })
        signal.addEventListener('abort', leave, { once: true })
        if (signal.aborted) leave()
        decideSoon()
      })
    },
    holdOf(task) {
      for (const { claim } of waiting.values()) if (claim.task === task) return holds.get(claim.key) ?? { for: 'slot' }
      return null
    },
  }
}
