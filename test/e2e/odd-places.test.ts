/** Odd paths and words work, and so do daemons that are killed, many, or hard to reach. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { TaskDetail, TaskView } from '../../src/api/contract.ts'
import { steps } from '../rig/repo.ts'
import { collectRun, createRig, isRunning } from '../rig/rig.ts'

const ODD = [
  'with space',
  `quote'"\`$(x)`,
  'new\nline',
  'größe 数',
  '-dash',
  'tab\tback\\slash',
  '%s*?[a]',
  '數'.repeat(80) + 'x'.repeat(15),
]

describe('a path', { concurrency: 2 }, () => {
  test('of the repository may be odd', async (t) => {
    const rig = createRig(t)
    for (const name of ODD) {
      const repo = await rig.makeRepo({ name, settings: 'checks: ["test -f a.txt"]\nreview: { by: checks }' })
      await repo.start('greet', [[{ run: 'echo a > a.txt' }, { commit: 'Mine' }, { write: { path: 'b.txt', content: 'b' } }]])
      assert.equal((await repo.wait('greet')).state, 'landed', name)
      assert.equal(repo.read('a.txt'), 'a\n')
      assert.equal(await repo.git('status', '--porcelain'), '')
    }
  })

  test('of a file may be odd, also in a conflict', async (t) => {
    const rig = createRig(t)
    const names = [...ODD, '"', 'a/b\n/c', '.hidden', ' ']
    const files = Object.fromEntries(names.map((name) => [join('d', name), 'old\n']))
    const repo = await rig.makeRepo({ files })
    const writes = (content: string) => names.map((name) => ({ write: { path: join('d', name), content } }))
    await repo.start('odd', [writes('theirs\n'), writes('both\n')])
    assert.equal((await repo.wait('odd')).change?.files, names.length)
    for (const name of names) repo.write(join('d', name), 'mine\n')
    await repo.commit('Mine')
    await repo.do('approve', 'odd')
    assert.equal((await repo.wait('odd')).state, 'review')
    await repo.do('approve', 'odd')
    assert.equal((await repo.wait('odd')).state, 'landed')
    for (const name of names) assert.equal(repo.read(join('d', name)), 'both\n')
    assert.equal(await repo.git('status', '--porcelain'), '')
  })

  test('of the state folder may be odd, and longer than a socket may be', async (t) => {
    for (const name of [`it's "odd"\n数`, 'deep/'.repeat(40)]) {
      const rig = createRig(t, {}, name)
      const repo = await rig.makeRepo()
      await repo.start('greet', [[{ write: { path: 'a.txt', content: 'a' } }]])
      await repo.wait('greet')
      await repo.do('approve', 'greet')
      assert.equal((await repo.wait('greet')).state, 'landed')
    }
  })
})

describe('a prompt', { concurrency: 2 }, () => {
  const every = String.fromCodePoint(...Array.from({ length: 0x2ff }, (_, at) => at + 1)) + '😀\u2028\u2029\ufeff\u202e'

  test('reaches the agent as it was written, whatever is in it', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo({
      settings: 'agents: { mine: { command: [sh, -c, "cat > got; cmp got \\"$HEDDLE_PROMPT_FILE\\""] } }',
    })
    const prompts = [every, '-x --help', '--', 'one\n\n  two\n', `$(id) \`id\` 'a' "b" \\ %s !`]
    for (const [at, prompt] of prompts.entries()) {
      const run = await repo.heddle(['run', '--agent', 'mine', '--name', `t${at}`, '-'], { input: prompt })
      assert.equal(run.code, 0, run.stderr)
      await repo.wait(`t${at}`)
      const { workspace, prompt: kept } = await repo.show(`t${at}`)
      assert.equal(kept, prompt)
      const got = await repo.git('-C', workspace!, 'show', 'HEAD:got')
      assert.ok(got.startsWith(`${prompt}\n`), JSON.stringify(got.slice(0, 100)))
    }
  })

  test('of 200 KB arrives, and its commit has a short title', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo()
    const prompt = `${'long '.repeat(40 * 1024)}\n${steps([{ write: { path: 'a.txt', content: 'a' } }])}`
    const run = await repo.heddle(['run', '--name', 'long', '-'], { input: prompt })
    assert.equal(run.code, 0, run.stderr)
    assert.equal((await repo.wait('long')).state, 'review')
    assert.ok((await repo.git('log', '-1', '--format=%s', 'heddle/long')).length <= 72)
  })

  test('that is empty, or holds what no text may, is refused', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo()
    for (const input of ['', ' \n', 'a\0b']) {
      const run = await repo.heddle(['run', '-'], { input })
      assert.equal(run.code, 2, `${JSON.stringify(input)}: ${run.stdout}${run.stderr}`)
    }
    assert.deepEqual((await repo.do('ps', '--json')).json(), [])
  })
})

describe('the daemon', { concurrency: 2 }, () => {
  test('is one, though many commands start it at once', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo()
    const runs = await Promise.all(Array.from({ length: 6 }, () => repo.heddle(['daemon', 'start', '--json'])))
    for (const run of runs) assert.equal(run.code, 0, run.stderr)
    const pids = new Set(runs.map((run) => run.json<{ pid: number }>().pid))
    assert.equal(pids.size, 1)
    assert.deepEqual(rig.findProcesses(), [...pids])
  })

  test('is started again under a command that waits, whose task goes on', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo()
    const gate = rig.makeGate()
    await repo.start('greet', [[{ run: `touch '${gate.file}.at'` }, gate.step, { write: { path: 'a.txt', content: 'a' } }]])
    await rig.waitForFile(`${gate.file}.at`)
    const waiting = collectRun(rig.spawnHeddle(['wait', 'greet', '--json'], { cwd: repo.path }))
    const following = collectRun(rig.spawnHeddle(['logs', '-f', 'greet'], { cwd: repo.path }))
    const first = await rig.daemonPid()
    await rig.killDaemon()
    gate.open()
    const run = await waiting
    assert.equal(run.code, 0, run.stderr)
    assert.equal(run.json<TaskView[]>()[0]!.state, 'review')
    const second = await rig.daemonPid()
    assert.notEqual(second, first)
    assert.equal(isRunning(first), false)
    await repo.do('approve', 'greet')
    assert.equal((await repo.wait('greet')).state, 'landed')
    const log = (await following).stdout
    assert.equal(log.match(/Write a\.txt/g)?.length, 1, log)
    assert.equal((await repo.show('greet')).turns, 1)
  })

  test('that is told to stop leaves agents running, and says so', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo()
    const gate = rig.makeGate()
    await repo.start('greet', [[gate.step, { write: { path: 'a.txt', content: 'a' } }]])
    await repo.until('greet', /working: working/)
    const stopped = await repo.do('daemon', 'stop')
    assert.match(stopped.stdout, /1 agent goes on without it/)
    assert.equal((await repo.heddle(['daemon', 'status'])).code, 3)
    gate.open()
    assert.equal((await repo.wait('greet')).state, 'review')
    const { stdout } = await repo.do('daemon', 'stop', '--all')
    assert.match(stdout, /The daemon is stopped/)
    assert.deepEqual(rig.findProcesses(), [])
    const after = (await repo.do('show', 'greet', '--json')).json<TaskDetail>()
    assert.equal(after.state, 'review')
  })
})
