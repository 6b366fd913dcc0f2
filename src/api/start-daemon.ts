import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { spawnDetached, type DetachedProcess } from '../lib/exec.ts'
import { loadTail, makePrivateFolder } from '../lib/files.ts'
import { createLineSplitter, parseJson } from '../lib/json-lines.ts'
import type { Failure } from '../model/failure.ts'

const LONGEST_START_MS = 30_000
const MAX_WORD_LENGTH = 64 * 1024

/** The one line that the daemon writes to its standard output. `running`: another one holds the lock, so this one ends. */
type FirstWord = { readonly ready: true } | { readonly running: true } | { readonly failure: Failure }

/** Starts a daemon that outlives us. Resolves when it or another one is about to listen; the failure says why there is none. */
export async function startDaemon(home: string, log: string): Promise<Failure | null> {
  let child: DetachedProcess
  let logStart: number
  try {
    await makePrivateFolder(home)
    await access(home, constants.W_OK | constants.X_OK)
    logStart = (await stat(log).catch(() => null))?.size ?? 0
    child = spawnDetached(process.execPath, [daemonPath()], { cwd: home, env: daemonEnvironment(home), errorLog: log })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return { kind: 'home-not-writable', path: home, reason: REASONS[code ?? ''] ?? message }
  }
  const word = await readFirstWord(child)
  child.stdout?.destroy()
  child.unref()
  if (word === null || typeof word === 'string') {
    return { kind: 'daemon-unreachable', reason: word ?? (await describeDeath(child, log, logStart)), log }
  }
  return 'failure' in word ? word.failure : null
}

/** From the sources it is a `.ts` file, in what is published a `.js` file. */
function daemonPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../daemon/main.${extension}`, import.meta.url))
}

/**
 * Ours without what Heddle sets for agents: a daemon that an agent's command started would else be ended with that agent,
 * whose processes are found by `HEDDLE_ATTEMPT`.
 */
function daemonEnvironment(home: string): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('HEDDLE_'))
  return { ...Object.fromEntries(others), HEDDLE_HOME: home }
}

/** Null when it ended without a word; a text is what else went wrong. */
function readFirstWord(child: DetachedProcess): Promise<FirstWord | string | null> {
  return new Promise((resolve) => {
    const settle = (word: FirstWord | string | null): void => {
      clearTimeout(timer)
      resolve(word)
    }
    // It is not killed: it may be at work on a large database, and the next command then finds it.
    const timer = setTimeout(
      () => settle(`it was not ready after ${LONGEST_START_MS / 1000} seconds (process ${child.pid} goes on)`),
      LONGEST_START_MS,
    )
    const lines = createLineSplitter(MAX_WORD_LENGTH, (line) => {
      const word = 'text' in line ? (parseJson(line.text) as FirstWord | undefined) : undefined
      settle(typeof word === 'object' && word !== null ? word : 'its first line was none of its protocol')
    })
    child.stdout?.on('data', (chunk: Buffer) => lines.push(chunk))
    child.once('error', (error) => settle(error.message))
    child.once('close', () => settle(null))
  })
}

/** Its last error, else how it ended. */
async function describeDeath(child: DetachedProcess, log: string, logStart: number): Promise<string> {
  const ended = child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`
  const size = (await stat(log).catch(() => null))?.size ?? 0
  const lines = (await loadTail(log, Math.min(size - logStart, 16 * 1024))).split('\n').filter((line) => line.trim() !== '')
  const telling = lines.findLast((line) => /^\S*(error|failure)\b/i.test(line)) ?? lines.at(-1)
  return `it ended at its start (${ended})${telling === undefined ? '' : `: ${telling.trim()}`}`
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its file system is read-only',
  ENOSPC: 'the disk is full',
  EEXIST: 'a file is in the way',
  ENOTDIR: 'a file is in the way',
}
