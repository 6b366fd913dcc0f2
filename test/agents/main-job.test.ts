/**
 * The main job: a clone of this very repository, four tasks of which one needs two others, codex and claude at the same
 * time, a permission, a revision, all landed, and the repository's own tests green on the result.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { Step } from '../model/script.ts'
import { createRealRig, prompt } from './real-rig.ts'

const ROOT = path.join(import.meta.dirname, '../..')
const LONGEST_TESTS_MS = 15 * 60_000

const SETTINGS = `checks:
  - node --test src/core/permission-policy.test.ts 'src/lib/format-*.test.ts'
`

test('the main job on this repository', async (t) => {
  const rig = await createRealRig(t, { clone: ROOT, settings: SETTINGS })
  const began = performance.now()
  const tell = (line: string): void => console.log(line)
  /** Types a command, and tells what was typed and what came back. */
  const type = async (args: readonly string[], code = 0): Promise<string> => {
    const shown = args.map((arg) =>
      /^[\w./,=-]+$/.test(arg) ? arg : `'${arg.replaceAll(/\s*<steps>.*<\/steps>/gs, ' …').trim()}'`,
    )
    tell(`$ heddle ${shown.join(' ')}`)
    const run = await rig.heddle(args, code)
    for (const line of `${run.stdout}${run.stderr}`.trimEnd().split('\n')) if (line !== '') tell(`  ${line}`)
    if (code !== 0) tell(`  (exit code ${code})`)
    return run.stdout
  }

  await rig.git('init', '--quiet', '--bare', rig.trace('backup.git'))
  await rig.git('remote', 'add', 'backup', rig.trace('backup.git'))
  tell(`a clone of ${ROOT} at ${(await rig.git('log', '-1', '--format=%h %s', 'HEAD~1')).trim()}`)
  tell("heddle.yaml, committed in it: checks: node --test src/core/permission-policy.test.ts 'src/lib/format-*.test.ts'")

  // Each waits until the other is in its turn too, so they can only go on together.
  const meet = (me: string, other: string): Step => ({
    bash: `touch '${rig.trace(me)}'; for n in $(seq 600); do [ -e '${rig.trace(other)}' ] && exit 0; sleep 0.1; done; exit 1`,
  })
  const bytes: Step[] = [
    meet('codex', 'claude'),
    ...module(
      'format-bytes',
      'export const formatBytes = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : `${(bytes / 1024).toFixed(1)} KiB`)',
      "assert.equal(formatBytes(2048), '2.0 KiB')",
      'formatBytes',
    ),
    { bash: 'git add -A && git commit -q -m "Format bytes"' },
    { say: 'formatBytes is there, with a test.' },
  ]
  const plural: Step[] = [
    meet('claude', 'codex'),
    ...module(
      'format-plural',
      "export const formatPlural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`",
      "assert.equal(formatPlural(2, 'file'), '2 files')",
      'formatPlural',
    ),
    { say: 'formatPlural is there, with a test.' },
  ]
  const size: Step[] = [
    ...module(
      'format-size',
      "import { formatBytes } from './format-bytes.ts'\nimport { formatPlural } from './format-plural.ts'\n\nexport const formatSize = (files: number, bytes: number): string => `${formatPlural(files, 'file')} of ${formatBytes(bytes)}`",
      "assert.equal(formatSize(1, 10), '1 file of 10 B')",
      'formatSize',
    ),
    { say: 'formatSize uses both.' },
  ]
  const revised: Step[] = [
    {
      edit: {
        path: 'src/lib/format-size.test.ts',
        old: "assert.equal(formatSize(1, 10), '1 file of 10 B')",
        new: "assert.equal(formatSize(1, 10), '1 file of 10 B')\n  assert.equal(formatSize(0, 0), '0 files of 0 B')",
      },
    },
    { say: 'The empty folder is tested, too.' },
  ]
  const backup: Step[] = [
    { write: { path: 'docs/backup.md', content: '# Backup\n\nEach change is pushed to `backup` before it lands.\n' } },
    {
      bash: 'git add -A && git commit -q -m "Say where the backup is" && git push -q backup HEAD:refs/heads/backup',
      escalate: true,
    },
    { say: 'Written, and pushed.' },
  ]

  await type(['run', prompt('bytes', [bytes]), '--name', 'bytes', '--agent', 'codex'])
  await type(['run', prompt('plural', [plural]), '--name', 'plural', '--agent', 'claude'])
  await type(['run', prompt('size', [size, revised]), '--name', 'size', '--agent', 'claude', '--needs', 'bytes,plural'])
  await type(['run', prompt('backup', [backup]), '--name', 'backup', '--agent', 'codex'])
  await type(['ps'])

  await type(['wait', 'backup'], 4)
  await type(['inbox'])
  const [asked] = (await rig.inbox()).filter((request) => request.kind === 'permission')
  assert.match(asked!.text, /git push/)
  await type(['answer', asked!.id, 'allow'])
  await type(['wait', 'bytes', 'plural', 'backup'])
  assert.match(await rig.git('ls-remote', 'backup'), /refs\/heads\/backup/)
  await type(['diff', 'plural', '--stat'])
  await type(['approve', 'bytes', 'plural', 'backup'])
  await type(['wait', 'bytes', 'plural', 'backup', 'size'])
  await type(['revise', 'size', 'Test the empty folder, too.'])
  await type(['wait', 'size'])
  await type(['approve', 'size'])
  await type(['wait', 'size'])
  await type(['ps'])
  for (const name of ['bytes', 'plural', 'size', 'backup']) {
    const task = await rig.task(name)
    assert.equal(task.state, 'landed', task.failure ?? '')
    assert.equal((await rig.sessions(name)).length, 1)
  }
  assert.equal(await rig.countPrompts('size'), 2)
  assert.equal(await rig.git('status', '--porcelain'), '')
  tell('$ git log --oneline')
  for (const line of (await rig.git('log', '--format=%h %an: %s', '-7')).split('\n')) tell(`  ${line}`)
  tell(`the job took ${((performance.now() - began) / 1000).toFixed(1)} s`)

  tell('$ npm test')
  const testsBegan = performance.now()
  const child = spawn('npm', ['test'], {
    cwd: rig.repo.path,
    // The user's own settings of npm, and nothing of the test runner that runs this.
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LONGEST_TESTS_MS,
  })
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  for (const line of stdout.trimEnd().split('\n').slice(-8)) tell(`  ${line}`)
  tell(`the repository's own tests took ${((performance.now() - testsBegan) / 1000).toFixed(1)} s`)
  assert.equal(code, 0, `${stdout.slice(stdout.indexOf('failing tests'))}\n${stderr}`)
  assert.match(stdout, /formatSize/)
})

/** A module with its test. */
function module(file: string, source: string, assertion: string, name: string): Step[] {
  const tests = `import assert from 'node:assert/strict'\nimport { test } from 'node:test'\nimport { ${name} } from './${file}.ts'\n\ntest('${name}', () => {\n  ${assertion}\n})\n`
  return [
    { write: { path: `src/lib/${file}.ts`, content: `${source}\n` } },
    { write: { path: `src/lib/${file}.test.ts`, content: tests } },
  ]
}
