/** Runs every check at once and shows all their findings, because one run should tell everything there is to mend. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const limitMs = 5 * 60_000
const inColour = process.stdout.isTTY && !process.env.NO_COLOR
// Each tool has its own rules for when to colour; so all do, and it is taken out here.
const env = { ...process.env, FORCE_COLOR: '1', NO_COLOR: undefined }
const asShown = (output) => (inColour ? output : stripVTControlCharacters(output)).trim()

const checks = {
  'Types (tsc)': ['typescript/bin/tsc', '--pretty'],
  'Lint (oxlint)': ['oxlint/bin/oxlint', '--type-aware', '--deny-warnings'],
  'Format (oxfmt; npm run format mends it)': ['oxfmt/bin/oxfmt', '--check'],
  'Unused (knip)': ['knip/bin/knip.js', '--no-progress'],
}

const results = await Promise.all(
  Object.entries(checks).map(async ([title, [bin, ...args]]) => {
    const startedMs = performance.now()
    const { ok, output } = await run([`${root}node_modules/${bin}`, ...args])
    console.log(`\n== ${title}: ${ok ? 'ok' : 'FAILED'}, ${((performance.now() - startedMs) / 1000).toFixed(1)} s`)
    if (output.trim()) console.log(asShown(output))
    return { title, ok }
  }),
)
const failed = results.filter((result) => !result.ok).map((result) => result.title)
console.log(failed.length > 0 ? `\nFailed: ${failed.join(', ')}` : '\nAll checks passed.')
process.exitCode = failed.length > 0 ? 1 : 0

function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', (error) => resolve({ ok: false, output: String(error) }))
    child.on('close', (code) => resolve({ ok: code === 0, output }))
  })
}
