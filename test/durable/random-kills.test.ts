/** The daemon is killed at random moments of a plan. SEED=… plays a run again, as far as time lets itself be played again. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createBreakingRig, mark, script, waitForDeath } from './rig.ts'

const KILLS = 20
const NEEDS = { a: [], b: [], c: [], d: ['a', 'b'], e: ['c', 'd'], f: ['e'] } as const

/** Mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

test(`killed ${KILLS} times at random, a plan of six tasks lands once each`, async (t) => {
  const seed = Number(process.env.SEED ?? randomInt(2 ** 31))
  t.diagnostic(`SEED=${seed}`)
  const random = createRandom(seed)
  const rig = await createBreakingRig(t, { settings: 'concurrency: 2\nreview:\n  by: checks\n' })
  const steps = rig.trace('steps')
  const plan = Object.entries(NEEDS).map(([name, needs]) => ({
    name,
    needs,
    prompt: script([
      { run: mark(steps, `${name}-begins`) },
      { write: { path: `${name}.txt`, content: `${name}\n` } },
      { sleep: 300 },
      { ask: { title: 'Look', kind: 'execute', command: 'ls' } },
      { commit: `Add ${name}` },
      { run: mark(steps, `${name}-ends`) },
    ]),
    checks: [`sleep 0.2; test -e ${name}.txt`],
  }))
  const file = rig.trace('plan.yaml')
  await writeFile(file, JSON.stringify({ tasks: plan }))
  await rig.heddle(['run', '--plan', file])
  const stages = new Map<string, number>()
  for (let kill = 1; kill <= KILLS; kill++) {
    const { pid } = (await rig.heddle(['daemon', 'start', '--json'])).json<{ pid: number }>()
    await pause(random() * 500)
    process.kill(pid, 'SIGKILL')
    await waitForDeath(pid)
    const landed = (await rig.git('log', '--format=%s', 'main'))
      .split('\n')
      .filter((subject) => subject.startsWith('Add ')).length
    stages.set(`${landed} landed`, (stages.get(`${landed} landed`) ?? 0) + 1)
  }
  t.diagnostic(`kills by progress: ${[...stages].map(([stage, count]) => `${stage}: ${count}`).join(', ')}`)
  const names = Object.keys(NEEDS)
  const waited = await rig.heddle(['wait', ...names, '--timeout', '60'], null)
  assert.equal(
    waited.code,
    0,
    `${waited.stdout}${waited.stderr}\n${JSON.stringify(await Promise.all(names.map((name) => rig.task(name))), null, 1)}`,
  )
  const subjects = (await rig.git('log', '--format=%s', 'main')).split('\n')
  assert.deepEqual(subjects.toSorted(), [...names.map((name) => `Add ${name}`), 'Begin'].toSorted())
  assert.deepEqual(
    (await rig.traceNow('steps')).toSorted(),
    names.flatMap((name) => [`${name}-begins`, `${name}-ends`]).toSorted(),
  )
  for (const name of names) {
    const task = await rig.task(name)
    assert.equal(task.state, 'landed')
    assert.equal(task.attempt, 1)
    assert.equal(task.history.filter((one) => one.text.startsWith('landed on main')).length, 1)
    assert.equal(await rig.countPrompts(name), 1)
    assert.equal(await rig.git('show', `main:${name}.txt`), name)
  }
  assert.deepEqual(await rig.inbox(), [])
  assert.equal((await rig.git('worktree', 'list', '--porcelain')).match(/^worktree /gm)?.length, 1)
  assert.equal(await rig.git('for-each-ref', 'refs/heads'), `${await rig.git('for-each-ref', 'refs/heads/main')}`)
  assert.equal(await rig.git('status', '--porcelain'), '')
  assert.deepEqual(rig.findProcesses('HEDDLE_ATTEMPT='), [])
})
