/** What the contract suite needs of an implementation, and the stage on which its activities play. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../lib/clock.ts'
import type { RunId } from '../../model/ids.ts'
import type { Json } from '../../model/json.ts'
import type { ActivityContext, ActivityTable, Engine, RunContext } from '../contract.ts'

export interface Implementation {
  createHarness(): Promise<Harness>
  /** A program that runs `runVictim` on the journal that its only argument names, to be killed. */
  readonly victim: URL
}

/** One journal, and the engine that is on it at the moment. */
export interface Harness {
  readonly clock: ManualClock
  /** What names the journal for a victim. */
  readonly journal: string
  start(tables: { activities: ActivityTable; runs: { [name: string]: RunCode } }): Promise<Engine>
  /** Drops the engine as SIGKILL would: nothing that is not journalled yet will be. */
  crash(): Promise<void>
  /**
   * Crashes the engine that is started next, just before or after its commit number `commit` (from 0). Resolves when that
   * has happened. Null where an implementation cannot.
   */
  readonly crashAt: ((commit: number, moment: 'before' | 'after') => Promise<void>) | null
  close(): Promise<void>
}

/** The suite's runs are untyped: half of them are there to be wrong. */
// oxlint-disable-next-line typescript/no-explicit-any
export type RunCode = (context: RunContext, input: any) => Promise<any>

export interface ManualClock extends Clock {
  advance(ms: number): void
  /** How many timers are set. */
  timers(): number
}

export function createManualClock(startMs = 1_000_000): ManualClock {
  let nowMs = startMs
  const timers = new Set<{ dueMs: number; callback: () => void }>()
  return {
    now: () => nowMs,
    after(ms, callback) {
      const timer = { dueMs: nowMs + ms, callback }
      timers.add(timer)
      if (ms <= 0) setImmediate(() => timers.delete(timer) && callback())
      return () => timers.delete(timer)
    },
    advance(ms) {
      nowMs += ms
      for (const timer of timers) if (timer.dueMs <= nowMs && timers.delete(timer)) timer.callback()
    },
    timers: () => timers.size,
  }
}

export interface Call extends ActivityContext {
  readonly input: Json
  readonly end: (output?: Json) => void
  readonly fail: (error: Error) => void
}

/**
 * Two activities. `note` gives its input back at once; `work` waits until the test ends that call. Both are recorded in
 * `attempts`, and stay over a crash.
 */
export function createStage() {
  const attempts: string[] = []
  const calls = new Map<string, Call[]>()
  const waiting = new Map<string, (call: Call) => void>()

  const activities: ActivityTable = {
    note: async (input, { attempt }) => {
      attempts.push(attempt)
      return input
    },
    work: (input, context) => {
      attempts.push(context.attempt)
      const { promise, resolve, reject } = Promise.withResolvers<Json>()
      const call = { ...context, input, end: (output: Json = null) => resolve(output), fail: reject }
      const waiter = waiting.get(context.attempt)
      waiting.delete(context.attempt)
      if (waiter) waiter(call)
      else calls.set(context.attempt, [...(calls.get(context.attempt) ?? []), call])
      return promise
    },
  }
  return {
    activities,
    attempts,
    /** The next call of `work` under that attempt key, also one that has come already; each is given once. */
    called: (attempt: string): Promise<Call> => {
      const call = calls.get(attempt)?.shift()
      return call ? Promise.resolve(call) : new Promise((resolve) => waiting.set(attempt, resolve))
    },
  }
}

/** Resolves when an engine in this process has done all that it can do without an outside event. Only for proving that something does not happen. */
export async function comeToRest(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await nextTurn()
}

export const runId = (id: string): RunId => id as RunId

export function abortOf(call: Call): Promise<unknown> {
  const { signal } = call
  if (signal.aborted) return Promise.resolve(signal.reason)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }))
}
