/** Where Heddle cannot work, it says why and what to do, and leaves nothing behind. */
import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { TaskView } from '../../src/api/contract.ts'
import { steps, type Repo } from '../rig/repo.ts'
import { createRig, type RunOptions } from '../rig/rig.ts'

const rig = createRig({ after })
const PROMPT = `Do it\n${steps([{ write: { path: 'a.txt', content: 'a\n' } }])}`

/** Tries to dispatch there; it must fail with that exit code and those words, and leave no trace. */
async function refuse(cwd: string, code: number, words: RegExp, args: string[] = [], options: RunOptions = {}): Promise<void> {
  const run = await rig.heddle(['run', PROMPT, '--agent', 'scripted', ...args], { cwd, ...options })
  assert.equal(run.code, code, run.stdout + run.stderr)
  assert.match(run.stderr, words)
  assert.doesNotMatch(run.stderr, /\n\s+at |node:internal|Heddle itself failed/)
  assert.equal(run.stdout, '')
  const tasks = (await rig.heddle(['ps', '--all', '--json'])).json<TaskView[]>()
  assert.deepEqual(
    tasks.filter((task) => cwd.startsWith(task.repo)),
    [],
  )
}

async function assertUntouched(repo: Repo): Promise<void> {
  assert.equal((await repo.git('worktree', 'list')).split('\n').length, 1)
  assert.equal(await repo.git('for-each-ref', 'refs/heddle'), '')
  assert.equal(await repo.git('status', '--porcelain'), '')
}

function makeFolder(name: string): string {
  const path = join(rig.folder, name)
  mkdirSync(path)
  return path
}

describe('a repository', { concurrency: 3 }, () => {
  test('must be there', () => refuse(makeFolder('plain'), 1, /plain.* is (not in|no) .*git repository[^]*git init/i))

  test('must have a commit', async () => {
    const path = makeFolder('empty')
    await rig.git(path, 'init', '--quiet')
    await refuse(path, 1, /no commit[^]*git commit/i)
  })

  test('must have a worktree', async () => {
    const path = makeFolder('bare')
    await rig.git(path, 'init', '--quiet', '--bare')
    await refuse(path, 1, /bare/)
  })

  test('must have a branch that is born', async () => {
    const repo = await rig.makeRepo()
    await repo.git('checkout', '--quiet', '--orphan', 'fresh')
    await refuse(repo.path, 1, /`?fresh`?[^]*(no commit|--base)/)
  })

  test('must have the base', async () => {
    const repo = await rig.makeRepo()
    for (const base of ['nope', '--help', 'main^{blob}', '']) await refuse(repo.path, 2, /git branch --all/, [`--base=${base}`])
    await assertUntouched(repo)
  })

  test('must have no submodules', async () => {
    const [repo, inner] = [await rig.makeRepo(), await rig.makeRepo()]
    await repo.git('-c', 'protocol.file.allow=always', 'submodule', 'add', '--quiet', inner.path, 'lib')
    await repo.commit()
    await refuse(repo.path, 1, /submodules \(lib\)[^]*Nothing was started/)
    await assertUntouched(repo)
  })

  for (const [branch, words] of [
    ['heddle', /the branch `heddle` exists[^]*branchPrefix in heddle.yaml/],
    ['heddle/mine', /the branch `heddle\/mine` exists/],
    ['heddle/mine/deep', /the branch `heddle\/mine\/deep` exists/],
  ] as const) {
    test(`must have no branch ${branch}`, async () => {
      const repo = await rig.makeRepo()
      await repo.git('branch', branch)
      await refuse(repo.path, 1, words, ['--name', 'mine'])
      await assertUntouched(repo)
    })
  }

  test('with a branch heddle takes another branchPrefix', async () => {
    const repo = await rig.makeRepo({ settings: 'branchPrefix: agents/h' })
    await repo.git('branch', 'heddle')
    const task = await repo.start('mine', [[{ write: { path: 'a.txt', content: 'a' } }]])
    assert.equal(task.branch, 'agents/h/mine')
    await repo.wait('mine')
    await repo.do('approve', 'mine')
    assert.equal((await repo.wait('mine')).state, 'landed')
  })

  test('is found from a folder in it, and from a linked worktree, whose branch is then the base', async () => {
    const repo = await rig.makeRepo({ files: { 'deep/er/x.txt': 'x' } })
    const linked = join(rig.folder, 'linked')
    await repo.git('worktree', 'add', '--quiet', '-b', 'side', linked)
    const start = async (cwd: string, name: string) =>
      (await rig.heddle(['run', PROMPT, '--name', name, '--json'], { cwd })).json<TaskView>()
    assert.equal((await start(join(repo.path, 'deep/er'), 'one')).base, 'main')
    assert.equal((await start(linked, 'two')).base, 'side')
    await repo.wait('two')
    await repo.do('approve', 'two')
    await repo.wait('two')
    assert.equal(await rig.git(linked, 'show', 'HEAD:a.txt'), 'a')
    assert.equal(await rig.git(linked, 'status', '--porcelain'), '')
    assert.equal(repo.has('a.txt'), false)
  })

  test('is not the one that GIT_DIR of the shell names, neither for Heddle nor for its agents', async () => {
    const [repo, other] = [await rig.makeRepo(), await rig.makeRepo()]
    const env = { GIT_DIR: join(other.path, '.git'), GIT_WORK_TREE: other.path, GIT_INDEX_FILE: join(other.path, '.git/index') }
    const prompt = `Go\n${steps([{ run: 'echo a > a.txt; git add --all; git commit -m mine' }])}`
    const run = await repo.heddle(['run', prompt, '--name', 'go'], { env })
    assert.equal(run.code, 0, run.stderr)
    assert.equal((await repo.wait('go')).change?.files, 1)
    assert.equal(await repo.git('log', '-1', '--format=%s', 'heddle/go'), 'mine')
    assert.equal(await other.git('log', '--format=%s'), 'Begin')
    assert.equal(await other.git('status', '--porcelain'), '')
  })
})

