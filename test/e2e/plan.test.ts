/** Tasks that need each other. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { RequestView, TaskView } from '../../src/api/contract.ts'
import type { Step } from '../../src/demo/script.ts'
import { steps, type Repo } from '../rig/repo.ts'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const write = (path: string, content: string): Step => ({ write: { path, content } })
const BY_CHECKS = 'checks: ["true"]\nreview: { by: checks }'

interface Planned {
  readonly name: string
  readonly steps: readonly Step[]
  readonly needs?: readonly string[]
}

/** YAML takes JSON. */
async function startPlan(repo: Repo, ...tasks: Planned[]): Promise<TaskView[]> {
  const planned = tasks.map((task) => ({
    name: task.name,
    needs: task.needs ?? [],
    prompt: `Do ${task.name}\n${steps(task.steps)}`,
  }))
  const run = await repo.heddle(['run', '--plan', '-', '--json'], { input: JSON.stringify({ tasks: planned }) })
  assert.equal(run.code, 0, run.stderr)
  return run.json<TaskView[]>()
}

describe('a plan', { concurrency: 3 }, () => {
  test('starts each task as soon as its needs have landed, on top of their work', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const gate = rig.makeGate()
    const tasks = await startPlan(
      repo,
      { name: 'last', needs: ['slow', 'middle'], steps: [{ run: 'cat a.txt b.txt > all.txt' }] },
      { name: 'middle', needs: ['quick'], steps: [{ run: 'sed s/a/b/ a.txt > b.txt' }] },
      { name: 'quick', steps: [write('a.txt', 'a\n')] },
      { name: 'slow', steps: [gate.step, write('slow.txt', 's')] },
    )
    assert.deepEqual(
      tasks.map((task) => [task.name, task.state, task.needs]),
      [
        ['last', 'queued', ['slow', 'middle']],
        ['middle', 'queued', ['quick']],
        ['quick', 'queued', []],
        ['slow', 'queued', []],
      ],
    )
    assert.equal((await repo.wait('middle')).state, 'landed')
    assert.deepEqual([(await repo.show('last')).state, (await repo.show('last')).doing], ['queued', 'waits for `slow`'])
    gate.open()
    assert.equal((await repo.wait('last')).state, 'landed')
    assert.equal(repo.read('all.txt'), 'a\nb\n')
  })

  test('of many in a chain lands in order', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const names = ['a', 'b', 'c', 'd']
    await startPlan(
      repo,
      ...names.map((name, at) => ({ name, needs: names.slice(0, at), steps: [{ run: `echo ${name} >> log.txt` }] })),
    )
    assert.equal((await repo.wait('d')).state, 'landed')
    assert.equal(repo.read('log.txt'), 'a\nb\nc\nd\n')
  })

  test('is told with its lines where it is in error, and nothing is started', async () => {
    const repo = await rig.makeRepo()
    const plan =
      'tasks:\n  - name: a\n    prompt: A\n    needs: [c]\n  - name: b\n    prompt: B\n    needs: [a, x]\n  - name: c\n    prompt: C\n    needs: [b]\n'
    const run = await repo.heddle(['run', '--plan', '-'], { input: plan })
    assert.equal(run.code, 2)
    assert.match(run.stderr, /stdin:2: a cycle: `a` needs `c` needs `b` needs `a`/)
    assert.match(run.stderr, /stdin:7: `b` needs `x`, which is neither in the plan nor a task of this repository/)
    assert.deepEqual((await repo.do('ps', '--json')).json(), [])
    const checked = await repo.heddle(['check-plan', '-'], { input: plan })
    assert.equal(checked.code, 1)
    assert.match(checked.stdout, /stdin:2: error: a cycle/)
  })

  test('of which one task cannot be is not started at all', async () => {
    const repo = await rig.makeRepo()
    await repo.git('branch', 'heddle/b')
    const plan = JSON.stringify({ tasks: ['a', 'b'].map((name) => ({ name, prompt: name })) })
    const run = await repo.heddle(['run', '--plan', '-'], { input: plan })
    assert.equal(run.code, 1)
    assert.match(run.stderr, /the branch `heddle\/b` exists/)
    assert.deepEqual((await repo.do('ps', '--json')).json(), [])
  })
})

/** `first` has failed, `second` needs it, `third` needs `second`. */
async function startFailedChain(repo: Repo, first: readonly Step[]): Promise<RequestView> {
  await startPlan(
    repo,
    { name: 'first', steps: first },
    { name: 'second', needs: ['first'], steps: [{ run: 'ls > second.txt' }] },
    { name: 'third', needs: ['second'], steps: [{ run: 'ls > third.txt' }] },
  )
  const run = await repo.heddle(['wait', 'first', 'second', 'third', '--json'])
  assert.equal(run.code, 1)
  assert.deepEqual(
    run.json<TaskView[]>().map((task) => task.state),
    ['failed', 'blocked', 'blocked'],
  )
  return repo.request('first')
}

