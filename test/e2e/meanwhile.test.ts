/** What the user, or a killed git, did meanwhile. Each of these was once a fault. */
import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { TaskDetail, TaskView } from '../../src/api/contract.ts'
import type { Step } from '../../src/demo/script.ts'
import { steps, type Repo } from '../rig/repo.ts'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const write = (path: string, content: string): Step => ({ write: { path, content } })

async function review(repo: Repo, name: string, ...turns: Step[][]): Promise<TaskDetail> {
  await repo.start(name, turns)
  assert.equal((await repo.wait(name)).state, 'review')
  return repo.show(name)
}

async function land(repo: Repo, name: string): Promise<void> {
  await repo.do('approve', name)
  assert.equal((await repo.wait(name)).state, 'landed')
}

describe('meanwhile', { concurrency: 3 }, () => {
  test('a commit that was dropped from the base does not come back with what lands', async () => {
    const repo = await rig.makeRepo()
    repo.write('dropped.txt', 'no\n')
    await repo.commit('Drop me')
    await review(repo, 'greet', [write('a.txt', 'a\n')])
    await repo.git('reset', '--quiet', '--hard', 'HEAD~1')
    await land(repo, 'greet')
    assert.equal(repo.has('a.txt'), true)
    assert.equal(repo.has('dropped.txt'), false)
    assert.doesNotMatch(await repo.git('log', '--format=%s'), /Drop me/)
  })

  test("the user's rebase.updateRefs moves no branch of the user's", async () => {
    const repo = await rig.makeRepo()
    await repo.git('config', 'rebase.updateRefs', 'true')
    await review(repo, 'greet', [write('a.txt', 'a\n'), { commit: 'One' }, { run: 'git branch mine' }, write('b.txt', 'b\n')])
    const mine = await repo.git('rev-parse', 'mine')
    repo.write('other.txt', 'o\n')
    await repo.commit()
    await land(repo, 'greet')
    assert.equal(await repo.git('rev-parse', 'mine'), mine)
  })

  test('a registration that a killed git left locked is in nobody’s way', async () => {
    const repo = await rig.makeRepo()
    const { workspace } = await review(repo, 'greet', [write('a.txt', 'a\n')])
    const scratch = join(dirname(workspace!).replace(/worktrees(?=[^/]*\/[^/]*$)/, 'scratch'), 'greet')
    assert.notEqual(scratch, workspace)
    await repo.git('worktree', 'add', '--quiet', '--lock', '--detach', scratch)
    rmSync(scratch, { recursive: true })
    await land(repo, 'greet')
    assert.equal(existsSync(scratch), false)
  })

  test('a stale index.lock of the agent’s git does not fail the task', async () => {
    const repo = await rig.makeRepo()
    await review(repo, 'greet', [write('a.txt', 'a\n'), { run: 'touch "$(git rev-parse --git-dir)/index.lock"' }])
    await land(repo, 'greet')
    assert.equal(repo.read('a.txt'), 'a\n')
  })

  test('tasks that are dispatched at the same moment get names of their own', async () => {
    const repo = await rig.makeRepo()
    const prompt = `Greet\n${steps([{ say: 'Hello' }])}`
    const runs = await Promise.all(Array.from({ length: 8 }, () => repo.do('run', '--json', '--read-only', prompt)))
    assert.equal(new Set(runs.map((run) => run.json<TaskView>().name)).size, 8)
  })

  test('stop and discard at once end a task once', async () => {
    const repo = await rig.makeRepo()
    await repo.start('greet', [[write('a.txt', 'a\n'), { hang: true }]])
    await repo.until('greet', /^working/)
    await Promise.all([repo.heddle(['stop', 'greet']), repo.heddle(['discard', 'greet'])])
    const { history } = await repo.show('greet')
    assert.equal(history.filter(({ text }) => /^(stopped|discarded)/.test(text)).length, 1)
  })
})
