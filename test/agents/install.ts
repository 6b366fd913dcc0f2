/**
 * Installs the real agents beside this file when they are missing or stale, about 1 GB. They are no dependencies of the
 * product, so they have a package.json and a lockfile of their own. By hand: `node test/agents/install.ts`.
 */
import { open, readFile, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runCommand } from '../../src/lib/exec.ts'

const folder = import.meta.dirname
const lockFile = path.join(folder, '.install.lock')
const limitMs = 10 * 60_000

/** Idempotent, and safe to call from several test files at once. */
export async function installAgents(): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await isInstalled())) {
    if (Date.now() > deadline) throw new Error(`Another installation takes too long. If there is none, delete ${lockFile}`)
    if (await takeLock()) {
      try {
        if (!(await isInstalled())) await install()
      } finally {
        await rm(lockFile, { force: true })
      }
    } else await sleep(500)
  }
}

async function install(): Promise<void> {
  console.error('Installing the real agents (about 1 GB, half a minute)…')
  // The agents' own install scripts want `node`: the one that runs this, whatever the user has.
  const env = { ...process.env, PATH: [path.dirname(process.execPath), process.env['PATH']].join(path.delimiter) }
  const result = await runCommand('npm', ['ci'], { cwd: folder, env, timeoutMs: limitMs })
  if (result.code === 0) return
  const reason = result.problem ? ` (${result.problem})` : ''
  throw new Error(`The real agents could not be installed: npm ci failed in ${folder}${reason}\n${result.stdout}${result.stderr}`)
}

/** npm writes the inner lockfile last, without optional packages of other platforms. */
async function isInstalled(): Promise<boolean> {
  const wanted = await loadVersions('package-lock.json')
  const found = await loadVersions('node_modules/.package-lock.json')
  if (!wanted || !found) return false
  return Object.entries(wanted).every(([name, entry]) => {
    const installed = found[name]
    return name === '' || (installed ? installed.version === entry.version : entry.optional === true)
  })
}

async function loadVersions(file: string): Promise<Record<string, { version?: string; optional?: boolean }> | null> {
  try {
    return JSON.parse(await readFile(path.join(folder, file), 'utf8')).packages
  } catch {
    return null
  }
}

/** A lock older than any installation may take belongs to a process that died. */
async function takeLock(): Promise<boolean> {
  const made = await stat(lockFile).catch(() => null)
  if (made && Date.now() - made.mtimeMs > limitMs) await rm(lockFile, { force: true })
  const lock = await open(lockFile, 'wx').catch(() => null)
  await lock?.close()
  return lock !== null
}

if (import.meta.main) await installAgents()
