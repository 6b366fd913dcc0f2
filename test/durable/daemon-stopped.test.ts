/** The daemon is stopped in an orderly way, and what it wrote is torn by a power cut. */
import assert from 'node:assert/strict'
import { readFile, truncate } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createBreakingRig, mark, script, touch } from './rig.ts'

test('daemon stop leaves agents and checks running, and the next command takes them up again', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const gate = rig.trace('gate')
  const work = script([{ run: mark(steps, 'agent') }, { waitFor: { file: gate } }, { write: { path: 'a.txt', content: 'a\n' } }])
  const check = `${mark(steps, 'check')}; until [ -e '${gate}' ]; do sleep 0.05; done`
  await rig.heddle(['run', work, '--name', 'agent', '--agent', 'scripted'])
  await rig.heddle([
    'run',
    script([{ write: { path: 'b.txt', content: 'b\n' } }]),
    '--name',
    'check',
    '--agent',
    'scripted',
    '--check',
    check,
  ])
  await rig.traced('steps', 2)
  const before = [...(await rig.sessions('agent')), ...(await rig.sessions('check'))]
  const stopped = await rig.heddle(['daemon', 'stop'])
  assert.match(stopped.stdout, /agents? go(es)? on without it/)
  assert.equal((await rig.heddle(['daemon', 'status'], 3)).code, 3)
  for (const { process } of before) assert.ok(rig.findProcesses().includes(process.pid))
  await touch(gate)
  await rig.heddle(['wait', 'agent', 'check'])
  assert.deepEqual([...(await rig.sessions('agent')), ...(await rig.sessions('check'))], before)
  assert.deepEqual((await rig.traceNow('steps')).toSorted(), ['agent', 'check'])
  await rig.heddle(['approve', 'agent', 'check'])
  await rig.heddle(['wait', 'agent', 'check'])
  assert.deepEqual([await rig.countPrompts('agent'), await rig.countPrompts('check')], [1, 1])
})

test('daemon stop --all ends the agents, and keeps what they did', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  // A shell in a session of its own that does not listen to SIGTERM.
  const stubborn = `trap '' TERM; ${mark(steps, 'deaf')}; sleep 300 & wait; sleep 300`
  await rig.heddle([
    'run',
    script([{ write: { path: 'a.txt', content: 'half done\n' } }, { run: stubborn }]),
    '--name',
    'deaf',
    '--agent',
    'scripted',
  ])
  await rig.traced('steps', 1)
  await rig.heddle(['daemon', 'stop', '--all'])
  assert.deepEqual(rig.findProcesses(), [])
  const task = await rig.task('deaf')
  assert.equal(task.state, 'stopped')
  assert.equal(await rig.git('show', `${task.preserved}:a.txt`), 'half done')
})

test('a torn last line in the log to the agent is completed', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const prompt = script([
    { run: mark(steps, 'one') },
    { ask: { title: 'Push', kind: 'execute', command: 'git push', ifAllowed: [{ run: mark(steps, 'allowed') }] } },
    { write: { path: 'ä.txt', content: 'ä\n' } },
  ])
  await rig.heddle(['run', prompt, '--name', 'torn', '--agent', 'scripted'])
  await rig.heddle(['wait', 'torn'], 4)
  const [asked] = await rig.inbox()
  const [session] = await rig.sessions('torn')
  const log = `${rig.heddleHome}/sessions/${session!.session}/in`
  // The relay stops reading here, so that the agent sees of the answer only what the daemon of afterwards completes.
  const tail = rig.findProcesses(`HEDDLE_ATTEMPT=${session!.session}`).find((pid) => pid !== session!.process.pid && isTail(pid))
  process.kill(tail!, 'SIGSTOP')
  const before = (await readFile(log)).length
  await rig.heddle(['answer', asked!.id, 'allow'])
  await rig.heddle(['daemon', 'stop'])
  const whole = await readFile(log)
  assert.ok(whole.length > before)
  await truncate(log, before + Math.floor((whole.length - before) / 2))
  process.kill(tail!, 'SIGCONT')
  await rig.heddle(['wait', 'torn'])
  assert.deepEqual(await readFile(log), whole)
  assert.deepEqual(await rig.traceNow('steps'), ['one', 'allowed'])
  assert.equal((await rig.sent(session!.session)).filter((message) => message.method === undefined).length, 1)
  await rig.heddle(['approve', 'torn'])
  await rig.heddle(['wait', 'torn'])
  assert.equal((await rig.task('torn')).state, 'landed')
})

const isTail = (pid: number): boolean => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('tail\0')
