import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunCode } from './harness.suite.ts'
import { abortOf, comeToRest, createStage, runId } from './harness.suite.ts'
import type { Implementation } from './harness.suite.ts'
import { ActivityError, ChangedInputError, EngineStoppedError } from '../contract.ts'
import type { RunContext } from '../contract.ts'

const id = runId('run')
const done = (result: unknown) => ({ state: 'done', result })

export function testSteps({ createHarness }: Implementation): void {
  test('journalled steps return at once, and the step under way is done again under the same attempt key', async () => {
    const harness = await createHarness()
    const { activities, attempts, called } = createStage()
    const runs = {
      main: async (context, input) => {
        const first = await context.act('first', 'note', { input })
        const second = await context.act('second', 'work', 2)
        return [first, second]
      },
    } satisfies { [name: string]: RunCode }
    const before = await harness.start({ activities, runs })
    await before.start('main', 'given', { id })
    await called('run/second')
    await harness.crash()

    const after = await harness.start({ activities, runs })
    const again = await called('run/second')
    assert.deepEqual([again.run, again.input], ['run', 2])
    again.end('two')
    assert.deepEqual(await after.result(id), done([{ input: 'given' }, 'two']))
    assert.deepEqual(attempts, ['run/first', 'run/second', 'run/second'])
    await harness.close()
  })

  test('branches that end in another order than they began are replayed right', async () => {
    const harness = await createHarness()
    const { activities, attempts, called } = createStage()
    const branch = async (context: RunContext, name: string) => {
      const one = await context.act(`${name}/1`, 'work', name)
      const two = await context.act(`${name}/2`, 'work', one)
      return context.act(`${name}/3`, 'note', [one, two])
    }
    const runs: { [name: string]: RunCode } = {
      main: (context) => Promise.all(['a', 'b', 'c'].map((name) => branch(context, name))),
    }
    const before = await harness.start({ activities, runs })
    await before.start('main', null, { id })
    for (const name of ['c', 'b']) (await called(`run/${name}/1`)).end(`${name}1`)
    ;(await called('run/c/2')).end('c2')
    await called('run/a/1')
    await called('run/b/2')
    while (!attempts.includes('run/c/3')) await comeToRest()
    await comeToRest()
    await harness.crash()

    const after = await harness.start({ activities, runs })
    ;(await called('run/a/1')).end('a1')
    ;(await called('run/b/2')).end('b2')
    ;(await called('run/a/2')).end('a2')
    assert.deepEqual(await after.result(id), done(['a', 'b', 'c'].map((name) => [`${name}1`, `${name}2`])))
    const counts = Object.groupBy(attempts, (attempt) => attempt)
    const repeated = Object.keys(counts).filter((attempt) => counts[attempt]?.length !== 1)
    assert.deepEqual(repeated.toSorted(), ['run/a/1', 'run/b/2'], 'only what was under way is done again')
    await harness.close()
  })

  test('what an activity throws is journalled, and thrown alike on replay', async () => {
    const harness = await createHarness()
    const { activities, attempts, called } = createStage()
    const seen: unknown[] = []
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        await context.act('bad', 'work', null).catch((error: unknown) => {
          assert.ok(error instanceof ActivityError)
          seen.push(error.message)
        })
        await context.act('later', 'work', null)
        return context.act('worse', 'work', null)
      },
    }
    const before = await harness.start({ activities, runs })
    await before.start('main', null, { id })
    ;(await called('run/bad')).fail(new TypeError('no \0 such \ud800 file'))
    await called('run/later')
    await harness.crash()

    const after = await harness.start({ activities, runs })
    ;(await called('run/later')).end()
    ;(await called('run/worse')).fail(new Error('worse'))
    assert.deepEqual(await after.result(id), { state: 'failed', error: 'worse' })
    assert.deepEqual(seen, ['no \0 such \ud800 file', 'no \0 such \ud800 file'])
    assert.equal(attempts.filter((attempt) => attempt === 'run/bad').length, 1)
    await harness.close()
  })

  test('an output is the same at first as on replay: what JSON makes of it', async () => {
    const harness = await createHarness()
    const { called, activities } = createStage()
    const seen: unknown[] = []
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        seen.push(await context.act('nothing', 'odd', 'nothing'), await context.act('part', 'odd', 'part'))
        await context.act('hold', 'work', null)
      },
    }
    const odd = async (input: unknown) => (input === 'nothing' ? undefined : { kept: 1, dropped: undefined }) as never
    const before = await harness.start({ activities: { ...activities, odd }, runs })
    await before.start('main', null, { id })
    await called('run/hold')
    await harness.crash()

    const after = await harness.start({ activities: { ...activities, odd }, runs })
    ;(await called('run/hold')).end()
    assert.deepEqual(await after.result(id), done(null))
    assert.deepEqual(seen, [null, { kept: 1 }, null, { kept: 1 }])
    await harness.close()
  })

  const changes: { [what: string]: RunCode } = {
    'another input': (context) => context.act('step', 'note', { a: 1, b: 3 }),
    'a long input that differs at its end': (context) => context.act('long', 'note', `${'x'.repeat(5_000)}2`),
    'another activity': (context) => context.act('step', 'work', { a: 1, b: 2 }),
    'another kind': (context) => context.serial('step', 'lane', 'note', { a: 1, b: 2 }),
    'another signal': (context) => context.signal('signal', 'other'),
  }
  for (const [what, changed] of Object.entries(changes)) {
    test(`a step that is asked for again with ${what} fails the run, also if its code catches that`, async () => {
      const harness = await createHarness()
      const { activities, called } = createStage()
      const first: RunCode = async (context) => {
        await context.act('step', 'note', { a: 1, b: 2 })
        await context.act('long', 'note', `${'x'.repeat(5_000)}1`)
        await context.signal('signal', 'name')
        await context.act('hold', 'work', null)
      }
      const before = await harness.start({ activities, runs: { main: first } })
      await before.signal(id, 'name', 1)
      await before.start('main', null, { id })
      await called('run/hold')
      await harness.crash()

      let thrown: unknown
      const second: RunCode = (context, input) =>
        changed(context, input).catch((error: unknown) => {
          thrown = error
          return 'swallowed'
        })
      const after = await harness.start({ activities, runs: { main: second } })
      const end = await after.result(id)
      assert.equal(end.state, 'failed')
      assert.ok(thrown instanceof ChangedInputError)
      assert.match(thrown.message, /step|long|signal/)
      await harness.close()
    })
  }

  test('an input whose properties come in another order is the same input', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const main =
      (input: { [key: string]: number }): RunCode =>
      async (context) => {
        await context.act('step', 'note', input)
        return context.act('hold', 'work', null)
      }
    const before = await harness.start({ activities, runs: { main: main({ a: 1, b: 2 }) } })
    await before.start('main', null, { id })
    await called('run/hold')
    await harness.crash()
    const after = await harness.start({ activities, runs: { main: main({ b: 2, a: 1 }) } })
    ;(await called('run/hold')).end('held')
    assert.deepEqual(await after.result(id), done('held'))
    await harness.close()
  })

  const mistakes: { [what: string]: RunCode } = {
    'twice, one after the other': async (context) => {
      await context.act('key', 'note', 1)
      return context.act('key', 'note', 1)
    },
    'twice at once': (context) => Promise.all([context.act('key', 'note', 1), context.act('key', 'note', 1)]),
    'below a child': (context) => Promise.all([context.child('key', 'quick', null), context.act('key/step', 'note', 1)]),
    'above another step, for a child': (context) =>
      Promise.all([context.act('key/a/b', 'note', 1), context.child('key', 'quick', null)]),
  }
  for (const [what, main] of Object.entries(mistakes)) {
    test(`a key that is used ${what} fails the run`, async () => {
      const harness = await createHarness()
      const { activities } = createStage()
      const engine = await harness.start({ activities, runs: { main, quick: async () => null } })
      await engine.start('main', null, { id })
      const end = await engine.result(id)
      assert.equal(end.state, 'failed')
      assert.match(JSON.stringify(end), /key/)
      await harness.close()
    })
  }

  test('a start is idempotent by id: while it runs, when it has ended, and over a restart', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const runs: { [name: string]: RunCode } = { main: (context, input) => context.act('step', 'work', input) }
    const before = await harness.start({ activities, runs })
    await Promise.all([before.start('main', 1, { id }), before.start('main', 2, { id })])
    const call = await called('run/step')
    await before.start('main', 3, { id })
    call.end(call.input)
    assert.deepEqual(await before.result(id), done(1))
    await before.start('main', 4, { id })
    await harness.crash()
    const after = await harness.start({ activities, runs })
    await after.start('main', 5, { id })
    assert.deepEqual(await after.result(id), done(1))
    assert.deepEqual(attempts, ['run/step'])
    await harness.close()
  })

  test('status tells what is under way and since when', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const runs: { [name: string]: RunCode } = {
      main: (context) =>
        Promise.all([
          context.act('act', 'work', null),
          context.serial('serial', 'lane', 'work', null),
          context.signal('signal', 'name'),
          context.child('child', 'waits', null),
          context.sleep('sleep', 1_000),
          context.act('over', 'note', null),
        ]),
      waits: (context) => context.signal('signal', 'never'),
    }
    const engine = await harness.start({ activities, runs })
    assert.deepEqual(await engine.status(id), { state: 'unknown' })
    await assert.rejects(engine.result(id), /no run/)
    await engine.start('main', null, { id })
    const sinceMs = harness.clock.now()
    await called('run/act')
    await called('run/serial')
    await comeToRest()
    harness.clock.advance(10)
    const status = await engine.status(id)
    assert.ok(status.state === 'running')
    assert.deepEqual(status.steps, [
      { key: 'act', kind: 'act', activity: 'work', sinceMs },
      { key: 'serial', kind: 'serial', activity: 'work', sinceMs },
      { key: 'signal', kind: 'signal', activity: null, sinceMs },
      { key: 'child', kind: 'child', activity: null, sinceMs },
      { key: 'sleep', kind: 'sleep', activity: null, sinceMs },
    ])
    await harness.crash()
    const after = await harness.start({ activities, runs })
    await called('run/act')
    assert.deepEqual(await after.status(id), status, 'over a restart, too')
    await harness.close()
  })

  test('when the code throws, what it left under way is cancelled and waited for, and its branches go no further', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        const left = async () => {
          await context.act('left', 'work', null).catch(() => null)
          await context.act('further', 'note', null)
        }
        const fail = async () => {
          await context.act('before', 'note', null)
          throw new Error('the code threw')
        }
        await Promise.all([
          left(),
          fail(),
          context.signal('signal', 'never'),
          context.sleep('sleep', 10),
          context.child('child', 'waits', null),
        ])
      },
      waits: (context) => context.act('step', 'work', null),
    }
    const engine = await harness.start({ activities, runs })
    await engine.start('main', null, { id })
    const [left, child] = [await called('run/left'), await called('run/child/step')]
    assert.deepEqual(await Promise.all([abortOf(left), abortOf(child)]), ['cancelled', 'cancelled'])
    assert.equal((await engine.status(id)).state, 'running', 'until the activities have settled')
    child.fail(new Error('aborted'))
    left.end('in spite of it')
    assert.deepEqual(await engine.result(id), { state: 'failed', error: 'the code threw' })
    assert.deepEqual(await engine.status(runId('run/child')), { state: 'cancelled' })
    await comeToRest()
    assert.ok(!attempts.includes('run/further'))
    await harness.close()
  })

  test('stop lets go without ending anything, and a later engine goes on', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const runs: { [name: string]: RunCode } = {
      async main(context) {
        const both = [context.act('step', 'work', null), context.act('slow', 'work', null)]
        await both[0]
        await context.act('next', 'note', null)
        return Promise.all(both)
      },
    }
    const before = await harness.start({ activities, runs })
    await before.start('main', null, { id })
    const call = await called('run/step')
    const result = before.result(id)
    const stopped = before.stop()
    const slow = await called('run/slow')
    assert.deepEqual([await abortOf(call), await abortOf(slow)], ['stopping', 'stopping'])
    call.end('too late')
    await comeToRest()
    slow.end('too late')
    await stopped
    await before.stop()
    await assert.rejects(result, EngineStoppedError)
    await assert.rejects(before.start('main', null, { id: runId('other') }), EngineStoppedError)
    assert.deepEqual(attempts, ['run/step', 'run/slow'])

    const after = await harness.start({ activities, runs })
    ;(await called('run/step')).end('in time')
    ;(await called('run/slow')).end('as well')
    assert.deepEqual(await after.result(id), done(['in time', 'as well']))
    await harness.close()
  })

  test('a sleep ends when it is due, counted from the first asking, also when the engine was down at that time', async () => {
    const harness = await createHarness()
    const { activities } = createStage()
    const runs: { [name: string]: RunCode } = {
      main: (context) => Promise.all([context.sleep('short', 100), context.sleep('long', 1_000)]),
    }
    const before = await harness.start({ activities, runs })
    await before.start('main', null, { id })
    await harness.crash()
    harness.clock.advance(500)
    const after = await harness.start({ activities, runs })
    const keys = async () => {
      await comeToRest()
      const status = await after.status(id)
      return status.state === 'running' ? status.steps.map(({ key }) => key) : status.state
    }
    assert.deepEqual(await keys(), ['long'])
    harness.clock.advance(499)
    assert.deepEqual(await keys(), ['long'])
    harness.clock.advance(1)
    assert.deepEqual(await after.result(id), done([null, null]))
    await harness.close()
  })

  test('runs are restarted by priority, then in the order of their start', async () => {
    const harness = await createHarness()
    const { activities, called, attempts } = createStage()
    const runs: { [name: string]: RunCode } = { main: (context) => context.act('step', 'work', null) }
    const before = await harness.start({ activities, runs })
    for (const [name, priority] of [
      ['a', 0],
      ['b', 0],
      ['c', 5],
      ['d', -1],
      ['e', 5],
    ] as const) {
      await before.start('main', null, { id: runId(name), priority })
      await called(`${name}/step`)
    }
    await harness.crash()
    attempts.length = 0
    await harness.start({ activities, runs })
    await called('d/step')
    assert.deepEqual(attempts, ['c/step', 'e/step', 'a/step', 'b/step', 'd/step'])
    await harness.close()
  })

  test('a run that this version does not have fails, rather than being lost', async () => {
    const harness = await createHarness()
    const { activities, called } = createStage()
    const before = await harness.start({ activities, runs: { gone: (context) => context.act('step', 'work', null) } })
    await assert.rejects(before.start('never was', null, { id: runId('x') }), /never was/)
    await before.start('gone', null, { id })
    await called('run/step')
    await harness.crash()
    const after = await harness.start({ activities, runs: {} })
    const end = await after.result(id)
    assert.match(end.state === 'failed' ? end.error : '', /no run named "gone"/)
    await harness.close()
  })
}
