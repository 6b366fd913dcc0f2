/** Every command explains itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMMANDS } from '../../src/cli/commands.ts'
import { makeHome, runCli } from './rig.ts'

for (const [name, entry] of Object.entries(COMMANDS)) {
  test(`the help of ${name} names each of its options and has an example`, async () => {
    const { help, options } = await entry.load()
    assert.match(help, new RegExp(`^\\s*Usage: heddle ${name}\\b`))
    assert.match(help, new RegExp(`\\nExamples?\\n  .*heddle ${name}\\b`))
    for (const [option, { short }] of Object.entries(options)) {
      assert.match(help, new RegExp(`^  (-\\w, )?--${option}\\b`, 'm'), `--${option} is not explained`)
      if (short !== undefined) assert.match(help, new RegExp(`-${short}, --${option}\\b`))
    }
    const known = new Set(['help', ...Object.keys(options)])
    // Of the lines that explain options only: an example may call other programs.
    for (const [, option] of help.matchAll(/^ {2}(?:-\w, )?--([a-z-]+)/gm))
      assert.ok(known.has(option!), `--${option} is unknown`)
    for (const line of help.split('\n')) assert.ok(line.length <= 130, `this line is too long: ${line}`)
  })

  test(`heddle ${name} --help and heddle help ${name} print it`, async (t) => {
    const home = makeHome(t)
    const { help } = await entry.load()
    for (const words of [
      [name, '--help'],
      ['help', name],
    ]) {
      assert.deepEqual(await runCli(home, words), { code: 0, stdout: `${help.trim()}\n`, stderr: '' })
    }
  })
}

test('heddle --help names every command, and heddle alone where to begin', async (t) => {
  const home = makeHome(t)
  const all = await runCli(home, ['--help'])
  for (const name of Object.keys(COMMANDS)) assert.match(all.stdout, new RegExp(`^  ${name} +\\w`, 'm'))
  assert.deepEqual(await runCli(home, ['help']), all)
  const alone = await runCli(home, [])
  assert.equal(alone.code, 0)
  assert.match(alone.stdout, /heddle run "/)
})

test('a word after -- asks for no help', async (t) => {
  const home = makeHome(t)
  const { stdout } = await runCli(home, ['run', '--name', '-x', '--', 'ls', '--help'])
  assert.equal(stdout, '')
})
