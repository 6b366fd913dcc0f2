import type { Clock } from '../../lib/clock.ts'
import type { RunId } from '../../model/ids.ts'
import { EngineStoppedError } from '../contract.ts'
import type { ActivityTable, EndedRun, Engine, RunTable, SignatureMap, Signatures } from '../contract.ts'
import { openJournal } from './journal.ts'
import type { RunRow, SignalRow } from './journal.ts'
import { createLanes } from './lanes.ts'
import type { Turn } from './lanes.ts'
import { launchRun } from './live-run.ts'
import type { Found, LiveRun, Shared } from './live-run.ts'

export interface LocalEngineOptions<A extends SignatureMap, R extends SignatureMap> {
  /** Path of the journal, an SQLite file of its own. Only one engine can have it open. */
  readonly journal: string
  readonly clock: Clock
  readonly activities: ActivityTable<A>
  readonly runs: RunTable<A, R>
  /**
   * Called once if the journal can no longer be written (a full disk, say); the engine has then stopped, as if the process
   * had died. Without it the error is thrown where nobody can catch it, which ends the process.
   */
  readonly onBroken?: (error: unknown) => void
  /** How long `stop` waits for activities to let go. */
  readonly stopMs?: number
  /** For tests: throwing here stands for a full disk, or for a crash, just before or after a commit. */
  readonly atCommit?: (moment: 'before' | 'after') => void
}

/**
 * The engine that keeps its journal in SQLite, in this process. Every run that the journal has as unfinished goes on at
 * once: those of higher priority first, then in the order of their start.
 */
export function createLocalEngine<A extends SignatureMap, R extends SignatureMap>(options: LocalEngineOptions<A, R>): Engine {
  const { clock, stopMs = 5_000, onBroken = throwIt } = options
  let letGoBecause: Error | null = null
  let stopped: Promise<void> | null = null
  /** Signals to runs that have not started. */
  const early = new Map<RunId, SignalRow[]>()

  const letGo = (because: Error) => {
    letGoBecause = because
    for (const run of shared.live.values()) run.letGo(because)
  }
  const endBroken = (error: unknown) => {
    letGo(new EngineStoppedError('The journal could not be written', { cause: error }))
    onBroken(error)
  }
  const journal = openJournal(options.journal, endBroken, options.atCommit)
  const shared: Shared = {
    journal,
    clock,
    lanes: createLanes(),
    // Inside, names and values are no longer tied to each other by types.
    activities: options.activities as unknown as ActivityTable,
    runs: options.runs as unknown as RunTable<Signatures, Signatures>,
    live: new Map(),
    working: new Set(),
    hasLetGo: () => letGoBecause !== null,
    launch: (row) => launch(row, { steps: [], signals: takeEarly(row.id), turns: new Map() }),
  }

  const launch = (row: RunRow, found: Found): LiveRun => {
    const run = launchRun(shared, row, found)
    shared.live.set(row.id, run)
    if (row.parent) shared.live.get(row.parent)?.adopt(run)
    return run
  }
  const takeEarly = (id: RunId): SignalRow[] => {
    const signals = early.get(id) ?? []
    early.delete(id)
    return signals
  }
  const committed = () => new Promise<void>((resolve, reject) => journal.afterCommit(resolve, reject))
  const requireRunning = () => {
    if (letGoBecause) throw letGoBecause
  }

  recover(shared, launch, early, takeEarly)

  return {
    async start(name, input, { id, priority = 0 }) {
      requireRunning()
      if (!Object.hasOwn(shared.runs, name)) throw new TypeError(`There is no run named "${name}"`)
      if (!shared.live.has(id) && journal.loadRun(id) === 'unknown') {
        shared.launch(journal.insertRun({ id, name, input: JSON.stringify(input ?? null), priority, parent: null }))
      }
      await committed()
    },
    async signal(id, name, value) {
      requireRunning()
      const text = JSON.stringify(value ?? null)
      const run = shared.live.get(id)
      if (run) run.receive(name, text)
      else if (journal.loadRun(id) === 'unknown') {
        const signal = journal.insertSignal({ run: id, name, value: text })
        early.set(id, [...(early.get(id) ?? []), signal])
      }
      await committed()
    },
    cancel: (id) => mayBeLeft(cancel(id)),
    async status(id) {
      requireRunning()
      const run = shared.live.get(id)
      if (run) return { state: 'running', steps: run.stepsUnderWay() }
      const row = journal.loadRun(id)
      return row === 'unknown' || row === 'running' ? { state: 'unknown' } : row
    },
    result: (id) => mayBeLeft(waitForResult(id)),
    stop() {
      stopped ??= letGoBecause ? Promise.resolve() : stop()
      return stopped
    },
  }

  async function cancel(id: RunId): Promise<void> {
    requireRunning()
    const run = shared.live.get(id)
    run?.cancel()
    await run?.ended
  }

  async function waitForResult(id: RunId): Promise<EndedRun> {
    requireRunning()
    const run = shared.live.get(id)
    if (run) return run.ended
    const row = journal.loadRun(id)
    if (row === 'unknown' || row === 'running') throw new Error(`There is no run ${id}`)
    return row
  }

  async function stop(): Promise<void> {
    // Set first, so that the callbacks of the last commit begin nothing.
    letGoBecause = new EngineStoppedError('The engine has stopped')
    journal.flush()
    letGo(letGoBecause)
    // Closed last: its lock keeps the next engine from calling an activity that has not let go yet.
    await within(clock, stopMs, Promise.all(shared.working))
    journal.close()
  }
}

function recover(
  { journal, lanes }: Shared,
  launch: (row: RunRow, found: Found) => LiveRun,
  early: Map<RunId, SignalRow[]>,
  takeEarly: (id: RunId) => SignalRow[],
): void {
  for (const signal of journal.loadSignals()) {
    const signals = early.get(signal.run)
    if (signals) signals.push(signal)
    else early.set(signal.run, [signal])
  }
  // All lanes before any run, so that nobody gets ahead of those who were there.
  const turns = new Map<number, Turn>()
  for (const { step, lane } of journal.loadLanes()) turns.set(step, lanes.join(lane))

  for (const row of journal.loadUnfinishedRuns()) {
    const steps = journal.loadSteps(row)
    const own = new Map<number, Turn>()
    for (const { row: step } of steps) {
      const turn = turns.get(step.id)
      if (turn) own.set(step.id, turn)
    }
    launch(row, { steps, signals: takeEarly(row.id), turns: own })
  }
}

/** These reject when the engine stops; Node would end the process if nobody looked at them then. */
function mayBeLeft<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const timeout = Promise.withResolvers<void>()
  const cancel = clock.after(ms, timeout.resolve)
  await Promise.race([work, timeout.promise])
  cancel()
}

function throwIt(error: unknown): never {
  throw error
}
