/**
 * Random trees of steps, crashed at every commit. Each activity gives another value on each call, and gets as its input
 * what the step before it gave. So if the code ever went on with a value that the journal then lost or replaced, the
 * calls of one attempt would show different inputs, or the result a value that its successor never saw.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import type { Json } from '../../model/json.ts'
import type { ActivityTable, EndedRun, Engine, RunContext } from '../contract.ts'
import { runId } from './harness.suite.ts'
import type { Harness, Implementation, RunCode } from './harness.suite.ts'

type Tree =
  | { readonly kind: 'act' | 'throw' | 'serial' | 'signal' | 'early signal' }
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'child' | 'child in lane'; readonly part: Tree }
  | { readonly kind: 'sequence' | 'branches'; readonly parts: readonly Tree[] }

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('act', 'act', 'throw', 'serial', 'signal', 'early signal') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('sleep'), ms: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('child', 'child in lane'), part: tie('tree') }) },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constantFrom('sequence', 'branches'), parts: fc.array(tie('tree'), { maxLength: 4 }) }),
    },
  ) as fc.Arbitrary<Tree>,
}))

const id = runId('run')
const turnsAtMost = 5_000

export function testRandomRuns({ createHarness }: Implementation): void {
  test('a cancel at any time, with a crash at any commit, ends the run and leaves every lane', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(tree, { minLength: 1, maxLength: 4 }),
        fc.nat(30),
        fc.nat(10),
        async (parts, cancelTurn, commit) => {
          const whole: Tree = { kind: 'branches', parts }
          const played = await play(await createHarness(), whole, [{ commit, moment: 'after' }], cancelTurn)
          assert.ok(played.state === 'cancelled' || played.state === 'done')
        },
      ),
      { numRuns: 150, seed: 20_251_121, endOnFailure: false },
    )
  })

  test('a crash at each commit, and a second one later, change nothing but how often effects are tried', async (context) => {
    const probe = await createHarness()
    const canCrashAt = probe.crashAt !== null
    await probe.close()
    if (!canCrashAt) {
      context.skip('this implementation cannot be crashed at a commit')
      return
    }
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 1, maxLength: 4 }), fc.nat(5), async (parts, second) => {
        const whole: Tree = { kind: 'branches', parts }
        const expected = strip((await play(await createHarness(), whole, [])).result)
        for (let commit = 0; ; commit++) {
          let crashed = false
          for (const moment of ['before', 'after'] as const) {
            const played = await play(await createHarness(), whole, [
              { commit, moment },
              { commit: second, moment: 'before' },
            ])
            assert.equal(played.state, 'done')
            assert.deepEqual(strip(played.result), expected)
            assert.deepEqual(played.steps, stepsIn(whole, 'run'))
            crashed ||= played.crashes > 0
          }
          if (!crashed) return
        }
      }),
      { numRuns: 25, seed: 20_251_121, endOnFailure: false },
    )
  })
}

/** Starts the run, crashes as planned, and goes on until it has ended. `cancelTurn` counts turns of the event loop. */
async function play(
  harness: Harness,
  whole: Tree,
  crashes: readonly { commit: number; moment: 'before' | 'after' }[],
  cancelTurn: number | null = null,
) {
  const inputs = new Map<string, string>()
  const activities = createActivities(inputs)
  let happened = 0
  for (const plan of [...crashes, null]) {
    const crash = plan ? (harness.crashAt?.(plan.commit, plan.moment) ?? never()) : never()
    const engine = await harness.start({ activities, runs })
    const ended = finish(engine, whole, cancelTurn)
    const crashed = crash.then(() => 'crashed' as const)
    const outcome = await race<EndedRun | 'crashed'>(harness, [ended, crashed])
    if (outcome !== 'crashed') {
      const result = outcome.state === 'done' ? outcome.result : null
      const steps = [...inputs.keys()].filter((attempt) => attempt.startsWith('run/')).toSorted()
      await harness.close()
      return { state: outcome.state, result, crashes: happened, steps }
    }
    happened++
  }
  throw new Error('not reached')
}

