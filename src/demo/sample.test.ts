/** Plays the plan by hand in the sample, in an order that its needs allow, with the machine's own Node and git. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parse } from 'yaml'
import { runCommand } from '../lib/exec.ts'
import { git } from '../lib/git.ts'
import { requireOk } from '../model/failure.ts'
import { DEMO_TASKS, writePlan } from './plan.ts'
import { makeSample, testCommand } from './sample.ts'
import { readScript, type Step } from './script.ts'

async function makeSampleIn(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heddle's sample-"))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await makeSample(join(folder, 'timesheet'))
  return join(folder, 'timesheet')
}

async function runTests(cwd: string): Promise<number | null> {
  // Node's own test runner would refuse to run inside itself.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return (await runCommand('sh', ['-c', testCommand()], { cwd, env })).code
}

/** The steps that change files, and no others. */
async function playWrites(steps: readonly Step[], cwd: string): Promise<void> {
  for (const step of steps) {
    if ('write' in step) {
      await mkdir(dirname(join(cwd, step.write.path)), { recursive: true })
      await writeFile(join(cwd, step.write.path), step.write.content)
    } else if ('edit' in step) {
      const text = await readFile(join(cwd, step.edit.path), 'utf8')
      assert.equal(text.split(step.edit.old).length, 2, `${step.edit.path} must hold the old text once`)
      await writeFile(join(cwd, step.edit.path), text.split(step.edit.old).join(step.edit.new))
    }
  }
}

test('the sample is a clean repository with one commit, whose tests pass', async (t) => {
  // As on a machine where git was never set up.
  const { HOME } = process.env
  t.after(() => Object.assign(process.env, { HOME }))
  process.env.HOME = join(tmpdir(), 'no such home')
  const folder = await makeSampleIn(t)
  assert.equal(requireOk(await git(folder, ['status', '--porcelain', '--branch'])), '## main')
  assert.equal(requireOk(await git(folder, ['log', '--format=%an %s'])), 'Heddle sample Read time sheets')
  assert.equal(await runTests(folder), 0)
})

test('its heddle.yaml has the test command as its check, and lets the checks approve', async (t) => {
  const folder = await makeSampleIn(t)
  const settings = parse(await readFile(join(folder, 'heddle.yaml'), 'utf8'))
  assert.deepEqual(settings, { agent: 'scripted', checks: [testCommand()], review: { by: 'checks' }, concurrency: 3 })
})

test('the plan file says what the plan is', () => {
  const { tasks } = parse(writePlan()) as {
    tasks: { name: string; prompt: string; needs: string[]; touches: string[]; acceptance: string[] }[]
  }
  for (const [index, task] of tasks.entries()) {
    const { name, needs, touches, turns, acceptance } = DEMO_TASKS[index] ?? assert.fail()
    assert.deepEqual([task.name, task.needs, task.touches, task.acceptance], [name, needs, touches, [acceptance]])
    assert.deepEqual(readScript(task.prompt), { ok: true, turns })
  }
  assert.deepEqual(
    tasks.map((task) => task.needs.length),
    [0, 0, 0, 2, 2],
  )
})

test('each turn but the first of parse-duration leaves the tests green, and touches what the plan says', async (t) => {
  const folder = await makeSampleIn(t)
  for (const task of DEMO_TASKS) {
    for (const [index, steps] of task.turns.entries()) {
      await playWrites(steps, folder)
      const shouldFail = task.name === 'parse-duration' && index === 0
      assert.equal(await runTests(folder), shouldFail ? 1 : 0, `${task.name}, turn ${index + 1}`)
    }
    requireOk(await git(folder, ['add', '--all']))
    const touched = requireOk(await git(folder, ['diff', '--cached', '--name-only'])).split('\n')
    assert.deepEqual(touched.sort(), [...task.touches].sort())
    requireOk(await git(folder, ['commit', '--quiet', '-m', task.name]))
  }
})
