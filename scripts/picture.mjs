/**
 * Draws `docs/heddle.svg`: what the terminal shows of a real run, with scripted agents, in a repository and with a state
 * folder of its own that are gone afterwards. `node scripts/picture.mjs`, on the project's own Node.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'heddle-picture-'))
const repo = join(folder, 'timesheet')
const env = {
  PATH: process.env.PATH,
  HOME: folder,
  HEDDLE_HOME: join(folder, 'home'),
  FORCE_COLOR: '1',
  GIT_AUTHOR_NAME: 'You',
  GIT_AUTHOR_EMAIL: 'you@example.com',
  GIT_COMMITTER_NAME: 'You',
  GIT_COMMITTER_EMAIL: 'you@example.com',
}

const COLOURS = { 31: '#ff6b68', 32: '#7ec97a', 33: '#e5c07b', 34: '#6cb0ff', 35: '#d98ae6', 36: '#5fc9d6' }
const ESCAPE = '\x1b['

/** Never there, so that whoever waits for it works until the end. */
const go = join(folder, 'go')
const module = (name, lines) => [
  { write: { path: `src/${name}.js`, content: `// ${name}\n`.repeat(lines) } },
  { write: { path: `test/${name}.test.js`, content: `// ${name}\n`.repeat(lines / 2) } },
]
const tasks = [
  { name: 'slugify', prompt: 'Turn names into slugs', steps: [...module('slugify', 16), { say: 'Done.' }] },
  { name: 'durations', prompt: 'Read durations', steps: [...module('durations', 18), { say: 'Done.' }] },
  {
    name: 'tables',
    prompt: 'Write tables',
    steps: [
      ...module('tables', 20),
      { ask: { title: 'Publish', kind: 'execute', command: 'npm publish --tag next' } },
      { say: 'Done.' },
    ],
  },
  { name: 'csv-import', prompt: 'Read CSV files', steps: [{ waitFor: { file: go } }, { say: 'Done.' }] },
  { name: 'summary', prompt: 'Sum up', needs: ['durations', 'tables'], steps: [{ say: 'Done.' }] },
]

try {
  const shown = run()
  writeFileSync(join(root, 'docs/heddle.svg'), draw(shown.trimEnd().split('\n')))
} finally {
  heddle('daemon', 'stop', '--all')
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** The text of the terminal, colours included. */
function run() {
  mkdirSync(repo)
  execute('git', ['init', '--quiet', '--initial-branch=main'])
  writeFileSync(join(repo, 'heddle.yaml'), 'agent: scripted\nchecks: ["true"]\n')
  execute('git', ['add', '.'])
  execute('git', ['commit', '--quiet', '--message', 'Start'])
  for (const { name, prompt, needs = [], steps } of tasks)
    heddle('run', `${prompt}\n<steps>${JSON.stringify(steps)}</steps>`, '--name', name, '--needs', needs.join(','))
  heddle('wait', 'slugify', 'durations', 'tables')
  heddle('approve', 'slugify')
  heddle('wait', 'slugify')
  const asked = JSON.parse(heddle('inbox', '--json')).find((request) => request.kind === 'permission').id
  return [
    show('ps'),
    show('inbox'),
    show('answer', asked, 'deny'),
    show('diff', 'durations', '--stat'),
    show('approve', 'durations'),
  ].join('\n')
}

function show(...words) {
  return `${ESCAPE}32m$${ESCAPE}39m ${ESCAPE}1mheddle ${words.join(' ')}${ESCAPE}22m\n${heddle(...words)}`
}

function heddle(...words) {
  return execute(process.execPath, [join(root, 'bin/heddle.mjs'), ...words])
}

function execute(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: repo, env, encoding: 'utf8' })
  // 4: a person is needed, which is what the picture is about.
  if (status !== 0 && status !== 4) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** One `<text>` a run of the same look, at its column, so that no viewer's font can move what stands behind it. */
function draw(lines) {
  const cell = { width: 8.4, height: 19 }
  const margin = { x: 20, top: 52, bottom: 20 }
  const columns = Math.max(...lines.map((line) => readRuns(line).reduce((sum, one) => sum + one.text.length, 0)), 84)
  const width = Math.ceil(columns * cell.width + 2 * margin.x)
  const height = lines.length * cell.height + margin.top + margin.bottom
  const texts = lines.flatMap((line, row) => {
    let column = 0
    return readRuns(line).flatMap(({ text, look }) => {
      const at = column + text.length - text.trimStart().length
      column += text.length
      const word = text.trim()
      if (word === '') return []
      const x = round(margin.x + at * cell.width)
      const y = round(margin.top + row * cell.height + 13)
      const length = round(word.length * cell.width)
      return [
        `<text x="${x}" y="${y}" textLength="${length}" lengthAdjust="spacingAndGlyphs"${style(look)}>${escape(word)}</text>`,
      ]
    })
  })
  const dots = ['#ff5f57', '#febc2e', '#28c840'].map((fill, at) => `<circle cx="${24 + at * 20}" cy="22" r="6" fill="${fill}"/>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="A terminal: heddle ps, inbox, answer, diff and approve">
<rect width="${width}" height="${height}" rx="10" fill="#16181d"/>
${dots.join('')}
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#d7dae0" xml:space="preserve">
${texts.join('\n')}
</g>
</svg>
`
}

/** Splits a line where its look changes. Knows what `styleText` writes: bold, dim, and the colours. */
function readRuns(line) {
  const runs = []
  let look = { bold: false, dim: false, colour: null }
  const [first, ...others] = line.split(ESCAPE)
  if (first !== '') runs.push({ text: first, look })
  for (const other of others) {
    const end = other.indexOf('m')
    look = change(look, Number(other.slice(0, end)))
    if (end + 1 < other.length) runs.push({ text: other.slice(end + 1), look })
  }
  return runs
}

function change(look, code) {
  if (code === 0) return { bold: false, dim: false, colour: null }
  if (code === 1) return { ...look, bold: true }
  if (code === 2) return { ...look, dim: true }
  if (code === 22) return { ...look, bold: false, dim: false }
  return { ...look, colour: COLOURS[code] ?? null }
}

function style({ bold, dim, colour }) {
  return `${bold ? ' font-weight="bold"' : ''}${dim ? ' fill-opacity="0.55"' : ''}${colour === null ? '' : ` fill="${colour}"`}`
}

function round(number) {
  return Math.round(number * 10) / 10
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
