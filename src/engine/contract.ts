/**
 * Durable runs. A run is ordinary async code whose effects are named activities with JSON in and JSON out; each result
 * is journalled under a key that the code names. After a crash the code runs again from the top, and journalled steps
 * return at once.
 *
 * The rules of a run's code:
 * - No clock, no randomness and no effect outside an activity, and it waits for nothing but its steps.
 * - Keys are unique within the run, do not lie below a child's key (`a/b` below the child `a`), and do not depend on
 *   which concurrent branch finished first.
 * - Whatever it starts it waits for: when it returns or throws, what it left under way (the other branches of a
 *   `Promise.all` that threw) is cancelled, and the run ends when that has settled.
 *
 * A journalled step that is asked for again with another kind, name, lane or input fails the run with
 * `ChangedInputError`, and so does a key that breaks the rules: it is never answered with the old result, and the run
 * fails also if its code catches the error. Times (`ms`, `timeoutMs`) are not compared: the first ones count.
 *
 * A step that throws an error of the engine (cancelled, changed input) and one that nobody waits for are no unhandled
 * rejections; an async function of the run's own that is left to reject is one.
 */
import type { RunId } from '../model/ids.ts'
import type { Json } from '../model/json.ts'

/** What a run's code sees. `A` maps activity names to their inputs and outputs; `R` does the same for runs. */
export interface RunContext<A extends SignatureMap = Signatures, R extends SignatureMap = Signatures> {
  readonly id: RunId

  /**
   * Does an activity once and returns its journalled output, as JSON has it (undefined becomes null). After a crash in
   * mid-activity it is called again with the same `attempt` key, and must then adopt or undo what it left. What it throws
   * is journalled, and thrown here as an `ActivityError`.
   */
  act<N extends NameIn<A>>(key: string, activity: N, input: A[N]['input']): Promise<A[N]['output']>

  /**
   * As `act`, but only one step of a lane is under way at a time, over all runs, in the order in which they asked. A crash
   * changes neither who holds the lane nor that order. Asking for a lane that the run or one of its parents holds (by
   * `child` with `lane`) waits for ever.
   */
  serial<N extends NameIn<A>>(key: string, lane: string, activity: N, input: A[N]['input']): Promise<A[N]['output']>

  /**
   * Waits for the next signal of that name to this run, or for `timeoutMs` (counted from the first time this step was
   * asked for, also across a crash) and then gives null. Signals are buffered: one that came early is not lost. Each is
   * received by one step.
   */
  signal<T extends Json>(key: string, name: string, options?: { timeoutMs?: number }): Promise<T | null>

  /**
   * Starts the run `<id>/<key>` and waits for its result; throws an `ActivityError` if it fails or is cancelled by itself.
   * Cancelling the parent cancels it too. With a `lane`, it starts when the lane is free and holds it until it ends.
   */
  child<N extends NameIn<R>>(key: string, run: N, input: R[N]['input'], options?: { lane?: string }): Promise<R[N]['output']>

  /** Resolves `ms` after it was first asked for, also when the engine was down at that time. */
  sleep(key: string, ms: number): Promise<void>
}

export interface Engine {
  /**
   * Idempotent by id: a second start of the same id does nothing. Resolves when the run is in the journal. After a
   * restart the unfinished runs go on by themselves, those of higher priority first, then in the order of their start.
   */
  start(run: string, input: Json, options: { id: RunId; priority?: number }): Promise<void>
  /** Resolves when the signal is in the journal; it may come before the run starts. A run that has ended ignores it. */
  signal(id: RunId, name: string, value: Json): Promise<void>
  /**
   * Ends the run and its children: activities under way get an `AbortSignal` with reason `cancelled`; the run's code
   * gets `CancelledError` from the step that it waits for (from an activity once that has settled; its result is dropped)
   * and from each later one. Resolves when all of them have settled; the run is then `cancelled`, whatever its code made
   * of it. Idempotent; does nothing to a run that is unknown or has ended.
   *
   * After a crash in mid-cancel the cancel goes on: each activity that was under way is called once more, with a signal
   * that is aborted from the start, so that it ends what the crash left; nothing else is begun.
   */
  cancel(id: RunId): Promise<void>
  status(id: RunId): Promise<RunStatus>
  /** Resolves with the status when the run has ended; rejects for an unknown id. */
  result(id: RunId): Promise<EndedRun>
  /**
   * Lets go of everything without ending anything: activities under way get an `AbortSignal` with reason `stopping`,
   * nothing more is journalled, and a later engine on the same journal goes on from here. Resolves when the activities
   * have settled (what they return is dropped, so they are called again), or have been waited for long enough. Whatever
   * still waits for the engine rejects with `EngineStoppedError`, as does each later call; the code of the runs is left
   * where it is.
   */
  stop(): Promise<void>
}

export type RunStatus =
  | { readonly state: 'unknown' }
  | { readonly state: 'running'; readonly steps: readonly StepUnderWay[] }
  | EndedRun

export type EndedRun =
  | { readonly state: 'done'; readonly result: Json }
  | { readonly state: 'failed'; readonly error: string }
  | { readonly state: 'cancelled' }

/**
 * A step that was asked for and has not ended, so also one that waits for its lane. `activity` is null for signals,
 * children and sleeps; `sinceMs` is the Unix time of the first asking.
 */
export interface StepUnderWay {
  readonly key: string
  readonly kind: 'act' | 'serial' | 'signal' | 'child' | 'sleep'
  readonly activity: string | null
  readonly sinceMs: number
}

/** What an activity is told about the step that it does. */
export interface ActivityContext {
  readonly run: RunId
  /** `<run>/<key>`: the same on every try at this step, and of no other step. */
  readonly attempt: string
  /**
   * `signal.reason` is `'cancelled'` (end what was started) or `'stopping'` (leave it running and let go). It can be
   * aborted from the start: then only end what an earlier try at this attempt left. No `abort` event comes in that case.
   */
  readonly signal: AbortSignal
}

export type ActivityTable<A extends SignatureMap = Signatures> = {
  readonly [N in NameIn<A>]: (input: A[N]['input'], context: ActivityContext) => Promise<A[N]['output']>
}

export type RunTable<A extends SignatureMap, R extends SignatureMap> = {
  readonly [N in NameIn<R>]: (context: RunContext<A, R>, input: R[N]['input']) => Promise<R[N]['output']>
}

/**
 * Declares names with their inputs and outputs, so that the compiler checks every call. All of them must survive JSON; the
 * types say `unknown` because TypeScript takes no interface for an index signature.
 */
export type SignatureMap = { readonly [name: string]: { readonly input: unknown; readonly output: unknown } }
/** What every map is at run time. */
export type Signatures = { readonly [name: string]: { readonly input: Json; readonly output: Json } }
type NameIn<S> = keyof S & string

export class CancelledError extends Error {
  override readonly name = 'CancelledError'
}

/** The journal holds another step under this key: the run's code has changed, or its keys are not unique. */
export class ChangedInputError extends Error {
  override readonly name = 'ChangedInputError'
}

/** An activity threw, or a child did not succeed. Alike on the first run and on replay; `message` is what they gave. */
export class ActivityError extends Error {
  override readonly name = 'ActivityError'
}

/** The engine stopped, or can no longer write its journal, before the promise could be kept. The run is not lost by it. */
export class EngineStoppedError extends Error {
  override readonly name = 'EngineStoppedError'
}
