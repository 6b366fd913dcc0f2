/**
 * A job is a process that outlives the daemon: it runs in a session of its own, reads from and writes to files in its
 * folder, and leaves its exit code there. So whoever comes later can adopt it.
 *
 *     job.json   what was started, its attempt key, then its process (written before and after the start)
 *     in         its standard input; with `relay`, a log that is fed to it line by line as it grows, and never ends
 *     out, err   what it wrote; a job without a relay writes both to `out`
 *     exit       its exit code, once it has ended
 */
import { spawn } from 'node:child_process'
import { rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from './clock.ts'
import { loadText, makePrivateFolder, writeFileAtomically } from './files.ts'
import { watchFolder } from './follow-file.ts'
import { parseJson } from './json-lines.ts'
import { ATTEMPT_VARIABLE, isAlive, killAttempts, loadProcess, type ProcessIdentity } from './process-tree.ts'

/** The version of the folder's layout. */
const LAYOUT = 1

export interface Job {
  readonly folder: string
  readonly attempt: string
  /** Unix ms. */
  readonly startedAt: number
  /** Null: it was about to be started when the daemon died, and may or may not run. */
  readonly process: ProcessIdentity | null
}

export interface JobStart {
  readonly folder: string
  readonly attempt: string
  readonly argv: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Unix ms; the caller's clock. */
  readonly startedAt: number
  /** `relay`: `in` is fed as it grows. Else the whole of the standard input. */
  readonly input: 'relay' | { readonly text: string }
}

export interface JobExit {
  /** Null when it vanished without a word: something killed the whole group. 128 + n: signal n ended it. */
  readonly code: number | null
}

// `kill 0` takes what was left in the group, also what cleared its environment, and the relay, which would wait for ever for
// a line that never comes.
const RELAY =
  'dir=$1; shift; tail -n +1 -f "$dir/in" | { "$@" >>"$dir/out" 2>>"$dir/err"; echo $? >"$dir/exit.tmp"; mv "$dir/exit.tmp" "$dir/exit"; kill -TERM 0; }'
const PLAIN =
  'dir=$1; shift; "$@" <"$dir/in" >>"$dir/out" 2>&1; echo $? >"$dir/exit.tmp"; mv "$dir/exit.tmp" "$dir/exit"; kill -TERM 0'

/** Starts a job. Its folder must not hold another; `attempt` goes into its environment. */
export async function startJob(start: JobStart): Promise<Job> {
  const { folder, attempt } = start
  await makePrivateFolder(folder)
  const about = {
    layout: LAYOUT,
    attempt,
    relay: start.input === 'relay',
    startedAt: start.startedAt,
    argv: start.argv,
    cwd: start.cwd,
  }
  await writeFileAtomically(join(folder, 'job.json'), JSON.stringify({ ...about, process: null }))
  // Of one that was started here, and never known to run, because the daemon died in between.
  await rm(join(folder, 'exit'), { force: true })
  await writeFile(join(folder, 'in'), start.input === 'relay' ? '' : start.input.text, { mode: 0o600 })
  await writeFile(join(folder, 'out'), '', { mode: 0o600 })
  await writeFile(join(folder, 'err'), '', { mode: 0o600 })

  const script = start.input === 'relay' ? RELAY : PLAIN
  const child = spawn('/bin/sh', ['-c', script, 'heddle', folder, ...start.argv], {
    cwd: start.cwd,
    env: { ...start.env, [ATTEMPT_VARIABLE]: attempt },
    detached: true,
    stdio: 'ignore',
  })
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('spawn', () => resolve(child.pid!))
  })
  child.unref()
  // One that has ended already was started all the same: null would say that nobody knows.
  const process = (await loadProcess(pid)) ?? { pid, startTime: 'ended' }
  await writeFileAtomically(join(folder, 'job.json'), JSON.stringify({ ...about, process }))
  return { folder, attempt, startedAt: start.startedAt, process }
}

/** Null when no job was ever started there. */
export async function loadJob(folder: string): Promise<Job | null> {
  const text = await loadText(join(folder, 'job.json'))
  if (text === null) return null
  const value = parseJson(text) as Omit<Job, 'folder'> | undefined
  return value === undefined ? null : { folder, attempt: value.attempt, startedAt: value.startedAt, process: value.process }
}

