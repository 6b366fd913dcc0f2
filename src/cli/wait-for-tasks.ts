/** Waits until tasks have ended or need a person, and tells the terminal what happens meanwhile. */
import type { Results, TaskView } from '../api/contract.ts'
import type { SteadyClient } from '../api/steady-client.ts'
import { EXIT } from '../model/failure.ts'
import { listenForDetach, writeDetached } from './detach.ts'
import { paint } from './paint.ts'
import { currentFolder } from './place.ts'
import { printJson, printLines } from './print.ts'
import { startProgress, type Progress } from './progress.ts'
import { writeTaskLines } from './task-table.ts'
import { tellTerminal } from './tell-terminal.ts'

export interface WaitOptions {
  readonly timeoutMs: number | null
  readonly json: boolean
  /** Prints one object in place of a list. */
  readonly single?: boolean
}

/** Resolves to the exit code, as the help of `heddle wait` says. */
export async function waitForTasks(daemon: SteadyClient, tasks: readonly TaskView[], options: WaitOptions): Promise<number> {
  // Nothing is redrawn where only JSON is to be read.
  const stream = process.stdout.isTTY && !options.json ? process.stdout : process.stderr
  const keys = await listenForDetach()
  const progress = startProgress(tasks, stream, paint, options.json)
  try {
    const result = await Promise.race([follow(daemon, tasks, options.timeoutMs, progress), keys.pressed.then(() => null)])
    progress.stop()
    if (result === null) {
      const names = tasks.map((task) => task.name)
      process.stderr.write(`${writeDetached(names, `heddle wait ${names.join(' ')}`)}\n`)
      return EXIT.done
    }
    if (options.json) printJson(options.single ? result.tasks[0] : result.tasks)
    else printLines(writeTaskLines(result.tasks, { paint, nowMs: Date.now(), width: widthOfOutput() }))
    if (result.timedOut) process.stderr.write('heddle: the time was up; the work goes on\n')
    return exitCodeOf(result)
  } finally {
    progress.stop()
    keys.stop()
  }
}

async function follow(
  daemon: SteadyClient,
  tasks: readonly TaskView[],
  timeoutMs: number | null,
  progress: Progress,
): Promise<Results['tasks.wait']> {
  const about = { cwd: currentFolder(), tasks: [...new Set(tasks.map((task) => task.id))] }
  const endMs = timeoutMs === null ? null : Date.now() + timeoutMs
  daemon
    .stream('watch', about, ({ task, notice }) => {
      progress.show(task, notice !== null)
      if (notice !== null) tellTerminal(notice.text, progress.printAbove)
    })
    .catch(() => {
      // The wait beside it fails for the same reason, and says so.
    })
  const result = await daemon.call('tasks.wait', () => ({
    ...about,
    ...(endMs === null ? {} : { timeoutMs: Math.max(0, endMs - Date.now()) }),
  }))
  // What the daemon sent before this answer has then arrived, so that no notice is missed.
  await daemon.call('daemon.status', {})
  return result
}

const widthOfOutput = (): number => (process.stdout.isTTY ? process.stdout.columns || 80 : Infinity)

function exitCodeOf({ tasks, timedOut }: Results['tasks.wait']): number {
  if (timedOut) return EXIT.timedOut
  if (tasks.some((task) => ['failed', 'blocked', 'stopped', 'discarded'].includes(task.state))) return EXIT.failed
  return tasks.some((task) => task.waitsForPerson !== null && task.waitsForPerson !== 'review') ? EXIT.person : EXIT.done
}
