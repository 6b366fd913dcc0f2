/** On top of the rig that all tests share: what breaks Heddle, and what looks behind it. */
import { watch } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { RequestView, TaskDetail } from '../../src/api/contract.ts'
import type { Message } from '../../src/agent/session-log.ts'
import { writeSteps, type Step } from '../../src/demo/script.ts'
import { isAlive, loadProcess, type ProcessIdentity } from '../../src/lib/process-tree.ts'
import { createRig, type Run } from '../rig/rig.ts'
import type { Repo } from '../rig/repo.ts'

/** Longer than anything here takes, also on a busy machine. */
const LONGEST_MS = 60_000

export interface SessionProcess {
  /** Names the session's folder. */
  readonly session: string
  /** The leader of the session: the relay's shell. */
  readonly process: ProcessIdentity
}

/** Made by the rig, or a clone of another one. */
export type AnyRepo = Pick<Repo, 'rig' | 'path' | 'heddle' | 'git'>

export interface BreakingRig {
  readonly repo: AnyRepo
  /** Also where the repository and the homes are. */
  readonly folder: string
  readonly heddleHome: string
  /** A path in a folder outside of the repository, for what agents and checks leave as a trace. */
  trace(name: string): string
  /** Throws when the exit code is not as expected; any for `null`. */
  heddle(args: readonly string[], expected?: number | null): Promise<Run>
  task(name: string): Promise<TaskDetail>
  inbox(): Promise<RequestView[]>
  git(...args: string[]): Promise<string>
  killDaemon(): Promise<void>
  /** The lines of a trace, once there are so many. */
  traced(name: string, count: number): Promise<string[]>
  /** What is in a trace now. */
  traceNow(name: string): Promise<string[]>
  /** The processes that lead the task's sessions, the oldest session first. */
  sessions(task: string): Promise<SessionProcess[]>
  /** What Heddle sent in a session. */
  sent(session: string): Promise<Message[]>
  /** How often an agent was prompted, over all sessions of the task. */
  countPrompts(task: string): Promise<number>
  /** Processes of this rig, those with that text in their environment. */
  findProcesses(holding?: string): number[]
}

type Ender = Parameters<typeof createRig>[0]

export async function createBreakingRig(
  t: Ender,
  options: { readonly settings?: string; readonly variables?: Readonly<Record<string, string>> } = {},
): Promise<BreakingRig> {
  const rig = createRig(t, options.variables)
  const repo = await rig.makeRepo({ name: 'repo', settings: options.settings ?? '' })
  const traces = path.join(rig.folder, 'traces')
  await mkdir(traces)
  return breakingRig(repo, traces)
}

export function breakingRig(repo: AnyRepo, traces: string): BreakingRig {
  const { rig } = repo
  const heddleHome = rig.env.HEDDLE_HOME!
  const sessionsFolder = path.join(heddleHome, 'sessions')
  const heddle: BreakingRig['heddle'] = async (args, expected = 0) => {
    const run = await repo.heddle(args)
    if (expected !== null && run.code !== expected)
      throw new Error(`heddle ${args.join(' ')} ended with ${run.code}, not ${expected}\n${run.stdout}${run.stderr}`)
    return run
  }
  const task: BreakingRig['task'] = async (name) => (await heddle(['show', name, '--json'])).json<TaskDetail>()
  const sessions: BreakingRig['sessions'] = async (name) => {
    const { id } = await task(name)
    const names = (await readdir(sessionsFolder)).filter((one) => one.startsWith(`${id}-`) && !one.includes('-check-'))
    const load = async (session: string) => {
      // A daemon that was killed may have left a folder with nothing in it yet.
      const text = await readFile(path.join(sessionsFolder, session, 'job.json'), 'utf8').catch(() => null)
      return text === null ? [] : [{ session, ...(JSON.parse(text) as { process: ProcessIdentity; startedAt: number }) }]
    }
    const found = (await Promise.all(names.map(load))).flat()
    return found.toSorted((a, b) => a.startedAt - b.startedAt).map(({ session, process }) => ({ session, process }))
  }
  const sent: BreakingRig['sent'] = async (session) =>
    (await readLines(path.join(sessionsFolder, session, 'in'))).map((line) => JSON.parse(line) as Message)
  const traceNow: BreakingRig['traceNow'] = (name) => readLines(path.join(traces, name))
  return {
    repo,
    folder: rig.folder,
    heddleHome,
    trace: (name) => path.join(traces, name),
    heddle,
    task,
    inbox: async () => (await heddle(['inbox', '--json'])).json<RequestView[]>(),
    git: repo.git,
    killDaemon: rig.killDaemon,
    traceNow,
    async traced(name, count) {
      const deadline = Date.now() + LONGEST_MS
      for (;;) {
        const lines = await traceNow(name)
        if (lines.length >= count) return lines
        if (Date.now() > deadline) throw new Error(`${name} has ${lines.length} lines, not ${count}: ${lines.join(', ')}`)
        await nextChange(traces)
      }
    },
    sessions,
    sent,
    async countPrompts(name) {
      let count = 0
      for (const { session } of await sessions(name))
        count += (await sent(session)).filter((message) => message.method === 'session/prompt').length
      return count
    },
    findProcesses: rig.findProcesses,
  }
}

/** A prompt for the scripted agent: one block a turn. */
export function script(...turns: readonly (readonly Step[])[]): string {
  return `Play this.\n${turns.map((steps) => writeSteps(steps)).join('\n')}`
}

/** Appends a line to a trace, as a shell command. */
export const mark = (file: string, line: string): string => `echo ${line} >> '${file}'`

export async function touch(file: string): Promise<void> {
  await writeFile(file, '')
}

async function readLines(file: string): Promise<string[]> {
  const content = await readFile(file, 'utf8').catch(() => '')
  return content.split('\n').filter((line) => line !== '')
}

/** Resolves when something changes in the folder, or a little later: a change between a look and the watch is not seen. */
function nextChange(folder: string): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      watcher.close()
      clearTimeout(timer)
      resolve()
    }
    const watcher = watch(folder, settle)
    watcher.on('error', settle)
    const timer = setTimeout(settle, 250)
  })
}

export async function waitForDeath(pid: number): Promise<void> {
  const identity = await loadProcess(pid)
  while (identity !== null && (await isAlive(identity))) await new Promise((resolve) => setImmediate(resolve))
}
