/** The agent dies by SIGKILL. The task goes on in a new session, so often and no more. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { createBreakingRig, mark, script, touch, waitForDeath, type BreakingRig } from './rig.ts'

/** The agent's own process, below the relay's shell. */
async function findAgent(rig: BreakingRig, session: string): Promise<number> {
  for (const pid of rig.findProcesses(`HEDDLE_ATTEMPT=${session}\0`)) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
    if (words[1]?.endsWith('/demo/agent.ts')) return pid
  }
  throw new Error(`no agent runs for ${session}`)
}

const promptOf = async (rig: BreakingRig, session: string): Promise<string[]> =>
  (await rig.sent(session))
    .filter((message) => message.method === 'session/prompt')
    .map((message) => JSON.stringify(message.params?.prompt))

test('in mid-turn: a new session is told the whole task', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const gate = rig.trace('gate')
  // Once the gate is open, the same steps run through.
  const prompt = script([
    { run: mark(steps, 'began') },
    { waitFor: { file: gate } },
    { write: { path: 'a.txt', content: 'a\n' } },
  ])
  await rig.heddle(['run', `Write the a file. ${prompt}`, '--name', 'mid', '--agent', 'scripted'])
  await rig.traced('steps', 1)
  const [first] = await rig.sessions('mid')
  process.kill(await findAgent(rig, first!.session), 'SIGKILL')
  await touch(gate)
  await rig.traced('steps', 2)
  await rig.heddle(['wait', 'mid'])
  const sessions = await rig.sessions('mid')
  assert.equal(sessions.length, 2)
  assert.match((await promptOf(rig, sessions[1]!.session)).join(), /Write the a file.*begun before/)
  const { history } = await rig.task('mid')
  assert.ok(
    history.some((one) =>
      /turn 1 failed, next try in 2 s: .*ended in the middle of its turn \(ended by signal 9\)/s.test(one.text),
    ),
    JSON.stringify(history),
  )
  await rig.heddle(['approve', 'mid'])
  await rig.heddle(['wait', 'mid'])
  assert.equal((await rig.task('mid')).state, 'landed')
})

test('each time: the task fails after three tries, and says why', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  await rig.heddle([
    'run',
    script([{ run: mark(steps, 'began') }, { run: 'echo "out of cheese" >&2' }, { exit: 137 }]),
    '--name',
    'mid',
    '--agent',
    'scripted',
  ])
  await rig.heddle(['wait', 'mid'], 1)
  const task = await rig.task('mid')
  assert.equal(task.state, 'failed')
  assert.match(task.failure ?? '', /the agent scripted ended in the middle of its turn \(ended by signal 9\)/)
  assert.deepEqual(await rig.traceNow('steps'), ['began', 'began', 'began'])
  assert.equal(await rig.countPrompts('mid'), 3)
})

test('with all of its group, while no daemon runs', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const gate = rig.trace('gate')
  const prompt = script([
    { run: mark(steps, 'began') },
    { waitFor: { file: gate } },
    { write: { path: 'a.txt', content: 'a\n' } },
  ])
  await rig.heddle(['run', prompt, '--name', 'mid', '--agent', 'scripted'])
  await rig.traced('steps', 1)
  const [first] = await rig.sessions('mid')
  await rig.killDaemon()
  process.kill(-first!.process.pid, 'SIGKILL')
  await waitForDeath(first!.process.pid)
  await touch(gate)
  await rig.heddle(['wait', 'mid'])
  assert.equal((await rig.task('mid')).state, 'review')
  assert.equal((await rig.sessions('mid')).length, 2)
  assert.deepEqual(await rig.traceNow('steps'), ['began', 'began'])
})

test('in review: a revision opens a new session, which is told the task and the comments', async (t) => {
  const rig = await createBreakingRig(t)
  const prompt = script([{ write: { path: 'a.txt', content: 'a\n' } }])
  await rig.heddle(['run', `Write the a file. ${prompt}`, '--name', 'rev', '--agent', 'scripted'])
  await rig.heddle(['wait', 'rev'])
  const [first] = await rig.sessions('rev')
  process.kill(await findAgent(rig, first!.session), 'SIGKILL')
  await waitForDeath(first!.process.pid)
  assert.equal((await rig.task('rev')).state, 'review')
  await rig.heddle(['revise', 'rev', 'Call it b instead.'])
  await rig.heddle(['wait', 'rev'])
  const sessions = await rig.sessions('rev')
  assert.equal(sessions.length, 2)
  const prompts = await promptOf(rig, sessions[1]!.session)
  assert.equal(prompts.length, 1)
  assert.match(prompts[0]!, /Write the a file.*begun before.*Call it b instead/)
  await rig.heddle(['approve', 'rev'])
  await rig.heddle(['wait', 'rev'])
  assert.equal((await rig.task('rev')).state, 'landed')
  assert.deepEqual(rig.findProcesses('HEDDLE_ATTEMPT='), [])
})

test('with a permission pending: the question is taken back', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const prompt = script([
    { run: mark(steps, 'began') },
    { ask: { title: 'Push', kind: 'execute', command: 'git push' } },
    { write: { path: 'a.txt', content: 'a\n' } },
  ])
  await rig.heddle(['run', prompt, '--name', 'ask', '--agent', 'scripted'])
  await rig.heddle(['wait', 'ask'], 4)
  const [asked] = await rig.inbox()
  const [first] = await rig.sessions('ask')
  process.kill(await findAgent(rig, first!.session), 'SIGKILL')
  await rig.traced('steps', 2)
  await rig.heddle(['wait', 'ask'], 4)
  const [again, ...others] = await rig.inbox()
  assert.deepEqual(others, [])
  assert.notEqual(again!.id, asked!.id)
  assert.match((await rig.heddle(['answer', asked!.id, 'allow'], 1)).stderr, /closed already: withdrawn/)
  await rig.heddle(['answer', again!.id, 'allow'])
  await rig.heddle(['wait', 'ask'])
  assert.equal((await rig.task('ask')).state, 'review')
})

test('a daemon that is killed again and again while the agent dies: still three tries', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  await rig.heddle([
    'run',
    script([{ run: mark(steps, 'began') }, { sleep: 200 }, { exit: 1 }]),
    '--name',
    'mid',
    '--agent',
    'scripted',
  ])
  for (let tries = 1; tries <= 3; tries++) {
    await rig.traced('steps', tries)
    await rig.killDaemon()
    await rig.task('mid')
  }
  await rig.heddle(['wait', 'mid'], 1)
  assert.equal((await rig.task('mid')).state, 'failed')
  assert.deepEqual(await rig.traceNow('steps'), ['began', 'began', 'began'])
  assert.deepEqual((await readdir(`${rig.heddleHome}/sessions`)).length, 3)
})