describe('a name', { concurrency: 3 }, () => {
  test('that is taken is refused, also when two ask at once', async () => {
    const repo = await rig.makeRepo()
    const runs = await Promise.all([1, 2, 3].map(() => repo.heddle(['run', '--name', 'same', PROMPT])))
    assert.equal(runs.filter((run) => run.code === 0).length, 1)
    for (const run of runs.filter((one) => one.code !== 0)) assert.match(run.stderr, /called `same`[^]*--name/)
    assert.equal((await repo.do('ps', '--json')).json<unknown[]>().length, 1)
  })
})

describe('heddle.yaml', { concurrency: 3 }, () => {
  for (const [what, settings, words] of [
    ['an unknown key', 'conurrency: 3', /heddle.yaml:3: unknown key `conurrency`; did you mean `concurrency`\?/],
    [
      'an unknown key deeper down',
      'review:\n  bye: checks',
      /heddle.yaml:4: unknown key `bye` under `review`; did you mean `by`\?/,
    ],
    ['a value of the wrong kind', 'rounds: many', /heddle.yaml:3: rounds: expected (number|int)/],
    ['broken YAML', 'checks: [a', /heddle.yaml:\d: not valid YAML: /],
    ['an agent of no kind', 'agents: { mine: { run: [x] } }', /heddle.yaml:3: .*`run`.*`?(acp|command)/],
  ] as const) {
    test(`with ${what} is refused with its line`, async () => {
      const repo = await rig.makeRepo({ settings })
      await refuse(repo.path, 2, words)
      await assertUntouched(repo)
    })
  }

  test('with an agent that nobody knows is refused with those that are known', async () => {
    const repo = await rig.makeRepo()
    await refuse(repo.path, 2, /claud[^]*claude/, ['--agent', 'claud'])
  })

  test('with an agent that is not installed says so', async () => {
    const repo = await rig.makeRepo({ settings: 'agents: { mine: { acp: [no-such-agent, --acp] } }' })
    await refuse(repo.path, 1, /the agent mine is not installed: `no-such-agent` is not on PATH\n.*agents.mine/, [
      '--agent',
      'mine',
    ])
  })
})

describe('the state folder', { concurrency: 3 }, () => {
  test('that is a file is refused', async () => {
    const file = join(rig.folder, 'file')
    writeFileSync(file, '')
    const run = await rig.heddle(['ps'], { env: { HEDDLE_HOME: file } })
    assert.equal(run.code, 3)
    assert.match(run.stderr, /cannot write its state folder .*file \(.*\)\nMake it writable, or set HEDDLE_HOME/)
    assert.doesNotMatch(run.stderr, /\n\s+at /)
  })

  test('that cannot be made or written is refused', async () => {
    // Where even root may not write.
    const run = await rig.heddle(['ps'], { env: { HEDDLE_HOME: '/proc/heddle' } })
    assert.equal(run.code, 3)
    assert.match(run.stderr, /cannot write its state folder \/proc\/heddle/)
    symlinkSync('/nowhere/at/all', join(rig.folder, 'dangling'))
    const dangling = await rig.heddle(['ps'], { env: { HEDDLE_HOME: join(rig.folder, 'dangling') } })
    assert.equal(dangling.code, 3)
    assert.match(dangling.stderr, /cannot write its state folder/)
  })
})
