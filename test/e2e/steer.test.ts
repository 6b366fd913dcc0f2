/** What a person does with a task under way: write to it, answer it, stop it, drop it. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import type { TaskView } from '../../src/api/contract.ts'
import type { Step } from '../../src/demo/script.ts'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const write = (path: string, content: string): Step => ({ write: { path, content } })
/** Tells by a file that the agent is at this step. */
const at = (file: string): Step => ({ run: `touch '${file}'` })

describe('send', { concurrency: 3 }, () => {
  test('in mid-turn becomes the next turn', async () => {
    const repo = await rig.makeRepo()
    const gate = rig.makeGate()
    await repo.start('greet', [[gate.step, write('a.txt', 'a')], [write('b.txt', 'b')]])
    await repo.until('greet', /working/)
    await repo.do('send', 'greet', 'And b, please')
    gate.open()
    const task = await repo.wait('greet')
    assert.deepEqual([task.state, task.change?.files], ['review', 2])
    assert.equal((await repo.show('greet')).turns, 2)
    assert.match((await repo.do('logs', 'greet')).stdout, /> And b, please/)
  })

  test('before the first turn is not lost', async () => {
    const repo = await rig.makeRepo()
    const gate = rig.makeGate()
    await repo.start('first', [[gate.step, write('0.txt', '')]])
    await repo.start('greet', [[write('a.txt', 'a')], [write('b.txt', 'b')]], '--needs', 'first')
    await repo.do('send', 'greet', 'And b, please')
    gate.open()
    await repo.wait('first')
    await repo.do('approve', 'first')
    assert.equal((await repo.wait('greet')).change?.files, 2)
  })

  test('while its checks run is not lost', async () => {
    const gate = rig.makeGate()
    const check = `touch '${gate.file}.began'; while ! test -f '${gate.file}'; do sleep 0.05; done`
    const repo = await rig.makeRepo({ settings: `checks: ["${check}"]` })
    await repo.start('greet', [[write('a.txt', 'a')], [write('b.txt', 'b')]])
    await repo.until('greet', /checking/)
    await repo.do('send', 'greet', 'And b, please')
    gate.open()
    const task = await repo.wait('greet')
    assert.deepEqual([task.state, task.change?.files], ['review', 2])
  })

  test('in review says what to type instead', async () => {
    const repo = await rig.makeRepo()
    await repo.start('greet', [[write('a.txt', 'a')]])
    await repo.wait('greet')
    const run = await repo.heddle(['send', 'greet', 'Hm'])
    assert.equal(run.code, 1)
    assert.match(run.stderr, /heddle revise greet "…"/)
  })
})

describe('stop', { concurrency: 3 }, () => {
  test('in mid-turn leaves no process, and preserves the work', async () => {
    const repo = await rig.makeRepo()
    const gate = rig.makeGate()
    await repo.start('greet', [[write('a.txt', 'a'), at(gate.file), { run: 'setsid sleep 300 & sleep 300' }]])
    await repo.until('greet', /working/)
    await rig.waitForFile(gate.file)
    const task = (await repo.do('stop', 'greet', '--json')).json<TaskView>()
    assert.equal(task.state, 'stopped')
    assert.deepEqual(rig.findProcesses(`HEDDLE_ATTEMPT=${task.id}`), [])
    assert.equal(await repo.git('show', `${(await repo.show('greet')).preserved}:a.txt`), 'a')
    assert.equal((await repo.git('worktree', 'list')).split('\n').length, 1)
    assert.equal(await repo.git('branch', '--list', 'heddle/*'), '')
    assert.equal((await repo.wait('greet', 1)).state, 'stopped')
  })

  test('ends a check, and an agent that does not obey', async () => {
    const repo = await rig.makeRepo({ settings: "checks: ['trap : TERM INT; while :; do sleep 1; done']" })
    const tasks = [
      await repo.start('check', [[write('a.txt', 'a')]]),
      await repo.start('deaf', [[write('a.txt', 'a'), { silent: true }]]),
    ]
    await repo.until('check', /checking/)
    await repo.until('deaf', /working/)
    await repo.do('stop', 'check', 'deaf')
    for (const { id } of tasks) assert.deepEqual(rig.findProcesses(`HEDDLE_ATTEMPT=${id}`), [])
  })

  test('twice is once, and what has landed stays landed', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["true"]\nreview: { by: checks }' })
    await repo.start('hang', [[{ hang: true }]])
    await repo.do('stop', 'hang')
    await repo.do('stop', 'hang')
    await repo.start('greet', [[write('a.txt', 'a')]])
    await repo.wait('greet')
    const late = await repo.heddle(['stop', 'greet'])
    assert.equal(late.code, 1)
    assert.match(late.stderr, /`greet` is landed|has ended/)
  })
})