async function finish(engine: Engine, whole: Tree, cancelTurn: number | null): Promise<EndedRun> {
  try {
    const signals = signalsIn(whole, 'run')
    for (const { run, name, early } of signals) if (early) await engine.signal(run, name, name)
    await engine.start('tree', { tree: whole as unknown as Json, depth: 0 }, { id })
    for (const { run, name, early } of signals) if (!early) await engine.signal(run, name, name)
    for (let turn = 0; turn < (cancelTurn ?? 0); turn++) await nextTurn()
    if (cancelTurn !== null) await engine.cancel(id)
    const end = await engine.result(id)
    await engine.start('lanes', null, { id: runId('lanes') })
    await engine.result(runId('lanes'))
    return end
  } catch {
    // The engine has crashed.
    return never()
  }
}

/** Lets time pass until one of them resolves. */
async function race<T>(harness: Harness, promises: readonly Promise<T>[]): Promise<T> {
  const none = Symbol('none')
  for (let turn = 0; turn < turnsAtMost; turn++) {
    const first = await Promise.race([...promises, nextTurn(none)])
    if (first !== none) return first as T
    harness.clock.advance(1)
  }
  throw new Error('The run does not end')
}

const never = () => new Promise<never>(() => {})

function createActivities(inputs: Map<string, string>): ActivityTable {
  let calls = 0
  const record = (attempt: string, input: Json) => {
    const text = JSON.stringify(input)
    assert.equal(inputs.get(attempt) ?? text, text, `${attempt} is tried again with the same input`)
    inputs.set(attempt, text)
  }
  return {
    give: async (input, { attempt }) => {
      record(attempt, input)
      // Turns of the event loop, so that branches end in many orders.
      for (let turn = calls % 4; turn > 0; turn--) await nextTurn()
      return `${attempt}#${calls++}`
    },
    fail: async (input, { attempt }) => {
      record(attempt, input)
      throw new Error(`${attempt}#${calls++}`)
    },
  }
}

const runs: { [name: string]: RunCode } = {
  tree: async (context, { tree: root, depth }) => doTree(context, root, 'root', null, depth),
  /** Ends if every lane is free. */
  lanes: (context) => Promise.all([0, 1, 2, 3, 4].map((depth) => context.serial(`${depth}`, `lane ${depth}`, 'give', null))),
}

/** `previous` is what the step before gave. */
async function doTree(context: RunContext, node: Tree, key: string, previous: Json, depth: number): Promise<Json> {
  switch (node.kind) {
    case 'act':
      return [previous, await context.act(key, 'give', previous)]
    case 'throw':
      return [previous, await context.act(key, 'fail', previous).catch((error: Error) => error.message)]
    case 'serial':
      return [previous, await context.serial(key, `lane ${depth}`, 'give', previous)]
    case 'signal':
    case 'early signal':
      return context.signal(key, key)
    case 'sleep':
      await context.sleep(key, node.ms)
      return previous
    case 'child':
    case 'child in lane': {
      // Lanes by depth, because a child that waits for a lane that its parent holds would wait for ever.
      const lane = node.kind === 'child' ? {} : { lane: `lane ${depth}` }
      return context.child(key, 'tree', { tree: node.part as unknown as Json, depth: depth + 1 }, lane)
    }
    case 'sequence': {
      const results: Json[] = []
      for (const [n, part] of node.parts.entries())
        results.push(await doTree(context, part, `${key}/${n}`, results.at(-1) ?? previous, depth))
      return results
    }
    case 'branches':
      return Promise.all(node.parts.map((part, n) => doTree(context, part, `${key}/${n}`, previous, depth)))
  }
}

/** The attempts of all activities of the tree. */
function stepsIn(whole: Tree, run: string): string[] {
  return walk(whole, run, 'root')
    .flatMap((leaf) => (/act|throw|serial/.test(leaf.kind) ? [`${leaf.run}/${leaf.key}`] : []))
    .toSorted()
}

function signalsIn(whole: Tree, run: string) {
  const leaves = walk(whole, run, 'root').filter((leaf) => leaf.kind.endsWith('signal'))
  return leaves.map((leaf) => ({ run: runId(leaf.run), name: leaf.key, early: leaf.kind === 'early signal' }))
}

function walk(node: Tree, run: string, key: string): { kind: string; run: string; key: string }[] {
  if ('parts' in node) return node.parts.flatMap((part, n) => walk(part, run, `${key}/${n}`))
  return 'part' in node ? walk(node.part, `${run}/${key}`, 'root') : [{ kind: node.kind, run, key }]
}

/** Without the numbers of the calls, which differ from one play to another. */
function strip(result: Json): Json {
  return JSON.parse(JSON.stringify(result).replaceAll(/#\d+/g, ''))
}
