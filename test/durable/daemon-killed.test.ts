/** The daemon dies by SIGKILL at each stage of a task. Nothing is lost, nothing is done twice. */
import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { test } from 'node:test'
import { createBreakingRig, mark, script, touch, type BreakingRig } from './rig.ts'

/** What must hold for a task that landed, whatever happened on the way. */
async function assertLandedOnce(rig: BreakingRig, name: string, prompts: number, others = 0): Promise<void> {
  const task = await rig.task(name)
  assert.equal(task.state, 'landed')
  assert.equal(await rig.countPrompts(name), prompts)
  assert.equal(task.history.filter((one) => one.text.startsWith('landed on main')).length, 1)
  assert.deepEqual(await rig.inbox(), [])
  assert.equal(await rig.git('worktree', 'list', '--porcelain').then((text) => text.match(/^worktree /gm)?.length), 1)
  assert.deepEqual(rig.findProcesses(`HEDDLE_ATTEMPT=${task.id}`), [])
  // One commit a turn, on top of the first one.
  assert.equal(await rig.git('rev-list', '--count', 'main'), String(1 + prompts + others))
}

test('in mid-turn: the same agent goes on, and is not asked again', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const gate = rig.trace('gate')
  const prompt = script([
    { run: mark(steps, 'one') },
    { waitFor: { file: gate } },
    { run: mark(steps, 'two') },
    { write: { path: 'a.txt', content: 'a\n' } },
  ])
  await rig.heddle(['run', prompt, '--name', 'mid', '--agent', 'scripted'])
  await rig.traced('steps', 1)
  const before = await rig.sessions('mid')
  await rig.killDaemon()
  assert.equal((await rig.task('mid')).state, 'working')
  assert.deepEqual(await rig.sessions('mid'), before)
  assert.ok(rig.findProcesses(`HEDDLE_ATTEMPT=${before[0]!.session}`).includes(before[0]!.process.pid))
  await touch(gate)
  await rig.heddle(['wait', 'mid'])
  await rig.heddle(['approve', 'mid'])
  await rig.heddle(['wait', 'mid'])
  assert.deepEqual(await rig.traceNow('steps'), ['one', 'two'])
  assert.deepEqual(await rig.sessions('mid'), before)
  await assertLandedOnce(rig, 'mid', 1)
})

test('in mid-turn, and the turn ends while no daemon runs', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const gate = rig.trace('gate')
  const prompt = script([
    { run: mark(steps, 'one') },
    { waitFor: { file: gate } },
    { write: { path: 'a.txt', content: 'a\n' } },
    { tokens: { input: 7, output: 3 } },
    { run: mark(steps, 'two') },
    { say: 'Done.' },
  ])
  await rig.heddle(['run', prompt, '--name', 'mid', '--agent', 'scripted'])
  await rig.traced('steps', 1)
  await rig.killDaemon()
  await touch(gate)
  await rig.traced('steps', 2)
  await rig.heddle(['wait', 'mid'])
  const task = await rig.task('mid')
  assert.deepEqual(task.usage, { inputTokens: 7, outputTokens: 3, costUsd: null })
  assert.match(task.lastWords ?? '', /Done\./)
  await rig.heddle(['approve', 'mid'])
  await rig.heddle(['wait', 'mid'])
  await assertLandedOnce(rig, 'mid', 1)
})

test('in mid-check: the check is not run twice, and what it has made stays', async (t) => {
  const rig = await createBreakingRig(t)
  const checks = rig.trace('checks')
  const gate = rig.trace('gate')
  // The first leaves dirt that is dropped before the second; the second must find what it made itself.
  const first = `${mark(checks, 'first')}; touch left-by-first`
  const second = `test ! -e left-by-first || exit 9; touch half; ${mark(checks, 'second')}; until [ -e '${gate}' ]; do sleep 0.05; done; test -e half`
  await rig.heddle([
    'run',
    script([{ write: { path: 'a.txt', content: 'a\n' } }]),
    '--name',
    'mid',
    '--agent',
    'scripted',
    '--check',
    first,
    '--check',
    second,
  ])
  await rig.traced('checks', 2)
  await rig.killDaemon()
  const task = await rig.task('mid')
  assert.equal(task.doing, 'checking')
  // Each restart finds the first check ended and the second one at work.
  await rig.killDaemon()
  assert.equal((await rig.task('mid')).doing, 'checking')
  await touch(gate)
  await rig.heddle(['wait', 'mid'])
  const checked = await rig.task('mid')
  assert.deepEqual(
    checked.evidence.map((one) => one.ok),
    [true, true],
    JSON.stringify(checked.evidence),
  )
  assert.deepEqual(await rig.traceNow('checks'), ['first', 'second'])
  await rig.heddle(['approve', 'mid'])
  await rig.heddle(['wait', 'mid'])
  // The base did not move, so the landed tree is the one that was checked.
  assert.deepEqual(await rig.traceNow('checks'), ['first', 'second'])
  await assertLandedOnce(rig, 'mid', 1)
})

