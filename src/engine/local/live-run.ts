/**
 * A run in memory: its code, the steps that it waits for, and how it ends.
 *
 * A run is over when its code has settled *and* nothing that it began is under way: what the code left behind (the other
 * branches of a `Promise.all` that threw) is cancelled and waited for. Promises of steps that nobody will look at any more
 * (the code has settled, or the engine has stopped) stay pending, so that nothing of the code runs on.
 */
import type { RunId } from '../../model/ids.ts'
import type { Json } from '../../model/json.ts'
import type { Clock } from '../../lib/clock.ts'
import { ActivityError, CancelledError, ChangedInputError } from '../contract.ts'
import type { ActivityTable, EndedRun, RunTable, Signatures, StepUnderWay } from '../contract.ts'
import { createDelivery } from './delivery.ts'
import type { EndedStep, Journal, JournalledStep, Outcome, RunRow, SignalRow, StepRow } from './journal.ts'
import { createKeys } from './keys.ts'
import type { Lanes, Turn } from './lanes.ts'
import { createContext } from './steps.ts'

/** What the runs of one engine share. */
export interface Shared {
  readonly journal: Journal
  readonly clock: Clock
  readonly lanes: Lanes
  readonly activities: ActivityTable
  readonly runs: RunTable<Signatures, Signatures>
  /** Each run until its end is committed. */
  readonly live: Map<RunId, LiveRun>
  /** Activities under way; they settle, and never reject. */
  readonly working: Set<Promise<void>>
  /** True when the engine has stopped: nothing may be journalled or begun any more. */
  hasLetGo(): boolean
  launch(row: RunRow): LiveRun
}

/** What the journal had of a run when the engine opened it. `turns` are by step. */
export interface Found {
  readonly steps: readonly JournalledStep[]
  readonly signals: readonly SignalRow[]
  readonly turns: ReadonlyMap<number, Turn>
}

export interface LiveRun {
  readonly row: RunRow
  /** Resolves when the end is committed; rejects when the engine stops before. */
  readonly ended: Promise<EndedRun>
  readonly stepsUnderWay: () => StepUnderWay[]
  readonly receive: (name: string, value: string) => void
  readonly cancel: () => void
  readonly letGo: (reason: Error) => void
  readonly adopt: (child: LiveRun) => void
  /** Calls back when the end is decided, at once if it is. */
  readonly onEnd: (callback: (end: EndedRun) => void) => void
}

/** What the kinds of steps are built on. */
export interface RunCore {
  readonly row: RunRow
  readonly shared: Shared
  /** Signals that no step has taken yet, by name. */
  readonly signals: Map<string, SignalRow[]>
  /** Steps that wait for a signal, by its name, in the order in which they asked. */
  readonly receivers: Map<string, Set<(outcome: Outcome) => void>>
  /** Journals the step, or finds it in the journal; `begin` is called when it is to be done, and returns how to interrupt it. */
  readonly ask: (request: StepRequest, begin: (step: Step) => Interrupt) => Promise<Json>
  /** Only the first call for a step counts. */
  readonly settle: (step: Step, outcome: Outcome) => void
  readonly isUnderWay: (step: Step) => boolean
}

type StepRequest = Omit<StepRow, 'id' | 'sinceMs' | 'begun'>

export interface Step {
  readonly row: StepRow
  /** It had begun in an earlier process, and may have left something there. */
  readonly begunBefore: boolean
  readonly turn: Turn | null
  readonly resolve: (output: Json) => void
  readonly reject: (error: Error) => void
  interrupt: Interrupt
}

/** With `cancelled` the step has to settle soon; with `stopping` it only has to let go. May be called more than once. */
export type Interrupt = (reason: 'cancelled' | 'stopping') => void

/** A run that is being ended gets no more refusals than this, so that a loop that catches them cannot hang the process. */
const refusalsAtMost = 1_000

