/** What commands print, and how they end, for what the daemon says. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { TaskView } from '../../src/api/contract.ts'
import { collectRun, makeHome, makeTask, runCli, spawnCli, startStandIn, STATUS, type Call } from './rig.ts'

test('a reader that closes early ends ps quietly', async (t) => {
  const home = makeHome(t)
  // More than a pipe holds.
  const tasks = Array.from({ length: 5000 }, (_, at) => makeTask({ id: `t${at}`, name: `task-${at}` }))
  await startStandIn(t, home, (call) => call.answer(tasks))
  const child = spawnCli(home, ['ps'])
  let stderr = ''
  child.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdout!.once('data', () => child.stdout!.destroy())
  const [code] = await once(child, 'exit')
  assert.deepEqual([code, stderr], [0, ''])
})

test('an agent cannot steer the terminal', async (t) => {
  const home = makeHome(t)
  const evil = 'a\u001b]0;title\u0007b\u009b31mc\u001b[2Jd\re'
  await startStandIn(t, home, (call) => {
    if (call.method === 'tasks.list') return call.answer([makeTask({ name: evil, doing: evil, agent: evil })])
    for (const kind of ['prompt', 'say', 'think', 'tool', 'output', 'heddle'] as const) call.send({ at: null, kind, text: evil })
    call.answer(null)
  })
  for (const words of [['ps'], ['ps', '--json'], ['logs', 'x'], ['logs', 'x', '--json']]) {
    const { code, stdout } = await runCli(home, words)
    assert.equal(code, 0)
    assert.match(stdout, /a.*b.*c.*d/s)
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(stdout, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/, words.join(' '))
  }
})

test('what the daemon refuses is said as it is, with the exit code of its kind', async (t) => {
  const home = makeHome(t)
  await startStandIn(t, home, (call) => call.refuse({ kind: 'unknown-task', ref: 'x', near: 'y' }))
  for (const words of [
    ['show', 'x'],
    ['wait', 'x'],
    ['approve', 'x'],
    ['diff', 'x'],
    ['logs', 'x'],
  ]) {
    const { code, stderr } = await runCli(home, words)
    assert.equal(code, 2)
    assert.equal(stderr, 'heddle: no task is called `x`; did you mean `y`?\nSee them all with: heddle ps\n')
  }
})

test('several tasks are all acted on, though one cannot be', async (t) => {
  const home = makeHome(t)
  await startStandIn(t, home, ({ params, answer, refuse }) => {
    if (params.task === 'b') refuse({ kind: 'unknown-task', ref: 'b', near: null })
    else answer(makeTask({ name: String(params.task), state: 'landing' }))
  })
  const { code, stdout, stderr } = await runCli(home, ['approve', '--json', 'a', 'b', 'c'])
  assert.equal(code, 2)
  assert.deepEqual(
    (JSON.parse(stdout) as TaskView[]).map((task) => task.name),
    ['a', 'c'],
  )
  assert.match(stderr, /no task is called `b`/)
})

const WAITS: readonly (readonly [code: number, tasks: readonly Partial<TaskView>[], timedOut?: true])[] = [
  [0, [{ state: 'landed' }, { state: 'review', waitsForPerson: 'review' }]],
  [0, [{ state: 'reported' }]],
  [1, [{ state: 'failed' }, { state: 'working', waitsForPerson: 'permission' }]],
  [1, [{ state: 'blocked' }]],
  [1, [{ state: 'stopped' }]],
  [1, [{ state: 'discarded' }]],
  [4, [{ state: 'landed' }, { state: 'working', waitsForPerson: 'permission' }]],
  [4, [{ state: 'landing', waitsForPerson: 'conflict' }]],
  [124, [{ state: 'working' }], true],
]

for (const [code, states, timedOut = false] of WAITS) {
  test(`wait exits with ${code} for ${states.map((one) => one.state).join(', ')}`, async (t) => {
    const home = makeHome(t)
    const tasks = states.map((state, at) => makeTask({ ...state, id: `t${at}`, name: `task-${at}` }))
    await startStandIn(t, home, answerWait({ tasks, timedOut }))
    const run = await runCli(home, ['wait', '--json', ...tasks.map((task) => task.name)])
    assert.equal(run.code, code, run.stderr)
    assert.deepEqual(JSON.parse(run.stdout), tasks)
  })
}

test('wait goes on when the daemon goes away, and with the time that is left', async (t) => {
  const home = makeHome(t)
  const limits: unknown[] = []
  await startStandIn(t, home, (call) => {
    if (call.method !== 'tasks.wait') return answerWait({ tasks: [makeTask({ state: 'landed' })], timedOut: false })(call)
    limits.push(call.params.timeoutMs)
    if (limits.length < 3) call.hangUp()
    else call.answer({ tasks: [makeTask({ state: 'landed' })], timedOut: false })
  })
  const { code, stdout, stderr } = await runCli(home, ['wait', 'mend', '--timeout', '100'])
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /mend.*landed/)
  assert.equal(limits.length, 3)
  assert.ok(limits.every((limit) => typeof limit === 'number' && limit > 0 && limit <= 100_000))
})

test('a log goes on where it was when the daemon goes away', async (t) => {
  const home = makeHome(t)
  let calls = 0
  await startStandIn(t, home, (call) => {
    calls++
    for (let at = 1; at <= calls; at++) call.send({ at: null, kind: 'say', text: `line ${at}` })
    if (calls < 3) call.hangUp()
    else call.answer(null)
  })
  const { code, stdout } = await runCli(home, ['logs', '--json', '-f', 'mend'])
  assert.equal(code, 0)
  const texts = stdout
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text)
  assert.deepEqual(texts, ['line 1', 'line 2', 'line 3'])
})

test('what changes something is not asked twice', async (t) => {
  const home = makeHome(t)
  let calls = 0
  await startStandIn(t, home, (call) => {
    calls++
    call.hangUp()
  })
  const { code, stderr } = await runCli(home, ['approve', 'mend'])
  assert.equal(code, 3)
  assert.match(stderr, /before it answered/)
  assert.equal(calls, 1)
})

test('a notice reaches the waiting terminal before its end', async (t) => {
  const home = makeHome(t)
  const done = makeTask({ state: 'landed' })
  await startStandIn(t, home, (call) => {
    if (call.method === 'watch') call.send({ task: done, notice: { text: 'mend landed on main', urgent: false } })
    else answerWait({ tasks: [done], timedOut: false })(call)
  })
  const { stderr } = await runCli(home, ['wait', 'mend'])
  assert.match(stderr, /^mend landed on main$/m)
})

for (const words of [
  ['wait', 'mend'],
  ['run', '--wait', 'Mend it'],
  ['logs', '-f', 'mend'],
  ['ps', '--watch'],
]) {
  test(`Ctrl-C in heddle ${words.join(' ')} leaves the work running`, async (t) => {
    const home = makeHome(t)
    const task = makeTask()
    const waiting = Promise.withResolvers<void>()
    await startStandIn(t, home, (call) => {
      if (call.method === 'tasks.dispatch') call.answer({ tasks: [task], notes: [] })
      else if (call.method === 'tasks.list') call.answer([task])
      else if (call.method === 'tasks.get') call.answer(task)
      else if (call.method === 'watch' && words[0] === 'ps') call.send({ task, notice: null })
      else if (call.method === 'tasks.wait' || call.method === 'tasks.logs') waiting.resolve()
      assert.notEqual(call.method, 'tasks.stop')
    })
    const child = spawnCli(home, words)
    if (words[0] === 'ps') child.stdout!.once('data', () => waiting.resolve())
    const ended = collectRun(child)
    await Promise.race([waiting.promise, ended])
    child.kill('SIGINT')
    const { code, stderr } = await ended
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Detached; `mend` goes on\..*heddle (wait mend|logs -f mend|ps --watch)/)
  })
}

function answerWait(result: { readonly tasks: readonly TaskView[]; readonly timedOut: boolean }): (call: Call) => void {
  return (call) => {
    if (call.method === 'tasks.get') call.answer(result.tasks.find((task) => task.name === call.params.task) ?? result.tasks[0])
    else if (call.method === 'tasks.wait') call.answer(result)
    else if (call.method === 'daemon.status') call.answer(STATUS)
  }
}
