/** A task's life, from the prompt to landed work. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })

test('a task goes from a prompt to landed work', async () => {
  const repo = await rig.makeRepo()
  const task = await repo.start('greet', [[{ write: { path: 'a.txt', content: 'a\n' } }, { say: 'Done.' }]])
  assert.equal(task.state, 'queued')
  const reviewed = await repo.wait('greet')
  assert.equal(reviewed.state, 'review')
  assert.equal(repo.has('a.txt'), false)
  await repo.do('approve', 'greet')
  assert.equal((await repo.wait('greet')).state, 'landed')
  assert.equal(repo.read('a.txt'), 'a\n')
  assert.equal(await repo.git('status', '--porcelain'), '')
})
