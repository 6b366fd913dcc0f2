import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DatabaseSync } from 'node:sqlite'
import { describeEngine } from '../contract.suite.ts'
import { EngineStoppedError } from '../contract.ts'
import type { RunCode } from '../suite/harness.suite.ts'
import { abortOf, comeToRest, createStage, runId } from '../suite/harness.suite.ts'
import type { Signatures } from '../contract.ts'
import { local } from './harness.suite.ts'
import { createLocalEngine } from './local.ts'

describeEngine('local', local)

const id = runId('run')

test('steps that ended in some order are replayed in that order, whichever was asked for first', async () => {
  const harness = await local.createHarness()
  const { activities, called } = createStage()
  const won: unknown[] = []
  const runs: { [name: string]: RunCode } = {
    async main(context) {
      const both = [context.act('slow', 'work', null), context.act('quick', 'note', 'quick').then((output) => output)]
      won.push(await Promise.race(both))
      await Promise.all(both)
      await context.act('hold', 'work', null)
    },
  }
  const before = await harness.start({ activities, runs })
  await before.start('main', null, { id })
  const slow = await called('run/slow')
  await comeToRest()
  slow.end('slow')
  await called('run/hold')
  await harness.crash()
  await harness.start({ activities, runs })
  await called('run/hold')
  assert.deepEqual(won, ['quick', 'quick'])
  await harness.close()
})

test('signals that no step took are dropped with their run', async () => {
  const harness = await local.createHarness()
  const { activities, called } = createStage()
  const runs: { [name: string]: RunCode } = { main: (context) => context.act('step', 'work', null) }
  const engine = await harness.start({ activities, runs })
  await engine.signal(id, 'early', null)
  await engine.start('main', null, { id })
  await engine.signal(id, 'meanwhile', null)
  ;(await called('run/step')).end()
  await engine.result(id)
  await engine.signal(id, 'late', null)
  await engine.stop()
  const database = new DatabaseSync(harness.journal)
  assert.deepEqual(database.prepare('SELECT name FROM signals').all(), [])
  database.close()
  await harness.close()
})

test('a child that ended before its parent asked for it again hands over its result', async () => {
  const harness = await local.createHarness()
  const { activities, called } = createStage()
  const asks = Promise.withResolvers<void>()
  let restarted = false
  const runs: { [name: string]: RunCode } = {
    async main(context) {
      if (restarted) await asks.promise
      return context.child('kid', 'child', null)
    },
    child: (context) => context.act('step', 'work', null),
  }
  const before = await harness.start({ activities, runs })
  await before.start('main', null, { id })
  await called('run/kid/step')
  await harness.crash()
  restarted = true
  const after = await harness.start({ activities, runs })
  ;(await called('run/kid/step')).end('from the child')
  await after.result(runId('run/kid'))
  asks.resolve()
  assert.deepEqual(await after.result(id), { state: 'done', result: 'from the child' })
  await harness.close()
})

test('a journal that a newer version wrote is refused', async () => {
  const harness = await local.createHarness()
  const database = new DatabaseSync(harness.journal)
  database.exec('PRAGMA user_version = 99')
  database.close()
  await assert.rejects(harness.start({ activities: {}, runs: {} }), /newer Heddle \(schema version 99/)
  await harness.close()
})

test('a second engine on a journal is refused', async () => {
  const harness = await local.createHarness()
  const tables = { activities: {}, runs: {} }
  const first = await harness.start(tables)
  assert.throws(() => createLocalEngine<Signatures, Signatures>({ ...harness, ...tables }), /in use by another engine/)
  await first.stop()
  await createLocalEngine<Signatures, Signatures>({ ...harness, ...tables }).stop()
  await harness.close()
})

test('an engine that cannot write its journal lets go of everything and says so', async () => {
  const harness = await local.createHarness()
  const { activities, called } = createStage()
  const runs: { [name: string]: RunCode } = { main: (context) => context.act('step', 'work', null) }
  const broken: unknown[] = []
  let full = false
  const atCommit = () => {
    if (full) throw new Error('disk is full')
  }
  const onBroken = (error: unknown) => broken.push(error)
  const engine = createLocalEngine<Signatures, Signatures>({ ...harness, activities, runs, atCommit, onBroken })
  await engine.start('main', null, { id })
  const call = await called('run/step')
  const result = engine.result(id)
  full = true
  await assert.rejects(engine.signal(id, 'any', null), /disk is full/)
  assert.equal(await abortOf(call), 'stopping')
  await assert.rejects(result, EngineStoppedError)
  await assert.rejects(engine.status(id), EngineStoppedError)
  assert.deepEqual(broken.map(String), ['Error: disk is full'])
  call.end()
  await engine.stop()
  await harness.close()
})

test('stop waits for activities to let go, but not for ever', async () => {
  const harness = await local.createHarness()
  const { activities, called } = createStage()
  const runs: { [name: string]: RunCode } = { main: (context) => context.act('step', 'work', null) }
  const engine = await harness.start({ activities, runs })
  await engine.start('main', null, { id })
  await called('run/step')
  let hasStopped = false
  const stopped = engine.stop().then(() => (hasStopped = true))
  await comeToRest()
  assert.equal(hasStopped, false)
  harness.clock.advance(5_000)
  await stopped
  await harness.close()
})

test('a step that nobody waits for may fail', async () => {
  const harness = await local.createHarness()
  const { activities, called } = createStage()
  const runs: { [name: string]: RunCode } = {
    async main(context) {
      void context.act('dropped', 'work', null)
      return context.act('step', 'work', null)
    },
  }
  const engine = await harness.start({ activities, runs })
  await engine.start('main', null, { id })
  ;(await called('run/dropped')).fail(new Error('unseen'))
  await comeToRest()
  ;(await called('run/step')).end('seen')
  assert.deepEqual(await engine.result(id), { state: 'done', result: 'seen' })
  await harness.close()
})

test('ten thousand steps are replayed, and none is done again', async () => {
  const harness = await local.createHarness()
  const { activities, called, attempts } = createStage()
  const runs: { [name: string]: RunCode } = {
    async main(context) {
      for (let n = 0; n < 100; n++) {
        await Promise.all(Array.from({ length: 100 }, (_, m) => context.act(`${n}/${m}`, 'note', { n, m })))
      }
      await context.act('hold', 'work', null)
    },
  }
  const before = await harness.start({ activities, runs })
  await before.start('main', null, { id })
  await called('run/hold')
  await harness.crash()
  await harness.start({ activities, runs })
  await called('run/hold')
  assert.equal(attempts.length, 10_002)
  await harness.close()
})
