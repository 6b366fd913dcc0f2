/** What the command line says about tasks, in JSON and by its exit codes, and how tasks are named. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { TaskView } from '../../src/api/contract.ts'
import { steps } from '../rig/repo.ts'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const write = (path: string, content: string) => ({ write: { path, content } })
const TASK =
  'id name state doing agent branch base needs attempt change evidence usage createdAt startedAt endedAt failure'.split(' ')

describe('JSON', { concurrency: 3 }, () => {
  test('of a task has what is documented', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["echo fine"]' })
    const task = await repo.start('greet', [[write('a.txt', 'a\n'), { edit: { path: 'README.md', old: 'Hello', new: 'Hi' } }]])
    for (const key of TASK) assert.ok(key in task, key)
    assert.match(task.id, /^t[0-9a-z]{9}$/)
    const { branch, base, needs, attempt, change, evidence, usage, agent } = await repo.wait('greet')
    assert.deepEqual([agent, branch, base, needs, attempt], ['scripted', 'heddle/greet', 'main', [], 1])
    assert.deepEqual(usage, { inputTokens: 0, outputTokens: 0, costUsd: null })
    const tip = await repo.git('rev-parse', 'heddle/greet')
    assert.deepEqual(change, { commit: tip, files: 2, insertions: 2, deletions: 1 })
    const tree = await repo.git('rev-parse', 'heddle/greet^{tree}')
    assert.deepEqual(evidence, [{ check: 'echo fine', ok: true, tree, ms: evidence[0]!.ms, output: 'fine\n' }])
    await repo.do('approve', 'greet')
    const done = await repo.wait('greet')
    assert.equal(done.change?.commit, await repo.git('rev-parse', 'main'))
    for (const time of [done.createdAt, done.startedAt, done.endedAt]) assert.equal(new Date(time!).toISOString(), time)
    assert.equal(done.failure, null)
  })

  test('of several tasks is a list of the same', async () => {
    const repo = await rig.makeRepo()
    await repo.start('one', [[{ hang: true }]])
    await repo.start('two', [[{ hang: true }]])
    const listed = (await repo.do('ps', '--json')).json<TaskView[]>()
    assert.deepEqual(
      listed.map((task) => task.name),
      ['one', 'two'],
    )
    const stopped = (await repo.do('stop', 'one', 'two', '--json')).json<TaskView[]>()
    assert.deepEqual(
      stopped.map((task) => [task.state, Object.keys(task)]),
      listed.map((task) => ['stopped', Object.keys(task)]),
    )
  })

  test('of the daemon names its process and version', async () => {
    await rig.heddle(['daemon', 'start'])
    const status = (await rig.heddle(['daemon', 'status', '--json'])).json<{ pid: number; version: string }>()
    assert.match(status.version, /^\d+\.\d+\.\d+$/)
    assert.ok(rig.findProcesses().includes(status.pid))
  })

  test('of the inbox tells what waits in this repository, and with --all what waits anywhere', async () => {
    const [repo, other] = [await rig.makeRepo(), await rig.makeRepo()]
    await repo.start('here', [[write('a.txt', 'a')]])
    await other.start('there', [[write('a.txt', 'a')]])
    await repo.wait('here')
    await other.wait('there')
    const inbox = (await repo.do('inbox', '--json')).json<{ id: string; task: string; kind: string; text: string }[]>()
    assert.deepEqual(
      inbox.map(({ task, kind, text }) => [task, kind, text]),
      [['here', 'review', '1 file, +1 −0; nothing was checked']],
    )
    const names = (await repo.do('inbox', '--all', '--json')).json<{ task: string }[]>().map((one) => one.task)
    assert.ok(names.includes('here') && names.includes('there'))
  })
})

describe('the exit code', { concurrency: 3 }, () => {
  const wait = async (turn: readonly object[], ...more: string[]): Promise<number | null> => {
    const repo = await rig.makeRepo()
    const prompt = `Go\n${steps(turn as never)}`
    return (await repo.heddle(['run', '--wait', '--name', 'go', ...more, prompt])).code
  }

  test('of run --wait is 0 for what is in review', async () => assert.equal(await wait([write('a.txt', 'a')]), 0))
  test('of run --wait is 0 for a report', async () => assert.equal(await wait([{ say: 'Hm.' }], '--read-only'), 0))
  test('of run --wait is 1 for what has failed', async () => assert.equal(await wait([{ say: 'Hm.' }]), 1))
  test('of run --wait is 4 for what waits for a person', async () =>
    assert.equal(await wait([{ ask: { title: 'Push', kind: 'execute', command: 'git push' } }]), 4))

  test('of wait is 124 when the time is up, and the work goes on', async () => {
    const repo = await rig.makeRepo()
    await repo.start('hang', [[{ hang: true }]])
    const run = await repo.heddle(['wait', 'hang', '--timeout', '0.1'])
    assert.equal(run.code, 124)
    assert.match(run.stderr, /the time was up; the work goes on/)
    assert.equal((await repo.show('hang')).endedAt, null)
  })

  test('of approve is 1 for what is not in review, and 2 for what is not there', async () => {
    const repo = await rig.makeRepo()
    await repo.start('hang', [[{ hang: true }]])
    const early = await repo.heddle(['approve', 'hang'])
    assert.deepEqual([early.code, /heddle wait hang/.test(early.stderr)], [1, true])
    const missing = await repo.heddle(['approve', 'hank'])
    assert.deepEqual([missing.code, /did you mean `hang`/.test(missing.stderr)], [2, true])
  })
})

describe('a name', { concurrency: 3 }, () => {
  test('comes from the prompt, and is not given twice', async () => {
    const repo = await rig.makeRepo()
    const name = async (prompt: string) => (await repo.do('run', '--json', prompt)).json<TaskView>().name
    assert.equal(await name('Mend the Login-Form, please!'), 'mend-login-form')
    assert.equal(await name('Mend the login form'), 'mend-login-form-2')
    assert.equal(await name('Ändere die Größe'), 'andere-die-große')
    assert.equal(await name('!!!'), 'task')
  })

  test('gives way to a branch that is there', async () => {
    const repo = await rig.makeRepo()
    await repo.git('branch', 'heddle/mend')
    await repo.git('branch', 'heddle/mend-2/deep')
    assert.equal((await repo.do('run', '--json', 'Mend it')).json<TaskView>().name, 'mend-3')
  })

  test('may be shortened, or an id, also from elsewhere', async () => {
    const [repo, other] = [await rig.makeRepo(), await rig.makeRepo()]
    const task = await repo.start('alpha-one', [[{ hang: true }]])
    await repo.start('alpha', [[{ hang: true }]])
    for (const ref of ['alpha-', 'alpha-one', task.id, task.id.slice(0, 8)]) assert.equal((await repo.show(ref)).id, task.id)
    assert.equal((await repo.show('alpha')).name, 'alpha')
    const several = await repo.heddle(['show', 'alp'])
    assert.deepEqual([several.code, /could be `alpha-one`, `alpha`/.test(several.stderr)], [2, true])
    assert.equal((await other.show(task.id)).name, 'alpha-one')
  })

  for (const name of ['a b', '../x', '-x', 'a/b', 'x..y', 'x.lock', '', '.x', 'a\nb', 'x'.repeat(101), 'a:b', 'a~1', '@{u}']) {
    test(`cannot be ${JSON.stringify(name.slice(0, 9))}`, async () => {
      const repo = await rig.makeRepo()
      const run = await repo.heddle(['run', 'Do it', `--name=${name}`])
      assert.equal(run.code, 2, run.stdout)
      assert.match(run.stderr, /the name `[^]*` (must|is longer)[^]*Choose another with --name/)
      assert.deepEqual((await repo.do('ps', '--json')).json(), [])
    })
  }

  test('may have letters of any script', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["true"]\nreview: { by: checks }' })
    await repo.start('größe_数.1', [[write('a.txt', 'a')]])
    assert.equal((await repo.wait('größe_数.1')).state, 'landed')
  })
})
