/**
 * A throwaway user: a home, a state folder, repositories, and the real command line with the real daemon. Everything that it
 * starts, agents and checks included, carries a mark in its environment, so that the end can prove that nothing lives on.
 */
import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Step } from '../../src/demo/script.ts'
import { createRepo, type Repo, type RepoOptions } from './repo.ts'

const HEDDLE = join(import.meta.dirname, '../../bin/heddle.mjs')
const LONGEST_END_MS = 10_000
/** A command that hangs must fail its test, and not the whole run. */
const LONGEST_RUN_MS = 90_000

export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What was printed, parsed. */
  json<T>(): T
}

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly input?: string
}

export interface Rig {
  /** Holds all of the rig; its name has a space. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  heddle(args: readonly string[], options?: RunOptions): Promise<Run>
  /** Starts the command line without waiting for its end. */
  spawnHeddle(args: readonly string[], options?: RunOptions): ChildProcess
  git(cwd: string, ...args: string[]): Promise<string>
  makeRepo(options?: RepoOptions): Promise<Repo>
  daemonPid(): Promise<number>
  /** As `kill -9`; resolves when it is gone. */
  killDaemon(): Promise<void>
  /** A file that an agent can wait for, until the test makes it. */
  makeGate(): Gate
  /** Processes of this rig whose environment holds that text; all of them without one. */
  findProcesses(holding?: string): number[]
  /** Resolves when an agent has made the file. */
  waitForFile(file: string): Promise<void>
}

export interface Gate {
  readonly file: string
  readonly step: Step
  open(): void
}

/** `t` is a test's context, or `{ after }` of `node:test` for one rig in a whole file. */
export function createRig(
  t: { after(end: () => Promise<void>): void },
  variables: Readonly<Record<string, string>> = {},
  state = 'state',
): Rig {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'heddle e2e ')))
  const home = join(folder, 'home')
  // Not HEDDLE_…, because Heddle keeps those from agents and from the daemon.
  const mark = `TEST_RIG_${randomBytes(6).toString('hex')}`
  mkdirSync(home)
  writeFileSync(join(home, '.gitconfig'), '[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n')
  const env: Record<string, string> = {
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
    HOME: home,
    HEDDLE_HOME: join(folder, state),
    GIT_CONFIG_NOSYSTEM: '1',
    NO_COLOR: '1',
    LANG: 'C.UTF-8',
    [mark]: '1',
    ...variables,
  }
  const findProcesses = (holding = ''): number[] => findByEnvironment([mark, holding])

  const spawnHeddle: Rig['spawnHeddle'] = (args, options = {}) => {
    const child = spawn(process.execPath, [HEDDLE, ...args], {
      cwd: options.cwd ?? folder,
      env: { ...env, ...options.env },
      stdio: 'pipe',
      timeout: LONGEST_RUN_MS,
      killSignal: 'SIGKILL',
    })
    // A command that ends without reading its input is no fault.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input)
    return child
  }
  const heddle: Rig['heddle'] = (args, options) => collectRun(spawnHeddle(args, options))
  const daemonPid = async (): Promise<number> => {
    const status = await heddle(['daemon', 'status', '--json'])
    assert.equal(status.code, 0, status.stderr)
    return status.json<{ pid: number }>().pid
  }

  t.after(async () => {
    const stopped = await heddle(['daemon', 'stop', '--all'])
    const left = await waitForEnd(findProcesses)
    const about = left.map(describeProcess)
    for (const pid of left) kill(pid)
    await waitForEnd(findProcesses)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    assert.deepEqual(about, [], `these were left running; daemon stop --all said: ${stopped.stdout}${stopped.stderr}`)
  })

  return {
    folder,
    env,
    heddle,
    spawnHeddle,
    findProcesses,
    daemonPid,
    async git(cwd, ...args) {
      const { stdout } = await promisify(execFile)('git', args, { cwd, env, maxBuffer: 64 * 1024 * 1024 })
      return stdout.replace(/\n$/, '')
    },
    makeRepo(options) {
      return createRepo(this, options)
    },
    makeGate() {
      const file = join(folder, `gate-${randomBytes(4).toString('hex')}`)
      return { file, step: { waitFor: { file } }, open: () => writeFileSync(file, '') }
    },
    async waitForFile(file) {
      const left = await waitForEnd(() => (existsSync(file) ? [] : [0]))
      assert.deepEqual(left, [], `${file} was not made`)
    },
    async killDaemon() {
      const pid = await daemonPid()
      kill(pid)
      await waitForEnd(() => (isRunning(pid) ? [pid] : []))
    },
  }
}

export async function collectRun(child: ChildProcess): Promise<Run> {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  return {
    code: code as number | null,
    stdout,
    stderr,
    json<T>() {
      assert.notEqual(stdout, '', `nothing was printed; exit code ${code as number}, ${stderr}`)
      return JSON.parse(stdout) as T
    },
  }
}

/** What is still there after some seconds. The kernel tells nobody but the parent about an end, so this must look. */
async function waitForEnd(find: () => number[]): Promise<number[]> {
  const endMs = Date.now() + LONGEST_END_MS
  for (let left = find(); ; left = find()) {
    if (left.length === 0 || Date.now() > endMs) return left
    await pause(20)
  }
}

function findByEnvironment(texts: readonly string[]): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    const environment = load(`/proc/${pid}/environ`)
    return texts.every((part) => environment.includes(part)) ? [Number(pid)] : []
  })
}

/** A zombie does not run: whoever should reap it may never do so in a container. */
export const isRunning = (pid: number): boolean => /^State:\s+[^ZX]/m.test(load(`/proc/${pid}/status`))
const describeProcess = (pid: number): string => `${pid} ${load(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`

function load(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
