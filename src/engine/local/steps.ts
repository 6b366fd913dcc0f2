/** The kinds of steps: how each begins, settles and is interrupted. */
import type { RunId } from '../../model/ids.ts'
import type { Json } from '../../model/json.ts'
import type { Clock } from '../../lib/clock.ts'
import type { ActivityContext, EndedRun, RunContext } from '../contract.ts'
import { describeInput } from './input.ts'
import type { Outcome } from './journal.ts'
import type { Interrupt, LiveRun, RunCore, Step } from './live-run.ts'

export function createContext(core: RunCore): RunContext {
  const dueIn = (ms: number) => {
    if (Number.isNaN(ms)) throw new RangeError('A time to wait has to be a number')
    return core.shared.clock.now() + ms
  }
  return {
    id: core.row.id,
    act: (key, activity, input) => {
      requireActivity(core, activity)
      const request = { key, kind: 'act', what: activity, input: describeInput(input), lane: null, dueMs: null } as const
      return core.ask(request, (step) => beginActivity(core, step, input))
    },
    serial: (key, lane, activity, input) => {
      requireActivity(core, activity)
      const request = { key, kind: 'serial', what: activity, input: describeInput(input), lane, dueMs: null } as const
      return core.ask(request, (step) => beginActivity(core, step, input))
    },
    signal: <T extends Json>(key: string, name: string, { timeoutMs }: { timeoutMs?: number } = {}) => {
      const dueMs = timeoutMs === undefined ? null : dueIn(timeoutMs)
      const request = { key, kind: 'signal', what: name, input: null, lane: null, dueMs } as const
      // The sender and the receiver agree on the type by the signal's name.
      return core.ask(request, (step) => beginSignal(core, step)) as Promise<T | null>
    },
    child: (key, run, input, { lane = null } = {}) => {
      const request = { key, kind: 'child', what: run, input: describeInput(input), lane, dueMs: null } as const
      return core.ask(request, (step) => beginChild(core, step, input))
    },
    sleep: async (key, ms) => {
      const request = { key, kind: 'sleep', what: null, input: null, lane: null, dueMs: dueIn(ms) } as const
      await core.ask(request, (step) => beginSleep(core, step))
    },
  }
}

/** Only untyped code gets here; without this it would journal a step that no version can do. */
function requireActivity(core: RunCore, name: string): void {
  if (!Object.hasOwn(core.shared.activities, name)) throw new TypeError(`There is no activity named "${name}"`)
}

function beginActivity(core: RunCore, step: Step, input: Json): Interrupt {
  const { journal, working, activities } = core.shared
  const controller = new AbortController()
  const context = { run: core.row.id, attempt: `${core.row.id}/${step.row.key}`, signal: controller.signal }
  let called = false

  const call = () => {
    if (core.shared.hasLetGo() || !core.isUnderWay(step)) return
    called = true
    const work = tryActivity(activities[step.row.what as string], input, context).then((outcome) => {
      working.delete(work)
      core.settle(step, outcome)
    })
    working.add(work)
  }
  enterLane(core, step, () => journal.afterCommit(call))

  return (reason) => {
    if (reason === 'stopping') controller.abort(reason)
    else if (called) journal.afterCommit(() => controller.abort(reason))
    // What it left in an earlier process has to be ended, so it is called all the same, and finds itself aborted.
    else if (step.begunBefore) controller.abort(reason)
    else core.settle(step, neverBegun)
  }
}

/** Never rejects. */
async function tryActivity(
  activity: ((input: Json, context: ActivityContext) => Promise<Json>) | undefined,
  input: Json,
  context: ActivityContext,
): Promise<Outcome> {
  try {
    return { output: JSON.stringify((await activity?.(input, context)) ?? null) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

function beginSignal(core: RunCore, step: Step): Interrupt {
  const name = step.row.what as string
  const buffered = core.signals.get(name)?.shift()
  if (buffered) {
    core.shared.journal.deleteSignal(buffered)
    core.settle(step, { output: buffered.value })
    return () => {}
  }
  const receivers = core.receivers.get(name) ?? new Set()
  const receive = (outcome: Outcome) => {
    receivers.delete(receive)
    cancelTimer()
    core.settle(step, outcome)
  }
  core.receivers.set(name, receivers.add(receive))
  const cancelTimer = waitUntil(core.shared.clock, step.row.dueMs, () => receive({ output: 'null' }))
  return () => receive(neverBegun)
}

function beginChild(core: RunCore, step: Step, input: Json): Interrupt {
  const { journal, live, launch } = core.shared
  const id = `${core.row.id}/${step.row.key}` as RunId
  let child: LiveRun | undefined

  const settle = (end: EndedRun) => core.settle(step, describeEnd(id, end))
  enterLane(core, step, () => {
    child = live.get(id)
    const ended = child ? 'running' : journal.loadRun(id)
    if (typeof ended !== 'string') {
      settle(ended)
      return
    }
    const { priority } = core.row
    const text = JSON.stringify(input ?? null)
    child ??= launch(journal.insertRun({ id, name: step.row.what as string, input: text, priority, parent: core.row.id }))
    child.onEnd(settle)
  })

  return (reason) => {
    if (reason === 'stopping') return
    if (child) child.cancel()
    else core.settle(step, neverBegun)
  }
}

function describeEnd(id: RunId, end: EndedRun): Outcome {
  if (end.state === 'done') return { output: JSON.stringify(end.result) }
  return { error: end.state === 'failed' ? end.error : `${id} was cancelled` }
}

function beginSleep(core: RunCore, step: Step): Interrupt {
  const cancelTimer = waitUntil(core.shared.clock, step.row.dueMs, () => core.settle(step, { output: 'null' }))
  return () => {
    cancelTimer()
    core.settle(step, neverBegun)
  }
}

/** What a step that was interrupted settles with. Nobody sees it: such a run is being ended. */
const neverBegun: Outcome = { error: 'This step was cancelled' }

function enterLane({ shared: { journal, lanes } }: RunCore, { turn, row }: Step, go: () => void): void {
  if (!turn) go()
  else {
    lanes.wait(turn, () => {
      if (!row.begun) journal.beginStep(row)
      go()
    })
  }
}

function waitUntil(clock: Clock, dueMs: number | null, callback: () => void): () => void {
  if (dueMs === null) return () => {}
  let cancel: () => void
  const wait = () => {
    // Looks again, because a timer runs on another clock than the time of day, and can be a little early by it.
    cancel = clock.after(Math.max(dueMs - clock.now(), 0), () => (dueMs <= clock.now() ? callback() : wait()))
  }
  wait()
  return () => cancel()
}
