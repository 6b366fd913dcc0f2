/** Who may run at the same time. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { TaskView } from '../../src/api/contract.ts'
import type { Step } from '../../src/demo/script.ts'
import { createRig } from '../rig/rig.ts'

const write = (path: string, content: string): Step => ({ write: { path, content } })

describe('slots', { concurrency: 2 }, () => {
  test('are three unless told, and a task that waits for a person holds none', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo({ settings: null })
    const gate = rig.makeGate()
    const names = ['one', 'two', 'three', 'four', 'five']
    for (const name of names) {
      await repo.start(name, [[{ run: `touch '${gate.file}.${name}'` }, gate.step, write(name, name)]], '--agent', 'scripted')
    }
    await rig.waitForFile(`${gate.file}.three`)
    await repo.until('five', /queued: waits for a slot/)
    const tasks = (await repo.do('ps', '--json')).json<TaskView[]>()
    assert.deepEqual(
      tasks.map((task) => [task.name, task.state, task.doing]),
      [
        ['one', 'working', 'working'],
        ['two', 'working', 'working'],
        ['three', 'working', 'working'],
        ['four', 'queued', 'waits for a slot'],
        ['five', 'queued', 'waits for a slot'],
      ],
    )
    gate.open()
    const waited = await repo.do('wait', ...names, '--json')
    assert.ok(waited.json<TaskView[]>().every((task) => task.state === 'review'))
  })

  test('are given back while a permission is asked for', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo({ settings: 'concurrency: 1' })
    await repo.start('ask', [[{ ask: { title: 'Push', kind: 'execute', command: 'git push' } }, write('a.txt', 'a')]])
    await repo.wait('ask', 4)
    await repo.start('other', [[write('b.txt', 'b')]])
    assert.equal((await repo.wait('other')).state, 'review')
    await repo.do('answer', (await repo.request('ask')).id, 'allow')
    assert.equal((await repo.wait('ask')).state, 'review')
  })

  test('stop a task that waits for one', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo({ settings: 'concurrency: 1' })
    await repo.start('one', [[{ hang: true }]])
    await repo.start('two', [[{ hang: true }]])
    await repo.until('two', /waits for a slot/)
    assert.equal((await repo.do('stop', 'two', '--json')).json<TaskView>().state, 'stopped')
    await repo.until('one', /working/)
  })

  test('tasks that touch the same files do not run together', async (t) => {
    const rig = createRig(t)
    const repo = await rig.makeRepo()
    const other = await rig.makeRepo()
    const gate = rig.makeGate()
    const task = (name: string): Step[][] => [[gate.step, write(`src/${name}`, name)]]
    await repo.start('one', task('one'), '--touches', 'src/*.ts')
    await repo.until('one', /working/)
    await repo.start('two', task('two'), '--touches', 'src/a.ts', '--touches', 'docs')
    await repo.start('apart', task('apart'), '--touches', 'docs/**')
    await other.start('elsewhere', task('elsewhere'), '--touches', 'src/**')
    assert.equal((await repo.until('two', /waits for `one`/)).doing, 'waits for `one`, which touches src/a.ts')
    await repo.until('apart', /working: working/)
    await other.until('elsewhere', /working: working/)
    gate.open()
    assert.equal((await repo.wait('two')).state, 'review')
  })
})
