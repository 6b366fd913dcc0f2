import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Implementation } from './harness.suite.ts'
import { startVictim } from './victim.suite.ts'
import type { Victim } from './victim.suite.ts'

const done = (result: unknown) => ({ state: 'done', result })

export function testKills(implementation: Implementation): void {
  /** Plays `before`, kills the process, and plays `after` in a new one. */
  function testKill(
    name: string,
    before: (victim: Victim) => Promise<unknown>,
    after: (victim: Victim) => Promise<unknown>,
  ): void {
    test(name, async (context) => {
      const harness = await implementation.createHarness()
      const first = startVictim(implementation, harness.journal)
      context.after(() => first.kill())
      await before(first)
      await first.kill()
      const second = startVictim(implementation, harness.journal)
      context.after(() => second.kill())
      await after(second)
      await second.kill()
      await harness.close()
    })
  }

  testKill(
    'in mid-step: the step is done again, the one before it is not',
    async (victim) => {
      await victim.order('start', 'steps', 'run')
      await victim.called('run/1')
      await victim.order('end', 'run/1', 'one')
      await victim.called('run/2')
    },
    async (victim) => {
      await victim.called('run/2')
      await victim.order('end', 'run/2', 'two')
      assert.deepEqual(await victim.order('result', 'run'), done(['one', 'two']))
      assert.deepEqual(victim.calls(), ['run/2'])
    },
  )

  testKill(
    'between branches that end in another order than they began',
    async (victim) => {
      await victim.order('start', 'branches', 'run')
      for (const attempt of ['run/b/1', 'run/b/2']) {
        await victim.called(attempt)
        await victim.order('end', attempt, attempt)
      }
      // A commit after that of the branch, so that it is in the journal.
      await victim.order('signal', 'run', 'unused', '')
    },
    async (victim) => {
      for (const attempt of ['run/a/1', 'run/a/2']) {
        await victim.called(attempt)
        await victim.order('end', attempt, attempt)
      }
      assert.deepEqual(
        await victim.order('result', 'run'),
        done([
          ['run/a/1', 'run/a/2'],
          ['run/b/1', 'run/b/2'],
        ]),
      )
      assert.deepEqual(victim.calls(), ['run/a/1', 'run/a/2'])
    },
  )

  testKill(
    'while a step holds a lane and others wait for it',
    async (victim) => {
      for (const run of ['first', 'second', 'third']) await victim.order('start', 'lane', run)
      await victim.called('first/step')
      await victim.order('end', 'first/step', '')
      await victim.called('second/step')
    },
    async (victim) => {
      await victim.order('start', 'lane', 'newcomer')
      for (const run of ['second', 'third', 'newcomer']) {
        await victim.called(`${run}/step`)
        await victim.order('end', `${run}/step`, run)
        assert.deepEqual(await victim.order('result', run), done(run))
      }
      assert.deepEqual(victim.calls(), ['second/step', 'third/step', 'newcomer/step'])
    },
  )

  testKill(
    'right after signals were acknowledged',
    async (victim) => {
      await victim.order('signal', 'run', 'go', 'early')
      await victim.order('start', 'signals', 'run')
      await victim.called('run/hold')
      await victim.order('signal', 'run', 'go', 'buffered')
    },
    async (victim) => {
      await victim.called('run/hold')
      await victim.order('end', 'run/hold', 'held')
      assert.deepEqual(await victim.order('result', 'run'), done(['early', 'held', 'buffered']))
    },
  )

  testKill(
    'in mid-cancel: the activity of the child gets to clean up, and parent and child end as cancelled',
    async (victim) => {
      await victim.order('start', 'family', 'run')
      await victim.called('run/kid/1')
      void victim.order('cancel', 'run').catch(() => {})
      await victim.aborted('run/kid/1')
    },
    async (victim) => {
      assert.equal(await victim.called('run/kid/1'), true, 'aborted from the start')
      await victim.order('end', 'run/kid/1', 'cleaned up')
      assert.deepEqual(await victim.order('result', 'run'), { state: 'cancelled' })
      assert.deepEqual(await victim.order('result', 'run/kid'), { state: 'cancelled' })
      assert.deepEqual(victim.calls(), ['run/kid/1'])
    },
  )
}