/** Whether its standard input is a log that grows. */
export async function hasRelay(folder: string): Promise<boolean> {
  return (parseJson((await loadText(join(folder, 'job.json'))) ?? '') as { relay?: boolean } | undefined)?.relay === true
}

export async function isJobRunning(job: Job): Promise<boolean> {
  return job.process !== null && (await loadExit(job.folder)) === null && (await isAlive(job.process))
}

export interface WaitOptions {
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Beyond so much output the wait ends with `too-much-output`; the caller kills. */
  readonly maxOutputBytes?: number
  readonly timeoutMs?: number
  /** Ends the wait with `silent` when it wrote nothing for so long. */
  readonly silentMs?: number
}

type WaitEnd = JobExit | 'timed-out' | 'silent' | 'too-much-output' | 'let-go'

/** Resolves when the job has ended, or with the reason why it is not waited for any longer. Does not kill. */
export function waitForJob(job: Job, options: WaitOptions): Promise<WaitEnd> {
  return new Promise((resolve, reject) => {
    let looking = false
    let again = false
    let lastSize = -1
    let changedMs = options.clock.now()
    let cancelTimeout = (): void => {}
    const settle = (value: WaitEnd): void => {
      stopWatching()
      cancelTimeout()
      options.signal?.removeEventListener('abort', letGo)
      resolve(value)
    }
    const look = async (): Promise<void> => {
      if (looking) {
        again = true
        return
      }
      looking = true
      do {
        again = false
        const exit = await findExit(job)
        if (exit !== null) return settle(exit)
        const size = await measureOutput(job)
        if (size !== lastSize) {
          lastSize = size
          changedMs = options.clock.now()
        }
        if (options.maxOutputBytes !== undefined && size > options.maxOutputBytes) return settle('too-much-output')
        if (options.silentMs !== undefined && options.clock.now() - changedMs >= options.silentMs) return settle('silent')
      } while (again)
      looking = false
    }
    const letGo = (): void => settle('let-go')
    const stopWatching = watchFolder(job.folder, options.clock, 500, () => void look().catch(reject))
    if (options.timeoutMs !== undefined) cancelTimeout = options.clock.after(options.timeoutMs, () => settle('timed-out'))
    options.signal?.addEventListener('abort', letGo, { once: true })
    if (options.signal?.aborted) letGo()
    else void look().catch(reject)
  })
}

/** How it ended; null while it runs. */
export async function findExit(job: Job): Promise<JobExit | null> {
  const alive = job.process !== null && (await isAlive(job.process))
  const code = await loadExit(job.folder)
  if (code !== null) return { code }
  return alive ? null : { code: null }
}

/** Ends the job and all that it started. Resolves when nothing of it is left. Idempotent. */
export async function killJob(job: Job, clock: Clock, graceMs?: number): Promise<void> {
  await killJobs([job], clock, graceMs)
}

/** Ends several jobs at once. */
export async function killJobs(jobs: readonly Job[], clock: Clock, graceMs?: number): Promise<void> {
  await killAttempts(
    jobs.map((job) => ({ key: job.attempt, leader: job.process })),
    clock,
    graceMs,
  )
}

/** When it ended, in Unix ms; null where it left no word. */
export async function findEndMs(job: Job): Promise<number | null> {
  const exit = await stat(join(job.folder, 'exit')).catch(() => null)
  return exit === null ? null : Math.round(exit.mtimeMs)
}

async function measureOutput(job: Job): Promise<number> {
  const [out, err] = await Promise.all(['out', 'err'].map((name) => stat(join(job.folder, name))))
  return out!.size + err!.size
}

async function loadExit(folder: string): Promise<number | null> {
  const text = await loadText(join(folder, 'exit'))
  return text === null ? null : Number(text.trim())
}

export const describeExit = (exit: JobExit): string =>
  exit.code === null ? 'killed' : exit.code > 128 ? `ended by signal ${exit.code - 128}` : `exit code ${exit.code}`