for (const answer of ['allow', 'deny'] as const) {
  test(`while a permission is pending: it is asked once, and can be answered after the restart (${answer})`, async (t) => {
    const rig = await createBreakingRig(t)
    const steps = rig.trace('steps')
    const ask = {
      title: 'Push',
      kind: 'execute',
      command: 'git push origin HEAD',
      ifAllowed: [{ run: mark(steps, 'allowed') }],
      orElse: [{ run: mark(steps, 'denied') }],
    } as const
    const prompt = script([{ run: mark(steps, 'one') }, { ask }, { write: { path: 'a.txt', content: 'a\n' } }])
    await rig.heddle(['run', prompt, '--name', 'push', '--agent', 'scripted'])
    await rig.heddle(['wait', 'push'], 4)
    const [asked] = await rig.inbox()
    await rig.killDaemon()
    assert.deepEqual(await rig.inbox(), [asked])
    const before = await rig.sessions('push')
    await rig.killDaemon()
    await rig.heddle(['answer', asked!.id, answer])
    await rig.heddle(['wait', 'push'])
    assert.deepEqual(await rig.traceNow('steps'), ['one', answer === 'allow' ? 'allowed' : 'denied'])
    assert.deepEqual(await rig.sessions('push'), before)
    const replies = (await rig.sent(before[0]!.session)).filter((message) => message.method === undefined)
    assert.equal(replies.length, 1)
    await rig.heddle(['approve', 'push'])
    await rig.heddle(['wait', 'push'])
    await assertLandedOnce(rig, 'push', 1)
  })
}

test('in review: the review is still there, the agent is alive, and a revision goes to the same session', async (t) => {
  const rig = await createBreakingRig(t)
  const prompt = script([{ write: { path: 'a.txt', content: 'a\n' } }], [{ write: { path: 'b.txt', content: 'b\n' } }])
  await rig.heddle(['run', prompt, '--name', 'rev', '--agent', 'scripted'])
  await rig.heddle(['wait', 'rev'])
  const before = await rig.sessions('rev')
  const [review] = await rig.inbox()
  await rig.killDaemon()
  assert.equal((await rig.task('rev')).state, 'review')
  assert.deepEqual(await rig.inbox(), [review])
  await rig.killDaemon()
  await rig.heddle(['revise', 'rev', 'Add b.'])
  await rig.heddle(['wait', 'rev'])
  assert.deepEqual(await rig.sessions('rev'), before)
  assert.equal((await rig.task('rev')).change?.files, 2)
  await rig.killDaemon()
  await rig.heddle(['approve', 'rev'])
  await rig.heddle(['wait', 'rev'])
  await assertLandedOnce(rig, 'rev', 2)
})

test('while queued behind a slot: it still waits, and runs when the slot is free', async (t) => {
  const rig = await createBreakingRig(t, { settings: 'concurrency: 1\n' })
  const gate = rig.trace('gate')
  const steps = rig.trace('steps')
  await rig.heddle([
    'run',
    script([{ run: mark(steps, 'first') }, { waitFor: { file: gate } }, { write: { path: 'a.txt', content: 'a\n' } }]),
    '--name',
    'first',
    '--agent',
    'scripted',
  ])
  await rig.traced('steps', 1)
  await rig.heddle([
    'run',
    `Second. ${script([{ run: mark(steps, 'second') }, { write: { path: 'b.txt', content: 'b\n' } }])}`,
    '--name',
    'second',
    '--agent',
    'scripted',
  ])
  await rig.killDaemon()
  assert.deepEqual([(await rig.task('first')).state, (await rig.task('second')).doing], ['working', 'waits for a slot'])
  assert.deepEqual(await rig.traceNow('steps'), ['first'])
  await rig.killDaemon()
  await touch(gate)
  await rig.heddle(['wait', 'first', 'second'])
  assert.deepEqual(await rig.traceNow('steps'), ['first', 'second'])
  await rig.heddle(['approve', 'first', 'second'])
  await rig.heddle(['wait', 'first', 'second'])
  assert.deepEqual([await rig.countPrompts('first'), await rig.countPrompts('second')], [1, 1])
  assert.equal((await rig.git('log', '--format=%s', 'main')).split('\n').length, 3)
})

