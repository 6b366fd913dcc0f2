/** The sample project of the demonstration: a small command line that adds up time sheets, before anybody worked on it. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { findOnPath } from '../lib/find-on-path.ts'
import { git } from '../lib/git.ts'
import { requireOk } from '../model/failure.ts'

const AUTHOR = {
  GIT_AUTHOR_NAME: 'Heddle sample',
  GIT_AUTHOR_EMAIL: 'sample@example.com',
  GIT_COMMITTER_NAME: 'Heddle sample',
  GIT_COMMITTER_EMAIL: 'sample@example.com',
}

/** Makes a git repository with one commit on `main` in a folder that need not exist. Throws a `FailureError` if git fails. */
export async function makeSample(folder: string): Promise<void> {
  for (const [path, content] of Object.entries(listFiles())) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), content)
  }
  requireOk(await git(folder, ['init', '--quiet', '--initial-branch=main']))
  // Its own identity, so that it works where git has none, and its history reads the same everywhere.
  requireOk(await git(folder, ['config', 'user.name', AUTHOR.GIT_AUTHOR_NAME]))
  requireOk(await git(folder, ['config', 'user.email', AUTHOR.GIT_AUTHOR_EMAIL]))
  requireOk(await git(folder, ['add', '--all']))
  requireOk(await git(folder, ['commit', '--quiet', '--message', 'Read time sheets'], { env: AUTHOR }))
}

/** The command that runs the sample's tests. */
export function testCommand(): string {
  // Whoever ran `npm start` has a Node on PATH; whoever ran our own Node by its path may have none.
  return findOnPath('node', { path: process.env.PATH ?? '', folders: ['/'] })
    ? 'node --test'
    : `'${process.execPath.replaceAll("'", `'\\''`)}' --test`
}

const listFiles = (): Record<string, string> => ({
  'heddle.yaml': `# What Heddle should know about this repository. Every key may be left out.

# Plays steps that are written in the prompt: for demonstrations. For real work: claude, codex, or your own agent.
agent: scripted

# Must pass in the task's own worktree before its change is looked at, and again on the combined tree before it lands.
checks:
  - ${testCommand()}

# Here the checks approve. Without this line each change waits for a person: heddle inbox.
review: { by: checks }

# How many agents and checks run at once.
concurrency: 3
`,

  'package.json': `{
  "name": "timesheet",
  "private": true,
  "type": "module",
  "scripts": { "test": "node --test" }
}
`,

  'README.md': `# timesheet

Adds up the hours in a plain text file: one entry a line, the date, the project, the time.

    2026-03-02 Loom & Co: 1h 30m
`,

  'example.txt': `# A week
2026-03-02 Loom & Co: 1h 30m
2026-03-02 Café Navette: 45m
2026-03-03 Loom & Co: 2h
2026-03-04 Café Navette: 1h 15m
2026-03-05 Warp drive: 20m
`,

  'src/entries.js': `/** Reads a time sheet. Skips empty lines and those that start with #. */
export function readEntries(text) {
  return text
    .split('\\n')
    .map(line => line.trim())
    .filter(line => line !== '' && !line.startsWith('#'))
    .map(readEntry)
}

function readEntry(line) {
  const match = /^(\\d{4}-\\d{2}-\\d{2}) (.+): (.+)$/.exec(line)
  if (!match) throw new Error('not an entry: ' + line)
  const [, date, project, duration] = match
  return { date, project, duration }
}
`,

  'test/entries.test.js': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEntries } from '../src/entries.js'

test('reads an entry a line', () => {
  assert.deepEqual(readEntries('# March\\n\\n2026-03-02 Loom & Co: 1h 30m\\n'), [
    { date: '2026-03-02', project: 'Loom & Co', duration: '1h 30m' },
  ])
})

test('names the line that it cannot read', () => {
  assert.throws(() => readEntries('yesterday: a lot'), /not an entry: yesterday: a lot/)
})
`,
})
