import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Harness, Implementation, RunCode } from './harness.suite.ts'
import { comeToRest, createStage, runId } from './harness.suite.ts'

const runs: { [name: string]: RunCode } = {
  serial: (context) => context.serial('step', 'lane', 'work', null),
  elsewhere: (context) => context.serial('step', 'other lane', 'work', null),
  family: (context) => context.child('kid', 'child', null, { lane: 'lane' }),
  child: async (context) => {
    await context.act('1', 'work', null)
    await context.act('2', 'work', null)
  },
}

export function testLanes({ createHarness }: Implementation): void {
  async function startRuns(names: readonly string[]) {
    const harness = await createHarness()
    const stage = createStage()
    const engine = await harness.start({ activities: stage.activities, runs })
    for (const name of names) {
      await engine.start(name.replace(/\d+$/, ''), null, { id: runId(name) })
      await comeToRest()
    }
    return { harness, stage, engine }
  }
  async function restart(harness: Harness, { activities, attempts }: ReturnType<typeof createStage>, runsNow = runs) {
    await harness.crash()
    attempts.length = 0
    const engine = await harness.start({ activities, runs: runsNow })
    await comeToRest()
    return engine
  }

  test('one step of a lane at a time, in the order of asking, over all runs; other lanes go on', async () => {
    const { harness, stage, engine } = await startRuns(['serial1', 'family1', 'elsewhere1', 'serial2'])
    assert.deepEqual(stage.attempts, ['serial1/step', 'elsewhere1/step'])
    assert.deepEqual(await engine.status(runId('family1/kid')), { state: 'unknown' }, 'a child starts when it has the lane')
    ;(await stage.called('serial1/step')).fail(new Error('a lane is left on failure, too'))
    ;(await stage.called('family1/kid/1')).end()
    const last = await stage.called('family1/kid/2')
    await comeToRest()
    assert.ok(!stage.attempts.includes('serial2/step'), 'a child holds the lane until it ends')
    last.end()
    ;(await stage.called('serial2/step')).end('last')
    assert.deepEqual(await engine.result(runId('serial2')), { state: 'done', result: 'last' })
    await harness.close()
  })

  test('after a crash the holder has its lane, then those who waited, in their order, then newcomers', async () => {
    const { harness, stage } = await startRuns(['serial1', 'serial2', 'serial3', 'serial4'])
    ;(await stage.called('serial1/step')).end()
    await stage.called('serial2/step')
    const engine = await restart(harness, stage)
    await engine.start('serial', null, { id: runId('serial0') })
    for (const name of ['serial2', 'serial3', 'serial4', 'serial0']) {
      await comeToRest()
      assert.equal(stage.attempts.at(-1), `${name}/step`)
      ;(await stage.called(`${name}/step`)).end()
      await engine.result(runId(name))
    }
    assert.equal(stage.attempts.length, 4)
    await harness.close()
  })

  test('the holder keeps its lane though runs of higher priority are restarted before it', async () => {
    const harness = await createHarness()
    const stage = createStage()
    const before = await harness.start({ activities: stage.activities, runs })
    await before.start('serial', null, { id: runId('low') })
    await stage.called('low/step')
    await before.start('serial', null, { id: runId('high'), priority: 9 })
    await comeToRest()
    await restart(harness, stage)
    assert.deepEqual(stage.attempts, ['low/step'])
    ;(await stage.called('low/step')).end()
    await stage.called('high/step')
    await harness.close()
  })

  test('a child in a lane holds it over a crash', async () => {
    const { harness, stage } = await startRuns(['family1', 'serial1'])
    ;(await stage.called('family1/kid/1')).end()
    await stage.called('family1/kid/2')
    const engine = await restart(harness, stage)
    assert.deepEqual(stage.attempts, ['family1/kid/2'])
    ;(await stage.called('family1/kid/2')).end()
    ;(await stage.called('serial1/step')).end()
    await Promise.all([engine.result(runId('family1')), engine.result(runId('serial1'))])
    await harness.close()
  })

  test('a holder that is cancelled leaves its lane, and one whose run no longer asks for it when that run ends', async () => {
    const { harness, stage, engine } = await startRuns(['serial1', 'serial2', 'serial3'])
    const first = await stage.called('serial1/step')
    first.signal.addEventListener('abort', () => first.end())
    await engine.cancel(runId('serial1'))
    await stage.called('serial2/step')
    const changed: RunCode = (context) =>
      context.id === 'serial2' ? context.act('new code', 'work', null) : (runs['serial'] as RunCode)(context, null)
    await restart(harness, stage, { ...runs, serial: changed })
    assert.deepEqual(stage.attempts, ['serial2/new code'])
    ;(await stage.called('serial2/new code')).end()
    await stage.called('serial3/step')
    await harness.close()
  })
}
