/** The demonstration itself: a sample project, a plan for it, and what came of it. Throws what makes it fail. */
import { writeFile } from 'node:fs/promises'
import { connect } from '../api/connect.ts'
import type { Client } from '../api/client.ts'
import type { TaskView } from '../api/contract.ts'
import { runCommand } from '../lib/exec.ts'
import { git } from '../lib/git.ts'
import { requireOk } from '../model/failure.ts'
import { DEMO_TASKS, writePlan } from './plan.ts'
import { startProgress } from './progress.ts'
import { TasksFailed, writeHeader, writeReport, type Place } from './report.ts'
import { makeSample, testCommand } from './sample.ts'

const LONGEST_MS = 180_000
const NAMES = DEMO_TASKS.map((task) => task.name)

export async function runDemo(place: Place, interrupted: AbortSignal): Promise<void> {
  const { repo } = place
  await makeSample(repo)
  await writeFile(place.plan, writePlan())
  console.log(`${writeHeader(place)}\n`)

  const client = requireOk(await connect())
  try {
    interrupted.throwIfAborted()
    const { tasks, tookMs } = await landPlan(client, place, interrupted)
    const failed = tasks.filter((task) => task.state !== 'landed')
    if (failed.length > 0) throw new TasksFailed(failed)
    const details = await Promise.all(NAMES.map((task) => client.call('tasks.get', { cwd: repo, task })))
    const mended = details.filter((task) => task.turns > 1).map((task) => task.name)
    console.log(`\n${writeReport({ tasks, tookMs, mended, ...(await tryResult(repo)) })}\n`)
  } finally {
    client.close()
  }
}

/** Dispatches the plan and shows it, until every task has ended or needs a person. */
async function landPlan(
  client: Client,
  { repo, plan }: Place,
  interrupted: AbortSignal,
): Promise<{ readonly tasks: readonly TaskView[]; readonly tookMs: number }> {
  const startedMs = Date.now()
  const progress = startProgress(NAMES, startedMs, process.stdout)
  const allEnded = Promise.withResolvers<void>()
  // It may be rejected before anybody awaits it.
  allEnded.promise.catch(() => {})
  const show = (task: TaskView): void => {
    progress.show(task)
    if (NAMES.every((name) => hasEnded(progress.tasks.get(name)))) allEnded.resolve()
  }
  const timer = setTimeout(
    () => allEnded.reject(new Error(`not all tasks had ended after ${LONGEST_MS / 60_000} minutes`)),
    LONGEST_MS,
  )
  interrupted.addEventListener('abort', () => allEnded.reject(new Error('interrupted')))
  try {
    client
      .stream('watch', { cwd: repo }, (item) => show(item.task))
      .then(
        () => allEnded.reject(new Error('the daemon ended')),
        (error: Error) => allEnded.reject(error),
      )
    const dispatched = await client.call('plan.dispatch', {
      cwd: repo,
      file: plan,
      text: writePlan(),
      env: { ...process.env } as Record<string, string>,
    })
    for (const task of dispatched.tasks) if (!progress.tasks.has(task.name)) show(task)
    await allEnded.promise
  } finally {
    clearTimeout(timer)
    progress.stop()
  }
  return { tasks: NAMES.flatMap((name) => progress.tasks.get(name) ?? []), tookMs: Date.now() - startedMs }
}

function hasEnded(task: TaskView | undefined): boolean {
  return task !== undefined && (task.endedAt !== null || task.state === 'blocked' || task.waitsForPerson !== null)
}

/** What the checkout of main, which the landing moved forward, holds and does. */
async function tryResult(repo: string): Promise<{ log: string; testCommand: string; testsPassed: number; example: string }> {
  const command = testCommand()
  const log = requireOk(await git(repo, ['log', '--oneline', '--graph', '--decorate', 'main']))
  const tests = await runCommand('/bin/sh', ['-c', command], { cwd: repo })
  // Node 20 reports as TAP where there is no terminal, later ones do not.
  const passed = /^[#ℹ] pass (\d+)$/m.exec(tests.stdout)?.[1]
  if (tests.code !== 0 || passed === undefined)
    throw new Error(`the sample's tests fail on main:\n${tests.stdout}${tests.stderr}`)
  const example = await runCommand('/bin/sh', ['-c', command.replace('--test', 'index.js example.txt')], { cwd: repo })
  if (example.code !== 0) throw new Error(`what landed on main does not run:\n${example.stdout}${example.stderr}`)
  return { log, testCommand: command, testsPassed: Number(passed), example: example.stdout.trimEnd() }
}