describe('a failed need', { concurrency: 3 }, () => {
  test('blocks what waits for it, and asks once', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const request = await startFailedChain(repo, [{ say: 'No.' }])
    assert.deepEqual([request.kind, request.answers], ['failure', ['retry', 'drop', 'go-on']])
    assert.match(request.text, /`first` is failed, and `second` waits for it/)
    assert.equal((await repo.show('second')).doing, '`first`, which it needs, is failed')
    assert.equal((await repo.do('inbox', '--json')).json<unknown[]>().length, 1)
    const wrong = await repo.heddle(['answer', request.id, 'perhaps'])
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /retry.*drop.*go-on/)
  })

  test('is retried as a new attempt, and what waited goes on', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const marker = rig.makeGate()
    const request = await startFailedChain(repo, [{ run: `test -f '${marker.file}' && echo a > a.txt` }])
    marker.open()
    await repo.do('answer', request.id, 'retry')
    assert.equal((await repo.wait('third')).state, 'landed')
    const first = await repo.show('first')
    assert.deepEqual([first.state, first.attempt, first.failure], ['landed', 2, null])
    assert.match(repo.read('third.txt'), /a.txt\n[^]*second.txt\n/)
    assert.deepEqual((await repo.do('inbox', '--json')).json(), [])
  })

  test('is asked about again when it fails again', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const request = await startFailedChain(repo, [{ say: 'No.' }])
    await repo.do('answer', request.id, 'retry')
    assert.equal((await repo.wait('first', 1)).attempt, 2)
    assert.notEqual((await repo.request('first')).id, request.id)
    assert.equal((await repo.wait('third', 1)).state, 'blocked')
  })

  test('is gone on without', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const request = await startFailedChain(repo, [{ say: 'No.' }])
    await repo.do('answer', request.id, 'go-on')
    assert.equal((await repo.wait('third')).state, 'landed')
    assert.equal((await repo.show('first')).state, 'failed')
  })

  test('takes with it all that waits for it when that is dropped', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const request = await startFailedChain(repo, [{ say: 'No.' }])
    await repo.do('answer', request.id, 'drop')
    assert.equal((await repo.wait('second', 1)).state, 'discarded')
    assert.equal((await repo.wait('third', 1)).state, 'discarded')
    assert.deepEqual((await repo.do('inbox', '--json')).json(), [])
  })

  test('is asked about also by what comes after its end', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    await repo.start('first', [[{ say: 'No.' }]])
    await repo.wait('first', 1)
    assert.deepEqual(await repo.requests('first'), [])
    await repo.start('second', [[write('a.txt', 'a')]], '--needs', 'first')
    assert.equal((await repo.wait('second', 1)).state, 'blocked')
    await repo.do('answer', (await repo.request('first')).id, 'go-on')
    assert.equal((await repo.wait('second')).state, 'landed')
  })

  test('is asked about no longer when nothing waits for it any more', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    await repo.start('first', [[{ hang: true }]])
    await repo.start('second', [[write('a.txt', 'a')]], '--needs', 'first')
    await repo.until('first', /working/)
    await repo.do('stop', 'first')
    assert.equal((await repo.wait('second', 1)).state, 'blocked')
    await repo.do('discard', 'second')
    assert.deepEqual((await repo.do('inbox', '--json')).json(), [])
  })

  for (const [end, how] of [
    ['stopped', 'stop'],
    ['discarded', 'discard'],
  ] as const) {
    test(`that was ${end} blocks, too`, async () => {
      const repo = await rig.makeRepo({ settings: BY_CHECKS })
      await repo.start('first', [[{ hang: true }]])
      await repo.start('second', [[write('a.txt', 'a')]], '--needs', 'first')
      await repo.until('first', /working/)
      await repo.do(how, 'first')
      assert.deepEqual([(await repo.wait('second', 1)).state, (await repo.show('first')).state], ['blocked', end])
      await repo.do('answer', (await repo.request('first')).id, 'go-on')
      assert.equal((await repo.wait('second')).state, 'landed')
    })
  }
})

describe('--needs', { concurrency: 3 }, () => {
  test('takes names, ids and unique prefixes of tasks that are there', async () => {
    const repo = await rig.makeRepo({ settings: BY_CHECKS })
    const gate = rig.makeGate()
    const first = await repo.start('alpha', [[gate.step, write('a.txt', 'a\n')]])
    await repo.start('beta', [[gate.step, write('b.txt', 'b\n')]])
    const last = await repo.start('gamma', [[{ run: 'cat a.txt b.txt > c.txt' }]], '--needs', `${first.id},be`)
    assert.deepEqual(last.needs, ['alpha', 'beta'])
    assert.equal(last.doing, 'waits for `alpha`, `beta`')
    gate.open()
    assert.equal((await repo.wait('gamma')).state, 'landed')
    assert.equal(repo.read('c.txt'), 'a\nb\n')
  })

  test('refuses what is not there, or could be several', async () => {
    const repo = await rig.makeRepo()
    for (const name of ['alpha-1', 'alpha-2']) await repo.start(name, [[{ hang: true }]])
    const unknown = await repo.heddle(['run', 'X', '--needs', 'nope'])
    assert.deepEqual([unknown.code, unknown.stderr], [2, 'heddle: no task is called `nope`\nSee them all with: heddle ps\n'])
    const ambiguous = await repo.heddle(['run', 'X', '--needs', 'alpha'])
    assert.deepEqual([ambiguous.code, /could be `alpha-1`, `alpha-2`/.test(ambiguous.stderr)], [2, true])
    assert.equal((await repo.do('ps', '--json')).json<unknown[]>().length, 2)
  })
})
