/**
 * The only place (with `job.ts`, for what must outlive the daemon) that starts processes. `runCommand` is for short ones
 * whose output is wanted; `spawnDetached` is for the daemon itself.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

export interface CommandResult {
  /** Null when a signal ended it, or it could not be started. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** Set when it could not be started, ran out of time, was aborted, or wrote more than was wanted. */
  readonly problem: 'not-found' | 'not-started' | 'timed-out' | 'aborted' | 'too-much-output' | null
}

export interface CommandOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  readonly input?: string
  readonly timeoutMs?: number
  readonly maxOutputBytes?: number
  readonly signal?: AbortSignal
}

/** Runs a command to its end. Never throws: what goes wrong is in the result. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { timeoutMs = 120_000, maxOutputBytes = 64 * 1024 * 1024 } = options
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    let bytes = 0
    let problem: CommandResult['problem'] = null
    const end = (why: CommandResult['problem']): void => {
      problem ??= why
      child.kill('SIGKILL')
    }
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maxOutputBytes) end('too-much-output')
      else into.push(chunk)
    }
    const timer = setTimeout(() => end('timed-out'), timeoutMs)
    const abort = (): void => end('aborted')
    options.signal?.addEventListener('abort', abort, { once: true })
    if (options.signal?.aborted) abort()

    child.stdout?.on('data', collect(out))
    child.stderr?.on('data', collect(err))
    // A command that ends without reading its input is no failure of ours.
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input)

    const settle = (code: number | null): void => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', abort)
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString(), problem })
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      problem ??= error.code === 'ENOENT' ? 'not-found' : 'not-started'
      settle(null)
    })
    child.once('close', (code) => settle(code))
  })
}

export type DetachedProcess = ChildProcess

/** Starts a process in a session of its own, whose standard output is a pipe to us and whose errors go to a file. */
export function spawnDetached(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly errorLog: string },
): DetachedProcess {
  const log = openSync(options.errorLog, 'a', 0o600)
  try {
    return spawn(command, args, { cwd: options.cwd, env: options.env, detached: true, stdio: ['ignore', 'pipe', log] })
  } finally {
    closeSync(log)
  }
}
