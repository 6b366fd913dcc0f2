/** claude and codex, each through the whole life of a task: the real programs, with a scripted model behind them. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { createRealRig, type RealRig } from './real-rig.ts'
import { touch } from '../durable/rig.ts'

const agents = ['claude', 'codex'] as const
const commit = 'git add -A && git -c user.name=Agent -c user.email=agent@example.com commit -q -m "By the agent"'

async function land(rig: RealRig, name: string): Promise<void> {
  await rig.heddle(['approve', name])
  await rig.heddle(['wait', name])
  const task = await rig.task(name)
  assert.equal(task.state, 'landed', task.failure ?? '')
  assert.deepEqual(rig.findProcesses(`HEDDLE_ATTEMPT=${task.id}`), [])
}

for (const agent of agents) {
  test(`${agent} writes two files, commits one itself, and both land; its usage is recorded`, async (t) => {
    const rig = await createRealRig(t)
    await rig.start('two', agent, [
      [
        { write: { path: 'one.txt', content: 'one\n' } },
        { bash: commit },
        { write: { path: 'two.txt', content: 'two\n' } },
        { say: 'Both are there.' },
      ],
    ])
    await rig.heddle(['wait', 'two'])
    const task = await rig.task('two')
    assert.equal(task.state, 'review', task.failure ?? '')
    assert.deepEqual(await rig.inbox().then((all) => all.map((one) => one.kind)), ['review'])
    assert.match(task.lastWords ?? '', /Both are there/)
    // Four answers of the model: 1,200 tokens in and 55 out each.
    assert.ok(task.usage.inputTokens >= 4 * 1200 && task.usage.outputTokens === 4 * 55, JSON.stringify(task.usage))
    assert.equal(task.usage.costUsd === null, agent === 'codex')
    await land(rig, 'two')
    assert.deepEqual((await rig.git('log', '--format=%an: %s', 'main')).split('\n'), [
      'Ada: Do two.',
      'Agent: By the agent',
      'Ada: Begin',
    ])
    assert.equal(await rig.git('show', 'main:two.txt'), 'two')
  })

  for (const answer of ['allow', 'deny'] as const) {
    test(`${agent} asks before it pushes: ${answer}`, async (t) => {
      const rig = await createRealRig(t)
      await rig.git('init', '--quiet', '--bare', rig.trace('remote.git'))
      await rig.git('remote', 'add', 'origin', rig.trace('remote.git'))
      const push = { bash: 'git push -q origin HEAD:refs/heads/pushed', ...(agent === 'codex' ? { escalate: true } : {}) }
      const last = [{ write: { path: 'a.txt', content: 'a\n' } }, { say: 'Done.' }]
      // codex ends its turn when it is refused; the next block is for the turn after that.
      await rig.start('push', agent, answer === 'deny' && agent === 'codex' ? [[push, ...last], last] : [[push, ...last]])
      await rig.heddle(['wait', 'push'], 4)
      const [asked, ...others] = await rig.inbox()
      assert.deepEqual(others, [])
      assert.equal(asked!.kind, 'permission')
      assert.match(asked!.text, /git push.*\npushes to a remote/)
      await rig.killDaemon()
      await rig.heddle(['answer', asked!.id, answer])
      await rig.heddle(['wait', 'push'])
      const pushed = await rig.git('ls-remote', rig.trace('remote.git'))
      assert.equal(pushed !== '', answer === 'allow')
      assert.equal(await rig.countPrompts('push'), answer === 'deny' && agent === 'codex' ? 2 : 1)
      await land(rig, 'push')
    })
  }

  test(`${agent} mends a failed check, and revises, in the same session`, async (t) => {
    const rig = await createRealRig(t)
    await rig.start(
      'mend',
      agent,
      [
        [{ write: { path: 'a.txt', content: 'wrong\n' } }, { say: 'First.' }],
        [{ edit: { path: 'a.txt', old: 'wrong', new: 'right' } }, { say: 'Second.' }],
        [{ write: { path: 'b.txt', content: 'b\n' } }, { say: 'Third.' }],
      ],
      '--check',
      'grep right a.txt',
    )
    await rig.heddle(['wait', 'mend'])
    assert.deepEqual(
      (await rig.task('mend')).evidence.map((one) => one.ok),
      [true],
    )
    const [session] = await rig.sessions('mend')
    await rig.heddle(['revise', 'mend', 'Add b.'])
    await rig.heddle(['wait', 'mend'])
    assert.equal((await rig.task('mend')).change?.files, 2)
    assert.deepEqual(await rig.sessions('mend'), [session])
    assert.equal(await rig.countPrompts('mend'), 3)
    await land(rig, 'mend')
  })

  test(`${agent} goes on when the daemon is killed in mid-turn`, async (t) => {
    const rig = await createRealRig(t)
    const gate = rig.trace('gate')
    await rig.start('mid', agent, [
      [
        { bash: `touch began; until [ -e '${gate}' ]; do sleep 0.1; done; rm began` },
        { write: { path: 'a.txt', content: 'a\n' } },
        { say: 'Done.' },
      ],
    ])
    await began(rig, 'mid')
    const before = await rig.sessions('mid')
    await rig.killDaemon()
    assert.equal((await rig.task('mid')).state, 'working')
    await touch(gate)
    await rig.heddle(['wait', 'mid'])
    assert.deepEqual(await rig.sessions('mid'), before)
    assert.equal(await rig.countPrompts('mid'), 1)
    await land(rig, 'mid')
  })

  test(`${agent} killed in mid-turn goes on in a new process that remembers`, async (t) => {
    const rig = await createRealRig(t)
    const gate = rig.trace('gate')
    await rig.start('dies', agent, [
      [
        { bash: `touch began; until [ -e '${gate}' ]; do sleep 0.1; done` },
        { write: { path: 'a.txt', content: 'a\n' } },
        { say: 'Done.' },
      ],
    ])
    await began(rig, 'dies')
    const [first] = await rig.sessions('dies')
    process.kill(-first!.process.pid, 'SIGKILL')
    await touch(gate)
    await rig.heddle(['wait', 'dies'])
    assert.equal((await rig.task('dies')).state, 'review')
    const sessions = await rig.sessions('dies')
    assert.equal(sessions.length, 2)
    assert.ok((await rig.sent(sessions[1]!.session)).some((message) => message.method === 'session/resume'))
    await land(rig, 'dies')
  })

  test(`${agent} stopped in mid-turn leaves no process, and its work is kept`, async (t) => {
    const rig = await createRealRig(t)
    await rig.start('stop', agent, [
      [{ write: { path: 'a.txt', content: 'half\n' } }, { bash: `touch began; sleep 300 & sleep 300` }],
    ])
    await began(rig, 'stop')
    await rig.heddle(['stop', 'stop'])
    const task = await rig.task('stop')
    assert.equal(task.state, 'stopped')
    // Nothing of the whole throwaway user lives, but the daemon.
    const daemon = (await rig.heddle(['daemon', 'status', '--json'])).json<{ pid: number }>().pid
    assert.deepEqual(
      rig.findProcesses().filter((pid) => pid !== daemon),
      [],
    )
    assert.equal(await rig.git('show', `${task.preserved}:a.txt`), 'half')
  })

  for (const [status, retried] of agent === 'claude'
    ? ([[401, false]] as const)
    : ([
        [401, false],
        [400, true],
      ] as const)) {
    test(`${agent}: a model that answers ${status} is told as a failure${retried ? '' : ', and not tried again'}`, async (t) => {
      const rig = await createRealRig(t)
      await rig.start('bad', agent, [[{ say: 'Never said.', fail: { status, times: 99 } }]])
      await rig.heddle(['wait', 'bad'], 1)
      const task = await rig.task('bad')
      assert.equal(task.state, 'failed')
      assert.match(task.failure ?? '', status === 401 ? /authenticat/i : /400|a failure that the script asks for/)
      assert.equal(await rig.countPrompts('bad'), retried ? 3 : 1)
    })
  }

  test(`${agent} that is not installed is told at once, with what to type`, async (t) => {
    const rig = await createRealRig(t)
    const run = await rig.repo.heddle(['run', 'Do it', '--agent', agent], { env: { PATH: '/usr/bin:/bin' } })
    assert.equal(run.code, 1)
    assert.match(run.stderr, new RegExp(`the agent ${agent} is not installed.*\\n.*npm install --global`))
    assert.deepEqual((await rig.heddle(['ps', '--json'])).json(), [])
  })
}

/** Resolves when the agent's shell runs in the task's worktree. */
async function began(rig: RealRig, name: string): Promise<void> {
  for (;;) {
    const task = await rig.task(name)
    assert.equal(task.endedAt, null, task.failure ?? '')
    if (task.workspace !== null && existsSync(`${task.workspace}/began`)) return
  }
}
