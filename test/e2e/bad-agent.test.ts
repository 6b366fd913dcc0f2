/** Agents that die, babble or fall silent: each a failure in plain words, with the work preserved and nothing left running. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { Step } from '../../src/demo/script.ts'
import type { TaskView } from '../../src/api/contract.ts'
import type { Repo } from '../rig/repo.ts'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const WRITE: Step = { write: { path: 'a.txt', content: 'a\n' } }

async function assertFailed(repo: Repo, name: string, words: RegExp): Promise<TaskView> {
  const task = await repo.wait(name, 1)
  assert.equal(task.state, 'failed')
  assert.match(task.failure ?? '', words)
  assert.doesNotMatch(task.failure ?? '', /node:internal|Heddle itself failed/)
  assert.deepEqual(rig.findProcesses(`HEDDLE_ATTEMPT=${task.id}`), [])
  assert.equal((await repo.git('worktree', 'list')).split('\n').length, 1)
  return task
}

async function assertPreserved(repo: Repo, name: string): Promise<void> {
  assert.equal(await repo.git('show', `${(await repo.show(name)).preserved}:a.txt`), 'a')
}

const own = (script: string): string => `agents:\n  mine: { acp: [sh, -c, ${JSON.stringify(script)}] }`

describe('an agent that', { concurrency: 4 }, () => {
  test('dies at its start is quoted', async () => {
    const repo = await rig.makeRepo({ settings: own('echo no licence >&2; exit 3') })
    await repo.start('die', [[WRITE]], '--agent', 'mine')
    await assertFailed(repo, 'die', /the agent mine ended while it started \(exit code 3\)\n {2}\| no licence/)
  })

  test('dies in mid-turn is tried again, and fails with its last words', async () => {
    const repo = await rig.makeRepo()
    await repo.start('die', [[WRITE, { run: 'true' }, { exit: 9 }]])
    await assertFailed(repo, 'die', /ended in the middle of its turn \(exit code 9\)/)
    assert.match((await repo.do('logs', 'die')).stdout, /next try in 2 s[^]*next try in 8 s/)
    await assertPreserved(repo, 'die')
  })

  test('speaks no protocol is quoted', async () => {
    const repo = await rig.makeRepo({ settings: own('yes "Welcome to my shell" | head -n 50; sleep 60') })
    await repo.start('babble', [[WRITE]], '--agent', 'mine')
    await assertFailed(repo, 'babble', /the agent mine wrote what is not its protocol\n {2}\| Welcome to my shell/)
  })

  test('writes some garbage between its messages goes on', async () => {
    const repo = await rig.makeRepo()
    await repo.start('noisy', [[{ garbage: 'debug: hello' }, { garbage: '{"not": "closed"' }, WRITE]])
    assert.equal((await repo.wait('noisy')).state, 'review')
  })

  test('writes a line of 50 MB has failed, and its work is preserved', async () => {
    const repo = await rig.makeRepo()
    await repo.start('long', [[WRITE, { garbage: { bytes: 50 * 1024 * 1024 } }, { hang: true }]])
    await assertFailed(repo, 'long', /wrote what is not its protocol\n {2}\| a line of more than 32 MiB that begins with: x/)
    await assertPreserved(repo, 'long')
  })

  test('is silent for stallMinutes has failed, and its work is preserved', async () => {
    const repo = await rig.makeRepo({ settings: 'stallMinutes: 0.02' })
    await repo.start('quiet', [[WRITE, { silent: true }]])
    await assertFailed(repo, 'quiet', /the agent scripted said nothing for 0.02 minutes \(stallMinutes\)/)
    await assertPreserved(repo, 'quiet')
  })

  test('is silent at its start has failed, too', async () => {
    const repo = await rig.makeRepo({ settings: `stallMinutes: 0.02\n${own('sleep 60')}` })
    await repo.start('quiet', [[WRITE]], '--agent', 'mine')
    await assertFailed(repo, 'quiet', /the agent mine said nothing for 0.02 minutes/)
  })

  test('is a silent command has failed, too', async () => {
    const repo = await rig.makeRepo({ settings: 'stallMinutes: 0.02' })
    await repo.do('run', '--name', 'quiet', '--', 'sleep', '60')
    await assertFailed(repo, 'quiet', /said nothing for 0.02 minutes/)
  })

  test('waits for a person is not silent', async () => {
    const repo = await rig.makeRepo({ settings: 'stallMinutes: 0.01' })
    await repo.start('ask', [[{ ask: { title: 'Push', kind: 'execute', command: 'git push' } }, WRITE]])
    await repo.wait('ask', 4)
    // Longer than the agent may be silent, told by another that is.
    await repo.start('quiet', [[{ silent: true }]])
    assert.match((await repo.wait('quiet', 1)).failure ?? '', /said nothing/)
    await repo.do('answer', (await repo.request('ask')).id, 'allow')
    assert.equal((await repo.wait('ask')).state, 'review')
  })

  test('ends its turn with an error each time has failed with that error', async () => {
    const repo = await rig.makeRepo()
    await repo.start('error', [[{ fail: { message: 'not authenticated', code: -32000 } }]])
    await assertFailed(repo, 'error', /the agent scripted reported an error\n {2}\| not authenticated/)
    assert.doesNotMatch((await repo.do('logs', 'error')).stdout, /next try/)
  })

  test('refuses has failed with its words', async () => {
    const repo = await rig.makeRepo()
    await repo.start('no', [[{ say: 'I will not.' }, { stop: 'refusal' }]])
    await assertFailed(repo, 'no', /stopped its turn: refusal\n {2}\| I will not\./)
  })

  test('leaves its branch is brought back with what it made', async () => {
    const repo = await rig.makeRepo()
    await repo.start('stray', [
      [
        { run: 'git checkout -q --detach && echo a > a.txt && git add . && git commit -qm "Off the path"' },
        { write: { path: 'b.txt', content: 'b' } },
      ],
    ])
    assert.equal((await repo.wait('stray')).change?.files, 2)
    await repo.do('approve', 'stray')
    assert.equal((await repo.wait('stray')).state, 'landed')
    assert.deepEqual([repo.read('a.txt'), repo.read('b.txt')], ['a\n', 'b'])
  })

  for (const [how, script] of [
    ['clones a repository into', 'git add . && git commit -qm x'],
    ['makes an empty repository in', 'true'],
  ] as const) {
    test(`${how} its worktree has failed, and nothing of it is lost`, async () => {
      const repo = await rig.makeRepo()
      await repo.start('nest', [[WRITE, { run: `git init -q sub && echo x > sub/x.txt && cd sub && ${script}` }]])
      await assertFailed(repo, 'nest', /made a git repository within its worktree \(`sub`\)/)
      // As a folder, because no commit can hold it.
      const { preserved } = await repo.show('nest')
      assert.equal(readFileSync(join(preserved!, 'sub/x.txt'), 'utf8'), 'x\n')
      assert.equal(readFileSync(join(preserved!, 'a.txt'), 'utf8'), 'a\n')
    })
  }

  test('removes its worktree has failed', async () => {
    const repo = await rig.makeRepo()
    await repo.start('saw', [[{ run: 'rm -rf "$PWD"' }, { say: 'Oops.' }]])
    const task = await repo.wait('saw', 1)
    assert.doesNotMatch(task.failure ?? '', /Heddle itself failed/)
    assert.equal(repo.read('README.md'), 'Hello\n')
  })
})
