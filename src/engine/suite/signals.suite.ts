import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Implementation, RunCode } from './harness.suite.ts'
import { comeToRest, createStage, runId } from './harness.suite.ts'

const id = runId('run')
const done = (result: unknown) => ({ state: 'done', result })

export function testSignals({ createHarness }: Implementation): void {
  test('a signal that comes before its run is started is not lost, also over a crash', async () => {
    const harness = await createHarness()
    const runs: { [name: string]: RunCode } = {
      main: (context) => Promise.all([context.signal('1', 'go'), context.signal('2', 'go')]),
    }
    const before = await harness.start({ activities: {}, runs })
    await before.signal(id, 'go', { early: 1 })
    await harness.crash()
    const after = await harness.start({ activities: {}, runs })
    await after.signal(id, 'go', { early: 2 })
    await after.start('main', null, { id })
    assert.deepEqual(await after.result(id), done([{ early: 1 }, { early: 2 }]))
    await harness.close()
  })

  test('signals are received in order, each by one step, by name, and once over a crash', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        const first = await context.signal('first', 'a')
        await context.act('hold', 'work', null)
        return [
          first,
          await context.signal('second', 'a'),
          await context.signal('other', 'b'),
          await context.signal('third', 'a'),
        ]
      },
    }
    const before = await harness.start({ activities, runs })
    await before.start('main', null, { id })
    await before.signal(id, 'b', 'b1')
    await before.signal(id, 'a', 'a1')
    await before.signal(id, 'a', 'a2')
    await called('run/hold')
    await before.signal(id, 'a', 'a3')
    await harness.crash()
    const after = await harness.start({ activities, runs })
    ;(await called('run/hold')).end()
    assert.deepEqual(await after.result(id), done(['a1', 'a2', 'b1', 'a3']))
    await harness.close()
  })

  test('steps that wait for the same signal get it in the order in which they asked', async () => {
    const harness = await createHarness()
    const runs: { [name: string]: RunCode } = {
      main: (context) => Promise.all(['1', '2', '3'].map((key) => context.signal(key, 'a'))),
    }
    const engine = await harness.start({ activities: {}, runs })
    await engine.start('main', null, { id })
    await comeToRest()
    for (const value of ['x', 'y', 'z']) await engine.signal(id, 'a', value)
    assert.deepEqual(await engine.result(id), done(['x', 'y', 'z']))
    await harness.close()
  })

  test('a timeout is counted from the first asking, over a crash, and gives null', async () => {
    const harness = await createHarness()
    const runs: { [name: string]: RunCode } = {
      main: (context) =>
        Promise.all([
          context.signal('short', 'a', { timeoutMs: 100 }),
          context.signal('long', 'b', { timeoutMs: 1_000 }),
          context.signal('in time', 'c', { timeoutMs: 1_000 }),
        ]),
    }
    const before = await harness.start({ activities: {}, runs })
    await before.start('main', null, { id })
    await harness.crash()
    harness.clock.advance(999)
    const after = await harness.start({ activities: {}, runs })
    await after.signal(id, 'c', 'came')
    await comeToRest()
    const status = await after.status(id)
    assert.deepEqual(status.state === 'running' && status.steps.map(({ key }) => key), ['long'])
    harness.clock.advance(1)
    assert.deepEqual(await after.result(id), done([null, null, 'came']))
    await harness.close()
  })

  test('a step that timed out takes no later signal, and one that was signalled is not timed out', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        const late = await context.signal('late', 'a', { timeoutMs: 100 })
        const prompt = await context.signal('prompt', 'a', { timeoutMs: 100 })
        await context.act('hold', 'work', null)
        return [late, prompt]
      },
    }
    const engine = await harness.start({ activities, runs })
    await engine.start('main', null, { id })
    await comeToRest()
    harness.clock.advance(100)
    await engine.signal(id, 'a', 'value')
    const hold = await called('run/hold')
    assert.equal(harness.clock.timers(), 0)
    harness.clock.advance(1_000)
    hold.end()
    assert.deepEqual(await engine.result(id), done([null, 'value']))
    await harness.close()
  })

  test('a run that has ended ignores signals', async () => {
    const harness = await createHarness()
    const engine = await harness.start({ activities: {}, runs: { main: async () => 'over' } })
    await engine.start('main', null, { id })
    await engine.result(id)
    await engine.signal(id, 'a', 1)
    assert.deepEqual(await engine.status(id), done('over'))
    await harness.close()
  })
}
