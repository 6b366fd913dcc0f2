/** How approved work reaches its base, and the user's checkout is left alone. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { Step } from '../../src/demo/script.ts'
import type { Repo } from '../rig/repo.ts'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const write = (path: string, content: string): Step => ({ write: { path, content } })

async function review(repo: Repo, name: string, ...turns: Step[][]): Promise<void> {
  await repo.start(name, turns)
  assert.equal((await repo.wait(name)).state, 'review')
}

async function land(repo: Repo, name: string): Promise<void> {
  await repo.do('approve', name)
  assert.equal((await repo.wait(name)).state, 'landed')
}

describe('landing', { concurrency: 3 }, () => {
  test('leaves other changes of the checkout as they are', async () => {
    const repo = await rig.makeRepo({ files: { 'other.txt': 'o\n', 'staged.txt': 's\n' } })
    await review(repo, 'greet', [write('README.md', 'Good day\n')])
    repo.write('other.txt', 'mine\n')
    repo.write('staged.txt', 'mine\n')
    repo.write('new.txt', 'mine\n')
    await repo.git('add', 'staged.txt')
    const before = await repo.git('status', '--porcelain')
    await land(repo, 'greet')
    assert.equal(repo.read('README.md'), 'Good day\n')
    assert.equal(repo.read('other.txt'), 'mine\n')
    assert.equal(await repo.git('status', '--porcelain'), before)
  })

  for (const [how, soil] of [
    ['changed', (repo: Repo) => repo.write('README.md', 'mine\n')],
    ['untracked', (repo: Repo) => repo.write('a.txt', 'mine\n')],
  ] as const) {
    test(`touches nothing where the checkout has the same file ${how}, and lands when that is mended`, async () => {
      const repo = await rig.makeRepo()
      await review(repo, 'greet', [write('README.md', 'Good day\n'), write('a.txt', 'a\n')])
      soil(repo)
      const [head, status] = [await repo.git('rev-parse', 'HEAD'), await repo.git('status', '--porcelain')]
      await repo.do('approve', 'greet')
      const stuck = await repo.wait('greet', 4)
      assert.deepEqual([stuck.state, stuck.doing], ['landing', 'waits for you: conflict'])
      assert.deepEqual([await repo.git('rev-parse', 'HEAD'), await repo.git('status', '--porcelain')], [head, status])
      const request = await repo.request('greet')
      assert.equal(request.kind, 'conflict')
      assert.match(request.text, new RegExp(`Nothing was touched. Mend that, then: heddle answer ${request.id} retry`))
      await repo.git('stash', '--include-untracked')
      await repo.do('answer', request.id, 'retry')
      assert.equal((await repo.wait('greet')).state, 'landed')
      assert.equal(repo.read('a.txt'), 'a\n')
    })
  }

  test('asks again as long as the checkout is in the way', async () => {
    const repo = await rig.makeRepo()
    await review(repo, 'greet', [write('README.md', 'Good day\n')])
    repo.write('README.md', 'mine\n')
    await repo.do('approve', 'greet')
    await repo.wait('greet', 4)
    const first = await repo.request('greet')
    await repo.do('answer', first.id, 'retry')
    await repo.wait('greet', 4)
    assert.notEqual((await repo.request('greet')).id, first.id)
    assert.equal(repo.read('README.md'), 'mine\n')
  })

  test('moves a base that is not checked out', async () => {
    const repo = await rig.makeRepo()
    await review(repo, 'greet', [write('a.txt', 'a\n')])
    await repo.git('checkout', '--quiet', '-b', 'elsewhere')
    await land(repo, 'greet')
    assert.equal(repo.has('a.txt'), false)
    assert.equal(await repo.git('show', 'main:a.txt'), 'a')
  })

  test('goes to the branch that --base names', async () => {
    const repo = await rig.makeRepo()
    await repo.git('branch', 'release')
    await repo.start('greet', [[write('a.txt', 'a\n')]], '--base', 'release')
    await repo.wait('greet')
    await land(repo, 'greet')
    assert.equal(await repo.git('show', 'release:a.txt'), 'a')
    assert.equal(repo.has('a.txt'), false)
  })

  test('rebases on what came meanwhile, and checks the result', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["test ! -f a.txt || test ! -f b.txt || ls > $HOME/seen"]' })
    await review(repo, 'greet', [write('a.txt', 'a\n')])
    repo.write('b.txt', 'b\n')
    await repo.commit('Mine')
    await land(repo, 'greet')
    assert.equal(await repo.git('log', '--format=%s'), 'Do greet\nMine\nBegin')
    assert.match(await repo.git('-C', rig.env.HOME!, 'hash-object', 'seen'), /^\w{40}$/)
  })

  test('gives a change back that fails its checks on the new base', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["test ! -f a.txt || test ! -f b.txt"]' })
    await review(repo, 'greet', [write('a.txt', 'a\n')], [{ run: 'mv a.txt c.txt' }])
    repo.write('b.txt', 'b\n')
    await repo.commit('Mine')
    await repo.do('approve', 'greet')
    assert.equal((await repo.wait('greet')).state, 'review')
    assert.match((await repo.do('logs', 'greet')).stdout, /main moved on; your worktree now stands on it/)
    await land(repo, 'greet')
    assert.deepEqual([repo.has('a.txt'), repo.has('b.txt'), repo.has('c.txt')], [false, true, true])
  })

  test('gives a conflict back to the agent, and its solution to a new review', async () => {
    const repo = await rig.makeRepo()
    await review(repo, 'greet', [write('README.md', 'theirs\n')], [write('README.md', 'both\n')])
    repo.write('README.md', 'mine\n')
    await repo.commit('Mine')
    await repo.do('approve', 'greet')
    assert.equal((await repo.wait('greet')).state, 'review')
    assert.match((await repo.do('logs', 'greet')).stdout, /these files hold conflict markers:[\s>]+- README.md/)
    const diff = (await repo.do('diff', 'greet')).stdout
    assert.match(diff, /^-mine\n\+both$/m)
    await land(repo, 'greet')
    assert.equal(repo.read('README.md'), 'both\n')
  })

  test('asks a person about conflict markers that were left, and takes the answer to the agent', async () => {
    const repo = await rig.makeRepo()
    await review(repo, 'greet', [write('README.md', 'theirs\n')], [{ say: 'Done!' }], [write('README.md', 'both\n')])
    repo.write('README.md', 'mine\n')
    await repo.commit('Mine')
    await repo.do('approve', 'greet')
    await repo.wait('greet', 4)
    const request = await repo.request('greet')
    assert.deepEqual([request.kind, /left conflict markers in README.md/.test(request.text)], ['conflict', true])
    await repo.do('answer', request.id, 'Take both')
    assert.equal((await repo.wait('greet')).state, 'review')
    assert.match((await repo.do('logs', 'greet')).stdout, /Take both/)
    await land(repo, 'greet')
    assert.equal(repo.read('README.md'), 'both\n')
  })

  test('asks a person about the second conflict', async () => {
    const repo = await rig.makeRepo()
    await review(repo, 'greet', [write('README.md', '1\n')], [write('README.md', '2\n')], [write('README.md', '3\n')])
    repo.write('README.md', 'mine\n')
    await repo.commit('Mine')
    await repo.do('approve', 'greet')
    await repo.wait('greet')
    repo.write('README.md', 'mine again\n')
    await repo.commit('Mine again')
    await repo.do('approve', 'greet')
    await repo.wait('greet', 4)
    await repo.do('answer', (await repo.request('greet')).id, 'retry')
    assert.equal((await repo.wait('greet')).state, 'review')
    await land(repo, 'greet')
    assert.equal(repo.read('README.md'), '3\n')
  })

  test('is serial: of several that are approved at once, all land one on the other', async () => {
    const alone = 'case $PWD in */scratch/*) mkdir "$HOME/lane" && sleep 0.1 && rmdir "$HOME/lane";; esac'
    const repo = await rig.makeRepo({ settings: `checks: ['${alone}']` })
    const names = ['one', 'two', 'three', 'four']
    for (const name of names) await repo.start(name, [[write(`${name}.txt`, name)]])
    await repo.do('wait', ...names)
    await repo.do('approve', ...names)
    await repo.do('wait', ...names)
    assert.equal(await repo.git('rev-list', '--count', '--no-merges', 'main'), '5')
    assert.equal(await repo.git('rev-list', '--count', '--merges', 'main'), '0')
    assert.equal(await repo.git('status', '--porcelain'), '')
  })

  test('goes in the order of the approvals', async () => {
    const repo = await rig.makeRepo()
    const names = ['one', 'two', 'three']
    for (const name of names) await repo.start(name, [[write(`${name}.txt`, name)]])
    await repo.do('wait', ...names)
    for (const name of ['two', 'three', 'one']) await repo.do('approve', name)
    await repo.do('wait', ...names)
    assert.equal(await repo.git('log', '--format=%s', '--reverse'), 'Begin\nDo two\nDo three\nDo one')
  })

  test('waits for a merge that is under way in the checkout', async () => {
    const repo = await rig.makeRepo()
    await review(repo, 'greet', [write('a.txt', 'a\n')])
    await repo.git('checkout', '--quiet', '-b', 'side')
    repo.write('README.md', 'side\n')
    await repo.commit('Side')
    await repo.git('checkout', '--quiet', 'main')
    await repo.git('merge', '--no-commit', '--no-ff', 'side')
    await repo.do('approve', 'greet')
    await repo.wait('greet', 4)
    const request = await repo.request('greet')
    assert.match(request.text, /a merge is under way there/)
    await repo.git('commit', '--quiet', '-m', 'Merge')
    await repo.do('answer', request.id, 'retry')
    assert.equal((await repo.wait('greet')).state, 'landed')
    assert.deepEqual([repo.read('README.md'), repo.read('a.txt')], ['side\n', 'a\n'])
  })

  test('fails where the base is gone, and the work is preserved', async () => {
    const repo = await rig.makeRepo()
    await repo.git('branch', 'gone')
    await repo.start('greet', [[write('a.txt', 'a\n')]], '--base', 'gone')
    await repo.wait('greet')
    await repo.git('branch', '-D', 'gone')
    await repo.do('approve', 'greet')
    const task = await repo.wait('greet', 1)
    assert.match(task.failure ?? '', /the branch gone is gone/)
    assert.equal(await repo.git('show', `${(await repo.show('greet')).preserved}:a.txt`), 'a')
  })
})
