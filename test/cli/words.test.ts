/** Wrong words and bad places: one clear message, the right exit code, nothing started. */
import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeHome, runCli } from './rig.ts'

const WRONG: readonly (readonly [words: readonly string[], message: RegExp])[] = [
  [['rnu', 'x'], /there is no command `rnu`; did you mean `run`\?/],
  [['--frob'], /there is no option `--frob`/],
  [['ps', '--wach'], /there is no option --wach; did you mean --watch\?/],
  [['ps', '-x'], /there is no option -x/],
  [['ps', '--json=yes'], /--json takes no value/],
  [['ps', 'mend'], /ps takes no further words/],
  [['run'], /run needs a PROMPT/],
  [['run', ''], /the prompt is empty/],
  [['run', 'Mend', 'it'], /put a text in quotes/],
  [['run', 'x', '--name'], /--name needs a value/],
  [['run', '--name', '--wait', 'x'], /--name needs a value/],
  [['run', 'x', '--', 'ls'], /either a PROMPT or/],
  [['run', '--'], /after -- there must be a command/],
  [['run', '--plan', 'a.yaml', '--name', 'x'], /--name cannot be given with --plan/],
  [['run', '--plan', '/nowhere/plan.yaml'], /\/nowhere\/plan\.yaml cannot be read: there is no such file/],
  [['check-plan', '/nowhere/plan.yaml'], /there is no such file/],
  [['wait'], /wait needs at least one TASK/],
  [['wait', 'x', '--timeout', 'soon'], /--timeout takes a number of seconds, not `soon`/],
  [['send', 'x'], /send needs a TEXT/],
  [['answer', 'r1'], /answer needs/],
  [['daemon', 'frob'], /start, stop, status, not `frob`/],
  [['daemon', 'status', '--all'], /--all goes with daemon stop only/],
  [['help', 'frob'], /there is no command `frob`/],
]

for (const [words, message] of WRONG) {
  test(`heddle ${words.join(' ')} is refused`, async (t) => {
    const home = join(makeHome(t), 'home')
    const { code, stdout, stderr } = await runCli(home, words)
    assert.equal(code, 2, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, /^heddle: /)
    assert.match(stderr, message)
    // What was wrong, and what to do.
    assert.equal(stderr.trimEnd().split('\n').length, 2, stderr)
    assert.doesNotMatch(stderr, /^\s+at /m)
    assert.ok(!existsSync(home), 'something was started')
  })
}

test('a state folder that cannot be made is named, with what to do', async (t) => {
  // Not by permissions, since tests may run as root.
  const file = join(makeHome(t), 'file')
  writeFileSync(file, '')
  for (const home of [file, join(file, 'below')]) {
    const { code, stdout, stderr } = await runCli(home, ['ps'])
    assert.equal(code, 3)
    assert.equal(stdout, '')
    assert.equal(
      stderr,
      `heddle: Heddle cannot write its state folder ${home} (a file is in the way)\nMake it writable, or set HEDDLE_HOME to a folder that is.\n`,
    )
  }
})

test('daemon status and daemon stop start no daemon', async (t) => {
  const home = join(makeHome(t), 'home')
  const status = await runCli(home, ['daemon', 'status', '--json'])
  assert.deepEqual([status.code, status.stdout], [3, ''])
  assert.match(status.stderr, /^heddle: no daemon is running/)
  assert.equal((await runCli(home, ['daemon', 'stop'])).code, 0)
  assert.ok(!existsSync(home))
})
