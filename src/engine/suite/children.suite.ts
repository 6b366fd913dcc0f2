import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Implementation, RunCode } from './harness.suite.ts'
import { abortOf, createStage, runId } from './harness.suite.ts'
import { ActivityError } from '../contract.ts'

const id = runId('run')
const done = (result: unknown) => ({ state: 'done', result })

export function testChildren({ createHarness }: Implementation): void {
  test('a child is the run `<id>/<key>`, and goes on after a crash together with its parent', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const runs: { [name: string]: RunCode } = {
      main: async (context) => [await context.child('kid', 'child', { n: 1 }), await context.act('after', 'work', null)],
      child: async (context, input) => [
        input,
        context.id,
        await context.act('one', 'note', 1),
        await context.act('two', 'work', 2),
      ],
    }
    const before = await harness.start({ activities, runs })
    await before.start('main', null, { id })
    await called('run/kid/two')
    await harness.crash()
    const during = await harness.start({ activities, runs })
    ;(await called('run/kid/two')).end('two')
    const kid = [{ n: 1 }, 'run/kid', 1, 'two']
    assert.deepEqual(await during.result(runId('run/kid')), done(kid))
    await called('run/after')
    await harness.crash()
    const after = await harness.start({ activities, runs })
    ;(await called('run/after')).end('after')
    assert.deepEqual(await after.result(id), done([kid, 'after']))
    assert.deepEqual(attempts, ['run/kid/one', 'run/kid/two', 'run/kid/two', 'run/after', 'run/after'])
    await harness.close()
  })

  test('a child that its parent no longer asks for is cancelled when the parent ends', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const child: RunCode = (context) => context.act('step', 'work', null)
    const before = await harness.start({ activities, runs: { main: (context) => context.child('kid', 'child', null), child } })
    await before.start('main', null, { id })
    await called('run/kid/step')
    await harness.crash()
    const after = await harness.start({ activities, runs: { main: async () => 'new code', child } })
    const call = await called('run/kid/step')
    assert.equal(await abortOf(call), 'cancelled')
    assert.equal((await after.status(id)).state, 'running', 'until the child has ended')
    call.end()
    assert.deepEqual(await after.result(id), done('new code'))
    assert.deepEqual(await after.status(runId('run/kid')), { state: 'cancelled' })
    await harness.close()
  })

  test('a child that fails or is cancelled throws in its parent, alike on replay', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const seen: unknown[] = []
    const note = (error: unknown) => seen.push(error instanceof ActivityError && error.message)
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        await context.child('bad', 'bad', null).catch(note)
        await context.child('stopped', 'waits', null).catch(note)
        await context.act('hold', 'work', null)
      },
      bad: async () => {
        throw new Error('the child failed')
      },
      waits: (context) => context.act('step', 'work', null),
    }
    const before = await harness.start({ activities, runs })
    await before.start('main', null, { id })
    const step = await called('run/stopped/step')
    step.signal.addEventListener('abort', () => step.end())
    await before.cancel(runId('run/stopped'))
    await called('run/hold')
    await harness.crash()
    const after = await harness.start({ activities, runs })
    ;(await called('run/hold')).end()
    assert.deepEqual(await after.result(id), done(null))
    const once = ['the child failed', 'run/stopped was cancelled']
    assert.deepEqual(seen, [...once, ...once])
    await harness.close()
  })
}
