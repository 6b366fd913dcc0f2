import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Implementation, RunCode } from './harness.suite.ts'
import { abortOf, comeToRest, createStage, runId } from './harness.suite.ts'
import { CancelledError } from '../contract.ts'

const id = runId('run')

export function testCancel({ createHarness }: Implementation): void {
  test('cancel reaches the activity, waits until it has settled, and drops what it returns', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const thrown: unknown[] = []
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        await context.act('step', 'work', null).catch((error: unknown) => thrown.push(error))
        await context.act('later', 'note', null).catch((error: unknown) => thrown.push(error))
        return 'swallowed'
      },
    }
    const engine = await harness.start({ activities, runs })
    await engine.start('main', null, { id })
    const call = await called('run/step')
    let settled = false
    const cancelled = engine.cancel(id).then(() => (settled = true))
    assert.equal(await abortOf(call), 'cancelled')
    await comeToRest()
    assert.equal(settled, false)
    call.end('in spite of it')
    await Promise.all([cancelled, engine.cancel(id)])
    assert.deepEqual(await engine.result(id), { state: 'cancelled' })
    assert.deepEqual(await engine.status(id), { state: 'cancelled' })
    assert.ok(thrown.length === 2 && thrown.every((error) => error instanceof CancelledError))
    assert.deepEqual(attempts, ['run/step'])
    await engine.cancel(id)
    await engine.cancel(runId('nobody'))
    await harness.close()
  })

  test('cancel ends what waits: for a signal, a time, a lane', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const thrown: unknown[] = []
    const runs: { [name: string]: RunCode } = {
      holder: (context) => context.serial('hold', 'lane', 'work', null),
      async main(context) {
        const waits = [
          context.signal('signal', 'never', { timeoutMs: 10 }),
          context.sleep('sleep', 10),
          context.serial('serial', 'lane', 'work', null),
          context.child('child', 'holder', null, { lane: 'lane' }),
        ]
        for (const { reason } of (await Promise.allSettled(waits)) as PromiseRejectedResult[]) thrown.push(reason)
      },
      last: (context) => context.serial('last', 'lane', 'work', null),
    }
    const engine = await harness.start({ activities, runs })
    await engine.start('holder', null, { id: runId('holder') })
    const hold = await called('holder/hold')
    await engine.start('main', null, { id })
    await engine.start('last', null, { id: runId('last') })
    await comeToRest()
    await engine.cancel(id)
    assert.equal(thrown.length, 4)
    assert.equal(harness.clock.timers(), 0)
    assert.ok(thrown.every((error) => error instanceof CancelledError))
    hold.end()
    ;(await called('last/last')).end()
    await engine.result(runId('last'))
    harness.clock.advance(1_000)
    assert.deepEqual(attempts, ['holder/hold', 'last/last'])
    await harness.close()
  })

  test('cancelling a parent cancels its children and theirs', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const runs: { [name: string]: RunCode } = {
      main: (context) => Promise.all([context.child('a', 'middle', null), context.child('b', 'leaf', null)]),
      middle: (context) => context.child('c', 'leaf', null),
      leaf: (context) => context.act('step', 'work', null),
    }
    const engine = await harness.start({ activities, runs })
    await engine.start('main', null, { id })
    const calls = await Promise.all(['run/a/c/step', 'run/b/step'].map(called))
    const cancelled = engine.cancel(id)
    for (const call of calls) {
      assert.equal(await abortOf(call), 'cancelled')
      call.fail(new Error('aborted'))
    }
    await cancelled
    for (const run of ['run', 'run/a', 'run/a/c', 'run/b'])
      assert.deepEqual(await engine.status(runId(run)), { state: 'cancelled' }, run)
    await harness.close()
  })

  test('a crash in mid-cancel: what was under way is called once more, aborted from the start, and nothing else is', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const runs: { [name: string]: RunCode } = {
      main: (context) =>
        Promise.all([
          context.child('child', 'branch', null),
          context.signal('signal', 'never'),
          context.act('before', 'note', null).then(() => context.act('step', 'work', null)),
          context.serial('held', 'lane', 'work', null),
          context.serial('waiting', 'lane', 'work', null),
        ]),
      async branch(context) {
        await context.act('step', 'work', null)
        await context.act('later', 'note', null)
      },
      first: (context) => context.serial('step', 'lane', 'work', null),
    }
    const before = await harness.start({ activities, runs })
    // So that the holder of the lane has waited for it.
    await before.start('first', null, { id: runId('first') })
    const first = await called('first/step')
    await before.start('main', null, { id })
    await comeToRest()
    first.end()
    const underWay = ['run/child/step', 'run/step', 'run/held']
    const calls = await Promise.all(underWay.map(called))
    const cancelled = before.cancel(id).catch(() => {})
    await Promise.all(calls.map(abortOf))
    await harness.crash()
    await cancelled

    attempts.length = 0
    const after = await harness.start({ activities, runs })
    for (const call of await Promise.all(underWay.map(called))) {
      assert.deepEqual([call.signal.aborted, call.signal.reason], [true, 'cancelled'], call.attempt)
      assert.equal((await after.status(id)).state, 'running')
      call.end()
    }
    assert.deepEqual(await after.result(id), { state: 'cancelled' })
    assert.deepEqual(await after.result(runId('run/child')), { state: 'cancelled' })
    assert.deepEqual(attempts.toSorted(), underWay.toSorted())
    await harness.close()
  })

  test('code that catches for ever does not hang the engine', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        for (let n = 0; ; n++) await context.act(`step ${n}`, 'work', null).catch(() => null)
      },
    }
    const engine = await harness.start({ activities, runs })
    await engine.start('main', null, { id })
    const call = await called('run/step 0')
    const cancelled = engine.cancel(id)
    call.end()
    await cancelled
    assert.deepEqual(await engine.result(id), { state: 'cancelled' })
    await harness.close()
  })
}