test('between approval and landing: it lands once', async (t) => {
  const rig = await createBreakingRig(t)
  await rig.heddle(['run', script([{ write: { path: 'a.txt', content: 'a\n' } }]), '--name', 'land', '--agent', 'scripted'])
  await rig.heddle(['wait', 'land'])
  // A local change to a file that the landing brings keeps git from moving the checkout, so the landing stops before its end.
  await touch(`${rig.repo.path}/a.txt`)
  await rig.heddle(['approve', 'land'])
  await rig.heddle(['wait', 'land'], 4)
  await rig.killDaemon()
  assert.equal((await rig.task('land')).state, 'landing')
  const [stuck] = await rig.inbox()
  assert.equal(stuck?.kind, 'conflict')
  await rename(`${rig.repo.path}/a.txt`, rig.trace('a.txt'))
  await rig.heddle(['answer', stuck!.id, 'retry'])
  await rig.heddle(['wait', 'land'])
  await assertLandedOnce(rig, 'land', 1)
})

test('at once after approval: it lands once', async (t) => {
  const rig = await createBreakingRig(t)
  await rig.heddle(['run', script([{ write: { path: 'a.txt', content: 'a\n' } }]), '--name', 'land', '--agent', 'scripted'])
  await rig.heddle(['wait', 'land'])
  await rig.heddle(['approve', 'land'])
  await rig.killDaemon()
  await rig.heddle(['wait', 'land'])
  await assertLandedOnce(rig, 'land', 1)
})

test("in a landing's check: it is not run twice, and the change lands once", async (t) => {
  const rig = await createBreakingRig(t)
  const checks = rig.trace('checks')
  const gate = rig.trace('gate')
  // In the workspace it passes at once; on the combined tree it waits.
  const check = `if [ -e other.txt ]; then ${mark(checks, 'combined')}; until [ -e '${gate}' ]; do sleep 0.05; done; else ${mark(checks, 'alone')}; fi`
  await rig.heddle([
    'run',
    script([{ write: { path: 'a.txt', content: 'a\n' } }]),
    '--name',
    'land',
    '--agent',
    'scripted',
    '--check',
    check,
  ])
  await rig.heddle(['wait', 'land'])
  await touch(`${rig.repo.path}/other.txt`)
  await rig.git('add', '-A')
  await rig.git('commit', '--quiet', '-m', 'Meanwhile')
  await rig.heddle(['approve', 'land'])
  await rig.traced('checks', 2)
  await rig.killDaemon()
  const task = await rig.task('land')
  assert.deepEqual([task.state, task.doing], ['landing', 'landing: checking the result'])
  await touch(gate)
  await rig.heddle(['wait', 'land'])
  assert.deepEqual(await rig.traceNow('checks'), ['alone', 'combined'])
  await assertLandedOnce(rig, 'land', 1, 1)
})

test('between a denial and the end of the turn that it brings: the agent is told to go on without', async (t) => {
  const rig = await createBreakingRig(t)
  const steps = rig.trace('steps')
  const gate = rig.trace('gate')
  // As codex does it: the turn ends as cancelled once something is refused.
  const ask = {
    title: 'Push',
    kind: 'execute',
    command: 'git push',
    orElse: [{ run: mark(steps, 'denied') }, { waitFor: { file: gate } }, { stop: 'cancelled' }],
  } as const
  await rig.heddle(['run', script([{ ask }], [{ write: { path: 'a.txt', content: 'a\n' } }]), '--name', 'push'])
  await rig.heddle(['wait', 'push'], 4)
  const [asked] = await rig.inbox()
  await rig.heddle(['answer', asked!.id, 'deny'])
  await rig.traced('steps', 1)
  await rig.killDaemon()
  assert.equal((await rig.task('push')).state, 'working')
  await touch(gate)
  await rig.heddle(['wait', 'push'])
  const { history } = await rig.task('push')
  assert.ok(
    history.some((one) => one.text === 'turn 1 ended: denied') && !history.some((one) => one.text.includes('failed')),
    JSON.stringify(history),
  )
  assert.match(JSON.stringify(await rig.sent((await rig.sessions('push'))[0]!.session)), /What you asked for was refused/)
  await rig.heddle(['approve', 'push'])
  await rig.heddle(['wait', 'push'])
  await assertLandedOnce(rig, 'push', 2, -1)
})
