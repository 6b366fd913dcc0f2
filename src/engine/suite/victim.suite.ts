/** An engine in a process of its own, which the test steers over stdin and stdout, and kills with SIGKILL. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Json } from '../../model/json.ts'
import type { ActivityTable, Engine } from '../contract.ts'
import { createStage, runId } from './harness.suite.ts'
import type { Implementation, RunCode } from './harness.suite.ts'

/** One line to the victim: a method of its engine, or `end` for a call of `work` that is under way. */
type Order = {
  readonly number: number
  readonly method: 'start' | 'signal' | 'cancel' | 'result' | 'end'
  readonly values: readonly string[]
}
/** One line from it. */
type Report =
  | { readonly called: string; readonly aborted: boolean }
  | { readonly aborted: string }
  | { readonly number: number; readonly answer: Json }

/** What the victim's main program calls. */
export function runVictim(createEngine: (activities: ActivityTable, runs: { [name: string]: RunCode }) => Engine): void {
  const report = (line: Report) => process.stdout.write(`${JSON.stringify(line)}\n`)
  const calls = new Map<string, (output: Json) => void>()
  const { activities } = createStage()
  const work: ActivityTable[string] = (_input, { attempt, signal }) => {
    const { promise, resolve } = Promise.withResolvers<Json>()
    calls.set(attempt, resolve)
    report({ called: attempt, aborted: signal.aborted })
    signal.addEventListener('abort', () => report({ aborted: attempt }))
    return promise
  }
  const engine = createEngine({ ...activities, work }, victimRuns)

  const obey = async ({ method, values: [first = '', second = '', third = ''] }: Order): Promise<Json> => {
    if (method === 'start') await engine.start(first, null, { id: runId(second) })
    if (method === 'signal') await engine.signal(runId(first), second, third)
    if (method === 'cancel') await engine.cancel(runId(first))
    if (method === 'end') calls.get(first)?.(second)
    return method === 'result' ? engine.result(runId(first)) : null
  }
  createInterface(process.stdin).on('line', async (line) => {
    const order = JSON.parse(line) as Order
    report({ number: order.number, answer: await obey(order) })
  })
}

const victimRuns: { [name: string]: RunCode } = {
  steps: async (context) => [await context.act('1', 'work', null), await context.act('2', 'work', null)],
  branches: (context) =>
    Promise.all(
      ['a', 'b'].map(async (name) => [
        await context.act(`${name}/1`, 'work', null),
        await context.act(`${name}/2`, 'work', null),
      ]),
    ),
  lane: (context) => context.serial('step', 'lane', 'work', null),
  signals: async (context) => [
    await context.signal('1', 'go'),
    await context.act('hold', 'work', null),
    await context.signal('2', 'go'),
  ],
  family: (context) => context.child('kid', 'steps', null),
}

export type Victim = ReturnType<typeof startVictim>

export function startVictim({ victim }: Implementation, journal: string) {
  const child = spawn(process.execPath, [fileURLToPath(victim), journal], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const reports: Report[] = []
  const watchers = new Set<() => void>()
  let orders = 0
  createInterface(child.stdout).on('line', (line) => {
    reports.push(JSON.parse(line) as Report)
    for (const watcher of watchers) watcher()
  })
  // A victim that fails on its own must end the test's waiting.
  const died = exited.then(() => Promise.reject(new Error('The victim ended by itself')))
  died.catch(() => {})

  const expectReport = async <T extends Report>(fits: (report: Report) => report is T): Promise<T> => {
    const { promise, resolve } = Promise.withResolvers<T>()
    const watcher = () => {
      const found = reports.find(fits)
      if (found) resolve(found)
    }
    watchers.add(watcher)
    watcher()
    return Promise.race([promise, died]).finally(() => watchers.delete(watcher))
  }
  return {
    /** Resolves with whether that attempt was aborted when it was called. */
    called: async (attempt: string): Promise<boolean> =>
      (
        await expectReport(
          (report): report is Report & { called: string; aborted: boolean } => 'called' in report && report.called === attempt,
        )
      ).aborted,
    aborted: (attempt: string) =>
      expectReport(
        (report): report is Report & { aborted: string } =>
          !('called' in report) && 'aborted' in report && report.aborted === attempt,
      ),
    /** All attempts that were called, in that order. */
    calls: () => reports.flatMap((report) => ('called' in report ? [report.called] : [])),
    order: async (method: Order['method'], ...values: string[]): Promise<Json> => {
      const number = orders++
      child.stdin.write(`${JSON.stringify({ number, method, values } satisfies Order)}\n`)
      const isAnswer = (report: Report): report is Report & { number: number; answer: Json } =>
        'number' in report && report.number === number
      return (await expectReport(isAnswer)).answer
    },
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