describe('discard', { concurrency: 3 }, () => {
  test('from review preserves the work and lands nothing', async () => {
    const repo = await rig.makeRepo()
    await repo.start('greet', [[write('a.txt', 'a')]])
    await repo.wait('greet')
    assert.equal((await repo.do('discard', 'greet', '--json')).json<TaskView>().state, 'discarded')
    assert.equal(await repo.git('show', `${(await repo.show('greet')).preserved}:a.txt`), 'a')
    assert.deepEqual(await repo.requests('greet'), [])
    assert.equal(await repo.git('log', '--format=%s', 'main'), 'Begin')
  })

  test('from working and from queued', async () => {
    const repo = await rig.makeRepo()
    await repo.start('works', [[{ hang: true }]])
    await repo.start('waits', [[{ hang: true }]], '--needs', 'works')
    await repo.until('works', /working/)
    for (const name of ['waits', 'works']) {
      assert.equal((await repo.do('discard', name, '--json')).json<TaskView>().state, 'discarded')
    }
    assert.deepEqual((await repo.do('inbox', '--json')).json(), [])
  })

  test('from a conflict that waits for a person', async () => {
    const repo = await rig.makeRepo()
    await repo.start('greet', [[write('README.md', 'theirs\n')]])
    await repo.wait('greet')
    repo.write('README.md', 'mine\n')
    await repo.do('approve', 'greet')
    await repo.wait('greet', 4)
    await repo.do('discard', 'greet')
    assert.deepEqual(await repo.requests('greet'), [])
    assert.equal(await repo.git('show', `${(await repo.show('greet')).preserved}:README.md`), 'theirs')
    assert.equal((await repo.git('worktree', 'list')).split('\n').length, 1)
  })
})

describe('a permission', { concurrency: 3 }, () => {
  const ask: Step = {
    ask: {
      title: 'Push',
      kind: 'execute',
      command: 'git push',
      ifAllowed: [write('a.txt', 'allowed')],
      orElse: [write('a.txt', 'denied')],
    },
  }

  for (const answer of ['allow', 'deny']) {
    test(`is asked for, and the agent goes on after ${answer}`, async () => {
      const repo = await rig.makeRepo()
      await repo.start('push', [[ask]])
      const waiting = await repo.wait('push', 4)
      assert.deepEqual([waiting.state, waiting.doing], ['working', 'waits for you: permission'])
      const request = await repo.request('push')
      assert.deepEqual(
        [request.kind, request.answers, request.text],
        ['permission', ['allow', 'deny'], 'git push\npushes to a remote'],
      )
      await repo.do('answer', request.id, answer)
      assert.equal((await repo.wait('push')).state, 'review')
      const { workspace } = await repo.show('push')
      assert.match(await repo.git('-C', workspace!, 'show', 'HEAD:a.txt'), answer === 'allow' ? /allowed/ : /denied/)
    })
  }

  test('that is denied may end the turn, and the agent is told to go on', async () => {
    const repo = await rig.makeRepo()
    const step: Step = { ask: { title: 'Push', kind: 'execute', command: 'git push', orElse: [{ stop: 'cancelled' }] } }
    await repo.start('push', [[step], [write('a.txt', 'a')]])
    await repo.wait('push', 4)
    await repo.do('answer', (await repo.request('push')).id, 'deny')
    assert.equal((await repo.wait('push')).state, 'review')
    assert.match((await repo.do('logs', 'push')).stdout, /> What you asked for was refused\./)
  })

  test('follows the rules of heddle.yaml without a person', async () => {
    const rules = 'permissions: { rules: [{ action: deny, match: "git push*" }, { action: allow, tool: fetch }] }'
    const repo = await rig.makeRepo({ settings: rules })
    await repo.start('push', [[ask, { ask: { title: 'Get', kind: 'fetch', ifAllowed: [write('b.txt', 'got')] } }]])
    assert.equal((await repo.wait('push')).change?.files, 2)
  })

  test('is withdrawn when its task is stopped, and cannot be answered then', async () => {
    const repo = await rig.makeRepo()
    await repo.start('push', [[ask]])
    await repo.wait('push', 4)
    const { id } = await repo.request('push')
    await repo.do('stop', 'push')
    assert.deepEqual(await repo.requests('push'), [])
    const late = await repo.heddle(['answer', id, 'allow'])
    assert.equal(late.code, 1)
    assert.match(late.stderr, new RegExp(`${id}.*withdrawn`))
  })
})