export function launchRun(shared: Shared, row: RunRow, found: Found): LiveRun {
  const { journal, lanes } = shared
  // Not kept as a whole, because the steps of a long run would stay in memory with it.
  const { turns } = found
  const journalled = new Map(found.steps.map((step) => [step.row.key, step]))
  const orders = found.steps.flatMap(({ order }) => (order === null ? [] : [order]))
  const delivery = createDelivery(orders)
  const keys = createKeys()
  const underWay = new Map<string, Step>()
  const children = new Set<LiveRun>()
  const listeners: ((end: EndedRun) => void)[] = []
  const ended = Promise.withResolvers<EndedRun>()
  ended.promise.catch(() => {})

  let nextOrder = (orders.at(-1) ?? 0) + 1
  let refusals = 0
  /** Why the run has to end, whatever its code does. */
  let doom: Error | null = row.cancelRequested ? new CancelledError(`${row.id} was cancelled`) : null
  let codeEnd: EndedRun | null = null
  let end: EndedRun | null = null

  const ask: RunCore['ask'] = (request, begin) => {
    if (codeEnd || shared.hasLetGo()) return new Promise(() => {})
    const known = journalled.get(request.key)
    const mistake = keys.claim(request.key, request.kind) ?? (known && describeChange(known.row, request))
    if (mistake) return refuse(mistake)
    journalled.delete(request.key)
    // While it is being ended, a run sees again what it saw before, and what it had begun is ended; nothing else.
    if (doom && !(known && known.row.begun)) return refuse()

    const { promise, resolve, reject } = createPromise()
    if (known && known.order !== null) {
      delivery.replay(known.order, () => handOver({ resolve, reject }, known.outcome))
      return promise
    }
    const turn = (known && turns.get(known.row.id)) ?? (request.lane === null ? null : lanes.join(request.lane))
    const begun = turn === null || turn.state === 'holding'
    const stepRow = known?.row ?? journal.insertStep(row, { ...request, sinceMs: shared.clock.now(), begun })
    const step: Step = { row: stepRow, begunBefore: known?.row.begun ?? false, turn, resolve, reject, interrupt: () => {} }
    underWay.set(request.key, step)
    step.interrupt = begin(step)
    if (doom) step.interrupt('cancelled')
    return promise
  }

  const refuse = (mistake?: string): Promise<Json> => {
    if (mistake !== undefined && !doom) {
      doom = new ChangedInputError(mistake)
      interruptAll()
    }
    if (++refusals > refusalsAtMost) close({ state: 'cancelled' })
    const { promise, reject } = createPromise()
    // In its turn, because what is replayed before it can lead to a step that had begun and has to be ended.
    delivery.deliver(() => reject(doom))
    return promise
  }

  const settle: RunCore['settle'] = (step, outcome) => {
    if (shared.hasLetGo() || !underWay.delete(step.row.key)) return
    if (!doom && !codeEnd) {
      const endedStep: EndedStep = { row: step.row, order: nextOrder++, outcome }
      journal.endStep(endedStep)
    }
    // After the journal, because the next holder of the lane is journalled by this.
    if (step.turn) lanes.leave(step.turn)
    delivery.deliver(() => (doom ? step.reject(doom) : handOver(step, outcome)))
    endIfOver()
  }

  const close = (asCodeEnded: EndedRun) => {
    if (codeEnd || shared.hasLetGo()) return
    codeEnd = asCodeEnded
    delivery.close()
    interruptAll()
    endIfOver()
  }

  const interruptAll = () => {
    for (const child of children) child.cancel()
    for (const step of underWay.values()) step.interrupt('cancelled')
  }

  const endIfOver = () => {
    if (!codeEnd || end || underWay.size > 0 || children.size > 0) return
    const decided: EndedRun = doom ? describeDoom(doom) : codeEnd
    end = decided
    journal.endRun(row, decided)
    if ([...core.signals.values()].some((buffered) => buffered.length > 0)) journal.deleteSignalsOf(row)
    // Places of steps that the code has not asked for again since the restart.
    for (const turn of turns.values()) lanes.leave(turn)
    for (const listener of listeners.splice(0)) listener(decided)
    journal.afterCommit(() => {
      shared.live.delete(row.id)
      ended.resolve(decided)
    })
  }

  const core: RunCore = {
    row,
    shared,
    signals: groupByName(found.signals),
    receivers: new Map(),
    ask,
    settle,
    isUnderWay: (step) => underWay.get(step.row.key) === step,
  }
  const liveRun: LiveRun = {
    row,
    ended: ended.promise,
    stepsUnderWay: () => [...underWay.values()].map(({ row: step }) => describeStep(step)),
    receive(name, value) {
      if (codeEnd) return
      const [receiver] = core.receivers.get(name) ?? []
      if (receiver) receiver({ output: value })
      else bufferSignal(core.signals, journal.insertSignal({ run: row.id, name, value }))
    },
    cancel() {
      if (end || doom instanceof CancelledError) return
      doom = new CancelledError(`${row.id} was cancelled`)
      journal.requestCancel(row)
      interruptAll()
    },
    letGo(reason) {
      delivery.close()
      for (const step of underWay.values()) step.interrupt('stopping')
      ended.reject(reason)
    },
    adopt(child) {
      children.add(child)
      if (doom || codeEnd) child.cancel()
      child.onEnd(() => {
        children.delete(child)
        endIfOver()
      })
    },
    onEnd: (callback) => (end ? callback(end) : void listeners.push(callback)),
  }
  // Later, because the code may ask for a child that the engine has not put back yet.
  void Promise.resolve()
    .then(() => runCode(core))
    .then(close)
  return liveRun
}

