/** What counts as success, for tasks that end without landing. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { createRig } from '../rig/rig.ts'

const rig = createRig({ after })
const write = (path: string, content: string) => ({ write: { path, content } })

describe('a task on a tag', { concurrency: 3 }, () => {
  test('leaves its branch as the result, and lands nowhere', async () => {
    const repo = await rig.makeRepo()
    await repo.git('tag', 'v1')
    const task = await repo.start('patch', [[write('a.txt', 'a\n')]], '--base', 'v1')
    assert.equal(task.base, 'v1')
    await repo.wait('patch')
    await repo.do('approve', 'patch')
    const done = await repo.wait('patch')
    assert.deepEqual([done.state, done.doing], ['reported', 'its result is the branch heddle/patch'])
    assert.equal(await repo.git('show', 'heddle/patch:a.txt'), 'a')
    assert.equal(await repo.git('rev-parse', 'main'), await repo.git('rev-parse', 'v1'))
  })

  test('preserves its branch when it is stopped', async () => {
    const repo = await rig.makeRepo()
    await repo.git('tag', 'v1')
    await repo.start('patch', [[write('a.txt', 'a\n')]], '--base', 'v1')
    await repo.wait('patch')
    await repo.do('discard', 'patch')
    assert.equal(await repo.git('branch', '--list', 'heddle/*'), '')
    assert.equal(await repo.git('show', `${(await repo.show('patch')).preserved}:a.txt`), 'a')
  })
})

describe('a read-only task', { concurrency: 3 }, () => {
  test('is done with its report', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["false"]' })
    await repo.start('look', [[{ say: 'It is a greeting.' }]], '--read-only')
    const task = await repo.wait('look')
    assert.deepEqual([task.state, task.change, task.report], ['reported', null, 'It is a greeting.'])
    assert.match((await repo.do('show', 'look')).stdout, /It is a greeting\./)
  })

  test('fails without a text', async () => {
    const repo = await rig.makeRepo()
    await repo.start('look', [[{ say: 'Let me see.' }, { run: 'cat README.md' }]], '--read-only')
    const task = await repo.wait('look', 1)
    assert.deepEqual([task.state, task.failure], ['failed', 'the agent scripted ended without a report'])
  })

  test('changes nothing, but what it wrote is preserved', async () => {
    const repo = await rig.makeRepo()
    await repo.start('look', [[write('a.txt', 'a'), { commit: 'Sneak' }, write('b.txt', 'b'), { say: 'Seen.' }]], '--read-only')
    const task = await repo.wait('look')
    assert.deepEqual([task.state, task.change], ['reported', null])
    const { preserved } = await repo.show('look')
    assert.deepEqual([await repo.git('show', `${preserved}:a.txt`), await repo.git('show', `${preserved}:b.txt`)], ['a', 'b'])
    assert.equal(await repo.git('log', '--format=%s', 'main'), 'Begin')
    assert.equal(await repo.git('branch', '--list', 'heddle/*'), '')
  })
})

describe('a command', { concurrency: 3 }, () => {
  test('is done when it exits with 0, and its output is the report', async () => {
    const repo = await rig.makeRepo()
    const run = await repo.heddle([
      'run',
      '--wait',
      '--json',
      '--name',
      'list',
      '--',
      'sh',
      '-c',
      'echo "$0 $1"; ls',
      'a b',
      "it's",
    ])
    assert.equal(run.code, 0, run.stderr)
    assert.deepEqual((await repo.wait('list')).report, "a b it's\nREADME.md\nheddle.yaml")
    assert.match((await repo.do('logs', 'list')).stdout, /\| a b it's\n +\| README.md/)
  })

  test('fails when it does not', async () => {
    const repo = await rig.makeRepo()
    const run = await repo.heddle(['run', '--wait', '--name', 'bad', '--', 'sh', '-c', 'echo no >&2; exit 7'])
    assert.equal(run.code, 1)
    assert.match((await repo.show('bad')).failure ?? '', /^the command failed \(exit code 7\)\n {2}\| no$/)
  })

  test('that changed something goes to review', async () => {
    const repo = await rig.makeRepo()
    await repo.do('run', '--name', 'make', '--', 'touch', 'new.txt')
    assert.equal((await repo.wait('make')).state, 'review')
    await repo.do('approve', 'make')
    assert.equal((await repo.wait('make')).state, 'landed')
    assert.equal(repo.has('new.txt'), true)
  })

  test('is checked like an agent, but not asked again', async () => {
    const repo = await rig.makeRepo({ settings: 'checks: ["false"]' })
    await repo.do('run', '--name', 'make', '--', 'touch', 'new.txt')
    assert.match((await repo.wait('make', 1)).failure ?? '', /still fails after 1 round\n/)
  })

  test('that is not there is refused', async () => {
    const repo = await rig.makeRepo()
    const run = await repo.heddle(['run', '--', 'no-such-program', 'x'])
    assert.equal(run.code, 2)
    assert.match(run.stderr, /the command `no-such-program` was not found\n.*heddle run -- sh -c/)
  })

  test('reads no messages', async () => {
    const repo = await rig.makeRepo()
    await repo.do('run', '--name', 'wait', '--', 'sleep', '60')
    const sent = await repo.heddle(['send', 'wait', 'hello'])
    assert.equal(sent.code, 2)
    assert.match(sent.stderr, /plain command, which reads no messages/)
    await repo.do('stop', 'wait')
  })
})

describe('a configured command as the agent', { concurrency: 3 }, () => {
  const settings = `agents:\n  mine: { command: [./fix.sh, "an arg"], env: { LOUD: "yes" } }`
  const files = {
    'fix.sh': '#!/bin/sh\necho "$1 $LOUD" > out.txt\nprintf %s "$HEDDLE_PROMPT" | head -1 >> out.txt\nhead -1 >> out.txt\n',
  }

  test('gets the prompt on its input and in a variable', async () => {
    const repo = await rig.makeRepo({ settings, files })
    await repo.git('update-index', '--chmod=+x', 'fix.sh')
    await repo.git('commit', '--quiet', '-m', 'Make it run')
    await repo.git('checkout', '--quiet', '.')
    await repo.do('run', 'Mend it now', '--name', 'mend', '--agent', 'mine')
    assert.equal((await repo.wait('mend')).state, 'review')
    await repo.do('approve', 'mend')
    await repo.wait('mend')
    assert.equal(repo.read('out.txt'), 'an arg yes\nMend it now\nMend it now\n')
  })
})
