/** What the scripted agent writes into the sample project. */

export type ModuleName = 'slugify' | 'parse-duration' | 'format-table' | 'summary'

export const SOURCES: Readonly<Record<ModuleName | 'index', string>> = {
  slugify: `/** Makes a name that is safe in a URL: "Café Navette" becomes "cafe-navette". */
export function slugify(text) {
  return text
    .normalize('NFKD')
    .replace(/\\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
}
`,

  'parse-duration': `/** The minutes in a text such as "45m", "2h" or "1h 30m". */
export function parseDuration(text) {
  const match = /^(?:(\\d+)h)? ?(?:(\\d+)m)?$/.exec(text.trim())
  if (!match || text.trim() === '') throw new Error('not a duration: ' + JSON.stringify(text))
  const [, hours = 0, minutes = 0] = match
  return Number(hours) * 60 + Number(minutes)
}
`,

  'format-table': `/** Writes rows as lines whose columns line up: numbers on the right, texts on the left. */
export function formatTable(rows) {
  const columns = Math.max(0, ...rows.map(row => row.length))
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map(row => String(row[column] ?? '').length)))
  return rows.map(row => row.map((cell, column) => pad(cell, widths[column])).join('  ').trimEnd()).join('\\n')
}

function pad(cell, width) {
  return typeof cell === 'number' ? String(cell).padStart(width) : cell.padEnd(width)
}
`,

  summary: `import { formatTable } from './format-table.js'
import { parseDuration } from './parse-duration.js'

/** A table of the minutes that each project took, the longest first, and their total. */
export function summarize(entries) {
  const minutes = new Map()
  for (const { project, duration } of entries) {
    minutes.set(project, (minutes.get(project) ?? 0) + parseDuration(duration))
  }
  const rows = [...minutes].sort(([, a], [, b]) => b - a)
  const total = rows.reduce((sum, [, spent]) => sum + spent, 0)
  return formatTable([...rows, ['Total', total]])
}
`,

  index: `import { readFileSync } from 'node:fs'
import { readEntries } from './src/entries.js'
import { slugify } from './src/slugify.js'
import { summarize } from './src/summary.js'

const [file, project] = process.argv.slice(2)
if (!file) {
  console.error('Usage: node index.js FILE [PROJECT]')
  process.exit(2)
}
const entries = readEntries(readFileSync(file, 'utf8'))
console.log(summarize(entries.filter(entry => !project || slugify(entry.project) === project)))
`,
}

export const TESTS: Readonly<Record<ModuleName | 'index', string>> = {
  slugify: `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slugify } from '../src/slugify.js'

test('keeps letters and digits', () => {
  assert.equal(slugify('Loom & Co, 2nd floor'), 'loom-co-2nd-floor')
})

test('drops accents', () => {
  assert.equal(slugify('Café Navette'), 'cafe-navette')
})

test('neither starts nor ends with a hyphen', () => {
  assert.equal(slugify('(warp!)'), 'warp')
})
`,

  'parse-duration': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDuration } from '../src/parse-duration.js'

test('reads minutes', () => {
  assert.equal(parseDuration('45m'), 45)
})

test('reads hours', () => {
  assert.equal(parseDuration('2h'), 120)
})

test('reads hours and minutes together', () => {
  assert.equal(parseDuration('1h 30m'), 90)
})

test('quotes what it cannot read', () => {
  assert.throws(() => parseDuration('a while'), /not a duration: "a while"/)
  assert.throws(() => parseDuration(''), /not a duration: ""/)
})
`,

  'format-table': `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable } from '../src/format-table.js'

test('lines texts up on the left and numbers on the right', () => {
  assert.equal(formatTable([['warp', 5], ['weft', 120]]), 'warp    5\\nweft  120')
})

test('leaves no space at the end of a line', () => {
  assert.equal(formatTable([['a', 'long'], ['b', 'x']]), 'a  long\\nb  x')
})

test('writes nothing for no rows', () => {
  assert.equal(formatTable([]), '')
})
`,

  summary: `import assert from 'node:assert/strict'
import { test } from 'node:test'
import { summarize } from '../src/summary.js'

test('adds up each project, the longest first', () => {
  const entries = [
    { project: 'Loom', duration: '45m' },
    { project: 'Shuttle', duration: '2h' },
    { project: 'Loom', duration: '30m' },
  ]
  assert.equal(summarize(entries), 'Shuttle  120\\nLoom      75\\nTotal    195')
})

test('of no entries the total is 0', () => {
  assert.equal(summarize([]), 'Total  0')
})
`,

  index: `import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const run = (...args) => spawnSync(process.execPath, ['index.js', ...args], { cwd: root, encoding: 'utf8' })

test('prints the summary of a file', () => {
  assert.match(run('example.txt').stdout, /^Loom & Co +210\\nCafé Navette +120\\nWarp drive +20\\nTotal +350\\n$/)
})

test('prints one project by its slug', () => {
  assert.match(run('example.txt', 'cafe-navette').stdout, /^Café Navette +120\\nTotal +120\\n$/)
})

test('without a file it says how to use it', () => {
  assert.equal(run().status, 2)
})
`,
}

const WHOLE_PATTERN = '/^(?:(\\d+)h)? ?(?:(\\d+)m)?$/'
const HALF_PATTERN = '/^(?:(\\d+)h|(\\d+)m)$/'

/** A first try at `parse-duration` that fails its test, and what mends it. */
export const HALF_DONE = {
  content: SOURCES['parse-duration'].replace(WHOLE_PATTERN, () => HALF_PATTERN),
  old: HALF_PATTERN,
  new: WHOLE_PATTERN,
}

const EXAMPLE_ENTRY = '    2026-03-02 Loom & Co: 1h 30m\n'

/** What the last task adds to the sample's README. */
export const USAGE = {
  old: EXAMPLE_ENTRY,
  new: `${EXAMPLE_ENTRY}
To see the minutes that each project took, or one project by its slug:

    node index.js example.txt
    node index.js example.txt cafe-navette
`,
}
