/** Finds the user's daemon, and starts it when none runs. */
import type { ChildProcess } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { spawnDetached } from '../lib/exec.ts'
import { loadTail, makePrivateFolder } from '../lib/files.ts'
import { heddleHome, socketPath } from '../lib/home.ts'
import { createLineSplitter, parseJson } from '../lib/json-lines.ts'
import { failed, FailureError, ok, type Failure, type Result } from '../model/failure.ts'
import { openClient, type Client } from './client.ts'

const SLOW_MS = 1_000
/** How long a daemon may take until it says that it is ready: it may have a database to migrate. */
const LONGEST_START_MS = 60_000
/** How long we look for the socket of a daemon that holds the lock: it may be starting, or ending. */
const LONGEST_SEARCH_MS = 10_000

export interface ConnectOptions {
  readonly home?: string
  readonly env?: NodeJS.ProcessEnv
  /** Called once if the daemon must be started and that takes more than a second. */
  readonly onSlow?: () => void
}

/** Connects to the daemon of that home, which it starts if none runs. */
export async function connect(options: ConnectOptions = {}): Promise<Result<Client>> {
  const env = options.env ?? process.env
  const home = options.home ?? heddleHome(env)
  const slow = setTimeout(() => options.onSlow?.(), SLOW_MS)
  try {
    const end = Date.now() + LONGEST_SEARCH_MS
    for (;;) {
      const client = await openIfListening(home)
      if (client !== null) return ok(client)
      const started = await startDaemon(home, env)
      if (started !== null) return failed(started)
      const found = await findListening(home)
      if (found !== null) return ok(found)
      // Another daemon held the lock but does not listen: it was ending. The next one that we start gets the lock.
      if (Date.now() > end) return failed(unreachable(home, `another one holds ${home} but does not answer`))
    }
  } catch (error) {
    if (error instanceof FailureError) return failed(error.failure)
    throw error
  } finally {
    clearTimeout(slow)
  }
}

/** Connects to the daemon of that home; null when none runs. */
export function connectIfRunning(options: ConnectOptions = {}): Promise<Client | null> {
  return openIfListening(options.home ?? heddleHome(options.env))
}

async function openIfListening(home: string): Promise<Client | null> {
  const path = socketPath(home)
  try {
    return await openClient(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR' || code === 'ECONNRESET') return null
    throw new FailureError(unreachable(home, message))
  }
}

async function findListening(home: string): Promise<Client | null> {
  for (let waitMs = 10; waitMs < 500; waitMs *= 2) {
    const client = await openIfListening(home)
    if (client !== null) return client
    await pause(waitMs)
  }
  return null
}

/** Resolves when it is ready, or when it said that another one runs: then null. */
async function startDaemon(home: string, env: NodeJS.ProcessEnv): Promise<Failure | null> {
  const log = join(home, 'daemon.log')
  let child: ChildProcess
  let logSize = 0
  try {
    await makePrivateFolder(home)
    logSize = await stat(log).then(
      (file) => file.size,
      () => 0,
    )
    child = spawnDetached(process.execPath, [daemonProgram()], { cwd: home, env: daemonEnvironment(home, env), errorLog: log })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { kind: 'home-not-writable', path: home, reason: REASONS[code ?? ''] ?? message }
  }
  const word = await waitForWord(child)
  if ('ready' in word || 'running' in word) return null
  if ('failure' in word) return word.failure
  const hint = await findError(log, logSize)
  return unreachable(home, hint === null ? word.problem : `${word.problem}: ${hint}`)
}

type Word = { readonly ready: true } | { readonly running: true } | { readonly failure: Failure } | { readonly problem: string }

/** The one line that a daemon writes; or what happened instead. Afterwards the child no longer keeps us alive. */
function waitForWord(child: ChildProcess): Promise<Word> {
  return new Promise((resolve) => {
    const settle = (word: Word): void => {
      clearTimeout(timer)
      child.stdout!.destroy()
      child.unref()
      resolve(word)
    }
    const timer = setTimeout(
      () => settle({ problem: `it was not ready after ${LONGEST_START_MS / 1000} seconds` }),
      LONGEST_START_MS,
    )
    const splitter = createLineSplitter(1024 * 1024, (line) => {
      const word = 'text' in line ? parseJson(line.text) : undefined
      if (isWord(word)) settle(word)
    })
    child.stdout!.on('data', (chunk: Buffer) => splitter.push(chunk))
    child.once('error', (error) => settle({ problem: error.message }))
    child.once('close', (code, signal) => {
      settle({ problem: code === null ? `it was ended by ${signal}` : `it ended with exit code ${code}` })
    })
  })
}

function isWord(value: unknown): value is Word {
  return typeof value === 'object' && value !== null && ('ready' in value || 'running' in value || 'failure' in value)
}

/** The line of the log that most likely says why, among those written since. */
async function findError(log: string, since: number): Promise<string | null> {
  const size = await stat(log).then(
    (file) => file.size,
    () => since,
  )
  const lines = (await loadTail(log, Math.min(size - since, 64 * 1024))).split('\n').map((line) => line.trim())
  return lines.find((line) => /^\w*Error\b.*: /.test(line)) ?? lines.findLast((line) => line !== '') ?? null
}

/** Beside us: TypeScript in a clone, JavaScript in `dist/`. */
function daemonProgram(): string {
  const self = fileURLToPath(import.meta.url)
  return join(self, '..', '..', 'daemon', self.endsWith('.ts') ? 'main.ts' : 'main.js')
}

/** Without what an agent's environment carries: a daemon that an agent starts must not be ended with that agent. */
function daemonEnvironment(home: string, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(env).filter(([name]) => !name.startsWith('HEDDLE_'))
  return { ...Object.fromEntries(entries), HEDDLE_HOME: home }
}

const unreachable = (home: string, reason: string): Failure => ({
  kind: 'daemon-unreachable',
  reason,
  log: join(home, 'daemon.log'),
})

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'a file is in the way',
  ENOTDIR: 'a file is in the way',
  EISDIR: 'a folder is in the way of daemon.log',
}
