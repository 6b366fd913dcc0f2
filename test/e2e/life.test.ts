/** A task's life, from the prompt to landed work. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const write = (path: string, content: string) => ({ write: { path, content } })

describe('a task', { concurrency: 3 }, () => {
  test('goes from a prompt to landed work', async () => {
    const repo = await rig.makeRepo()
    assert.equal((await repo.start('greet', [[write('a.txt', 'a\n'), { say: 'Done.' }]])).state, 'queued')
    assert.equal((await repo.wait('greet')).state, 'review')
    assert.equal(repo.has('a.txt'), false, 'the work is in a worktree of its own')
    await repo.do('approve', 'greet')
    assert.equal((await repo.wait('greet')).state, 'landed')
    assert.equal(repo.read('a.txt'), 'a\n')
    assert.equal(await repo.git('status', '--porcelain'), '')
    assert.equal(await repo.git('log', '-1', '--format=%an %s'), 'Ada Do greet')
    assert.equal(await repo.git('branch', '--list', 'heddle/*'), '')
    assert.equal((await repo.git('worktree', 'list')).split('\n').length, 1)
  })

  test('hears of a failing check, and mends it', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["grep right a.txt"]' })
    await repo.start('fix', [[write('a.txt', 'wrong\n')], [{ edit: { path: 'a.txt', old: 'wrong', new: 'right' } }]])
    const task = await repo.wait('fix')
    assert.equal(task.state, 'review')
    assert.deepEqual(
      task.evidence.map((one) => [one.check, one.ok, one.tree.length]),
      [['grep right a.txt', true, 40]],
    )
    const log = (await repo.do('logs', 'fix')).stdout
    assert.match(log, /check `grep right a.txt` failed/)
    assert.match(log, /This check fails on what you left \(round 1 of 3\)/)
  })

  test('fails when its rounds are used up, and its work is preserved', async () => {
    const repo = await rig.makeRepo({ settings: 'rounds: 2\nchecks: ["echo seen >&2; false"]' })
    await repo.start('fix', [[write('a.txt', '1')], [write('a.txt', '2')]])
    const task = await repo.wait('fix', 1)
    assert.equal(task.state, 'failed')
    assert.match(task.failure ?? '', /still fails after 2 rounds[^]*seen/)
    const { preserved } = await repo.show('fix')
    assert.match(preserved ?? '', /^refs\/heddle\/preserved\/fix\/\d+$/)
    assert.equal(await repo.git('show', `${preserved}:a.txt`), '2')
  })

  test('is revised in the same conversation, and reviewed again', async () => {
    const repo = await rig.makeRepo()
    const second = { run: 'echo two >> a.txt' }
    await repo.start('greet', [[write('a.txt', 'one\n')], [second, { say: 'Now two.' }]])
    await repo.wait('greet')
    await repo.do('revise', 'greet', 'Add a second line')
    assert.equal((await repo.wait('greet')).state, 'review')
    assert.match((await repo.do('logs', 'greet')).stdout, /Please revise it:[\s>]+Add a second line/)
    await repo.do('approve', 'greet')
    await repo.wait('greet')
    assert.equal(repo.read('a.txt'), 'one\ntwo\n')
    assert.equal((await repo.show('greet')).turns, 2)
  })

  test('commits nothing that git ignores, and keeps the author of what its agent committed', async () => {
    const repo = await rig.makeRepo({ files: { '.gitignore': 'secret\n' } })
    await repo.start('greet', [[write('secret', 's'), write('a.txt', 'a'), { commit: 'By itself' }, write('b.txt', 'b')]])
    await repo.wait('greet')
    await repo.do('approve', 'greet')
    await repo.wait('greet')
    assert.equal(await repo.git('log', '-2', '--format=%an: %s'), 'Ada: Do greet\nScripted Agent: By itself')
    assert.equal(await repo.git('ls-files'), '.gitignore\nREADME.md\na.txt\nb.txt\nheddle.yaml')
  })

  test('is not soiled by what its checks leave behind', async () => {
    const check = 'echo x > left.txt; echo y >> README.md; git add left.txt'
    const repo = await rig.makeRepo({ settings: `checks: ["${check}"]` })
    await repo.start('greet', [[write('a.txt', 'a')], [write('b.txt', 'b')]])
    assert.equal((await repo.wait('greet')).change?.files, 1)
    await repo.do('revise', 'greet', 'more')
    assert.equal((await repo.wait('greet')).change?.files, 2)
    await repo.do('approve', 'greet')
    await repo.wait('greet')
    assert.equal(await repo.git('ls-files'), 'README.md\na.txt\nb.txt\nheddle.yaml')
    assert.equal(repo.read('README.md'), 'Hello\n')
  })

  test('without a change fails with its last words', async () => {
    const repo = await rig.makeRepo()
    await repo.start('idle', [[{ say: 'I could not find it.' }]])
    const task = await repo.wait('idle', 1)
    assert.equal(task.state, 'failed')
    assert.match(task.failure ?? '', /changed nothing[^]*I could not find it/)
  })

  test('that undoes its own change is one without a change', async () => {
    const repo = await rig.makeRepo()
    await repo.start('undo', [[{ run: 'git rm -q README.md && git commit -qm gone && git revert --no-edit HEAD' }]])
    assert.equal((await repo.wait('undo', 1)).state, 'failed')
  })

  test('lands without a person where its checks may decide', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["test -f a.txt"]\nreview: { by: checks }' })
    await repo.start('greet', [[write('a.txt', 'a')]])
    assert.equal((await repo.wait('greet')).state, 'landed')
  })

  test('waits for a person where no check has decided', async () => {
    const repo = await rig.makeRepo({ settings: 'review: { by: checks }' })
    await repo.start('greet', [[write('a.txt', 'a')]])
    assert.equal((await repo.wait('greet')).state, 'review')
  })

  test('adds its own checks to the configured ones, or drops those', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["true"]' })
    await repo.start('both', [[write('a.txt', 'a')]], '--check', 'test -f a.txt')
    await repo.start('none', [[write('b.txt', 'b')]], '--no-checks')
    await repo.start('own', [[write('c.txt', 'c')]], '--no-checks', '--check', 'test -f c.txt')
    const checksOf = async (name: string) => (await repo.wait(name)).evidence.map((one) => one.check)
    assert.deepEqual(await checksOf('both'), ['true', 'test -f a.txt'])
    assert.deepEqual(await checksOf('none'), [])
    assert.deepEqual(await checksOf('own'), ['test -f c.txt'])
  })

  test('sums the tokens and the cost of its turns', async () => {
    const repo = await rig.makeRepo()
    const use = (input: number) => ({ tokens: { input, output: 1, costUsd: 0.25 } })
    await repo.start('greet', [
      [write('a.txt', 'a'), use(10)],
      [write('b.txt', 'b'), use(5)],
    ])
    await repo.wait('greet')
    await repo.do('revise', 'greet', 'more')
    assert.deepEqual((await repo.wait('greet')).usage, { inputTokens: 15, outputTokens: 2, costUsd: 0.5 })
  })

  test('tries a turn again whose failure may pass', async () => {
    const repo = await rig.makeRepo()
    await repo.start('flaky', [[{ fail: { message: 'overloaded', times: 1 } }, write('a.txt', 'a')]])
    assert.equal((await repo.wait('flaky')).state, 'review')
    assert.match((await repo.do('logs', 'flaky')).stdout, /next try in 2 s: .*\n.*overloaded/)
  })

  test('is governed by the heddle.yaml that is committed, also against its agent', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["false"]\nrounds: 1' })
    repo.write('heddle.yaml', 'agent: scripted\n')
    const run = await repo.do(
      'run',
      '--name',
      'sly',
      `Go <steps>${JSON.stringify([write('heddle.yaml', 'checks: []\n')])}</steps>`,
    )
    assert.match(run.stdout + run.stderr, /heddle.yaml has changes that main does not have/)
    assert.equal((await repo.wait('sly', 1)).state, 'failed')
  })
})
