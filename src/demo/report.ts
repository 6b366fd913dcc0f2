/** What the demonstration says before and after the work. */
import { join } from 'node:path'
import { styleText } from 'node:util'
import { ConnectionLostError } from '../api/client.ts'
import type { TaskView } from '../api/contract.ts'
import { FailureError } from '../model/failure.ts'
import { DEMO_TASKS } from './plan.ts'
import { formatSeconds, readOwnMs } from './table.ts'

/** Where the demonstration takes place. */
export interface Place {
  readonly folder: string
  readonly repo: string
  readonly plan: string
  /** Heddle's state folder. */
  readonly home: string
}

export interface Outcome {
  readonly tasks: readonly TaskView[]
  /** From the dispatch until the last task had landed. */
  readonly tookMs: number
  /** The tasks whose agent was asked more than once, because a check failed. */
  readonly mended: readonly string[]
  /** `git log --oneline --graph` of the sample. */
  readonly log: string
  readonly testCommand: string
  readonly testsPassed: number
  /** What the finished sample prints about its own example. */
  readonly example: string
}

/** Not all tasks landed: these did not. */
export class TasksFailed extends Error {
  override readonly name = 'TasksFailed'
  readonly tasks: readonly TaskView[]
  constructor(tasks: readonly TaskView[]) {
    super(tasks.map((task) => `${task.name} is ${task.state}`).join(', '))
    this.tasks = tasks
  }
}

export function writeHeader({ repo, plan }: Place): string {
  return [
    `${bold('Heddle')}: five tasks for a small project, each agent in its own worktree.`,
    dim('The agents are scripted: no key, no network; they write what the plan says.'),
    '',
    dim(`  project  ${repo}`),
    dim(`  plan     ${plan}`),
  ].join('\n')
}

export function writeReport(outcome: Outcome): string {
  const { tookMs, mended } = outcome
  const sumMs = outcome.tasks.reduce((sum, task) => sum + (readOwnMs(task, 0) ?? 0), 0)
  return [
    bold('What landed on main'),
    indent(outcome.log),
    '',
    bold('What it does now'),
    indent(dim(`$ ${outcome.testCommand}`)),
    indent(styleText('green', `${outcome.testsPassed} tests pass`)),
    indent(dim('$ node index.js example.txt')),
    indent(outcome.example),
    '',
    bold('Who approved it'),
    indent("The checks, by the policy in the sample's own heddle.yaml (review: by checks)."),
    indent('Without that line, each change waits for you.'),
    ...(mended.length > 0
      ? [indent(`The check of ${mended.join(' and ')} failed first; the agent saw why, and mended it.`)]
      : []),
    '',
    bold('How long it took'),
    indent(`${inSeconds(tookMs)}  from the dispatch until all had landed`),
    indent(`${inSeconds(sumMs)}  all tasks' own times, workspace ready to landed: ${(sumMs / tookMs).toFixed(2)} times that`),
    indent(`${inSeconds(measureLongestChain(outcome.tasks))}  the longest chain of tasks that need each other`),
    indent('Scripted agents: this measures Heddle, not agents.'),
  ].join('\n')
}

export function writeFailure(error: unknown, { folder, home, repo }: Place, clone: string): string {
  return [
    styleText('red', 'The demonstration failed.', { stream: process.stderr }),
    ...(error instanceof TasksFailed ? error.tasks.map(describeTask) : [describeError(error)]),
    '',
    `The daemon's log: ${join(home, 'daemon.log')}`,
    `The agents' logs: ${join(home, 'sessions')}`,
    `What a task did:  cd ${quote(repo)} && HEDDLE_HOME=${quote(home)} ${heddleOf(clone)} logs TASK`,
    `To remove it all: rm -rf ${quote(folder)}`,
  ].join('\n')
}

export function writeKept({ folder, home, repo }: Place, clone: string): string {
  return [
    bold('Kept, with its daemon'),
    ...writeRows([
      [`cd ${quote(repo)}`, ''],
      [`export HEDDLE_HOME=${quote(home)}`, ''],
      [`${heddleOf(clone)} ps`, 'also: show TASK, logs TASK, diff TASK'],
      [`${heddleOf(clone)} daemon stop --all; rm -rf ${quote(folder)}`, 'to remove it all'],
    ]),
  ].join('\n')
}

export function writeNextSteps(clone: string, agent: string): string {
  return [
    bold('Next, with an agent of your own'),
    ...writeRows([
      [`(cd ${quote(clone)} && npm link)`, 'once: puts `heddle` on your PATH'],
      ['cd YOUR-REPOSITORY', ''],
      [`heddle run "WHAT TO DO" --agent ${agent}`, 'in the background, in a worktree'],
      ['heddle ps', 'what each task is doing'],
      ['heddle inbox', 'what waits for you'],
      ['heddle diff TASK', 'what it changed'],
      ['heddle approve TASK', 'lands it'],
    ]),
    indent(dim(`Without npm link, type ${heddleOf(clone)} for heddle.`)),
  ].join('\n')
}

function measureLongestChain(tasks: readonly TaskView[]): number {
  const ownMs = new Map(tasks.map((task) => [task.name, readOwnMs(task, 0) ?? 0]))
  const chainMs = new Map<string, number>()
  // The plan names each task after those that it needs.
  for (const { name, needs } of DEMO_TASKS) {
    chainMs.set(name, (ownMs.get(name) ?? 0) + Math.max(0, ...needs.map((need) => chainMs.get(need) ?? 0)))
  }
  return Math.max(...chainMs.values())
}

function describeTask(task: TaskView): string {
  return `\n${task.name} is ${task.state}:\n${indent(task.failure ?? task.doing)}`
}

function describeError(error: unknown): string {
  if (error instanceof FailureError || error instanceof ConnectionLostError) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function writeRows(rows: readonly (readonly [command: string, why: string])[]): string[] {
  const width = Math.max(...rows.map(([command, why]) => (why === '' ? 0 : command.length)))
  return rows.map(([command, why]) => (why === '' ? indent(command) : indent(`${command.padEnd(width)}  ${dim(why)}`)))
}

const heddleOf = (clone: string): string => `node ${quote(join(clone, 'bin/heddle.mjs'))}`
const bold = (text: string): string => styleText('bold', text)
const dim = (text: string): string => styleText('dim', text)
const inSeconds = (ms: number): string => formatSeconds(ms).padStart(6)
const indent = (text: string): string => text.replaceAll(/^/gm, '  ')
/** As a shell needs a path. */
const quote = (path: string): string => (/^[\w@%+=:,./~-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`)