/** Never rejects. The result goes through JSON, so that it is the same now as when it is read from the journal. */
async function runCode(core: RunCore): Promise<EndedRun> {
  const { id, name, input } = core.row
  try {
    const code = core.shared.runs[name]
    if (!code) throw new Error(`This version of Heddle has no run named "${name}", which ${id} is`)
    const result = await code(createContext(core), JSON.parse(input))
    return { state: 'done', result: JSON.parse(JSON.stringify(result ?? null)) }
  } catch (error) {
    return { state: 'failed', error: error instanceof Error ? error.message : String(error) }
  }
}

/** Node would end the process for a rejection that the run's code does not wait for. */
function createPromise(): PromiseWithResolvers<Json> {
  const created = Promise.withResolvers<Json>()
  created.promise.catch(() => {})
  return created
}

function handOver(to: Pick<Step, 'resolve' | 'reject'>, outcome: Outcome): void {
  if ('output' in outcome) to.resolve(JSON.parse(outcome.output))
  else to.reject(new ActivityError(outcome.error))
}

function describeDoom(doom: Error): EndedRun {
  return doom instanceof CancelledError ? { state: 'cancelled' } : { state: 'failed', error: doom.message }
}

function describeStep({ key, kind, what, sinceMs }: StepRow): StepUnderWay {
  return { key, kind, activity: kind === 'act' || kind === 'serial' ? what : null, sinceMs }
}

/** Times are not compared: what counts is when the step was first asked for, and a release may change a timeout. */
function describeChange(row: StepRow, request: StepRequest): string | null {
  const parts = ['kind', 'what', 'lane', 'input'] as const
  const changed = parts.filter((part) => row[part] !== request[part])
  if (changed.length === 0) return null
  const show = (step: StepRequest) => changed.map((part) => `${part} ${String(step[part]).slice(0, 200)}`).join(', ')
  return `The journal has the step "${row.key}" with ${show(row)}, and the run asks for it with ${show(request)}`
}

function groupByName(signals: readonly SignalRow[]): Map<string, SignalRow[]> {
  const byName = new Map<string, SignalRow[]>()
  for (const signal of signals) bufferSignal(byName, signal)
  return byName
}

function bufferSignal(byName: Map<string, SignalRow[]>, signal: SignalRow): void {
  const buffered = byName.get(signal.name)
  if (buffered) buffered.push(signal)
  else byName.set(signal.name, [signal])
}
