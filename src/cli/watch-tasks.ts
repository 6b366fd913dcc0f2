/** `heddle ps --watch`. */
import type { TaskView } from '../api/contract.ts'
import type { SteadyClient } from '../api/steady-client.ts'
import { EXIT, FailureError } from '../model/failure.ts'
import { listenForDetach, writeDetached } from './detach.ts'
import { createLiveRegion } from './live-region.ts'
import { paint } from './paint.ts'
import { currentFolder } from './place.ts'
import { printJson, printLines } from './print.ts'
import { writeProgressLine } from './progress.ts'
import { writeTaskList } from './task-list.ts'
import { tellTerminal } from './tell-terminal.ts'
import { useDaemon } from './use-daemon.ts'

const REDRAW_MS = 1000
const ENDED = ['landed', 'reported', 'failed', 'stopped', 'discarded']

interface Screen {
  show(tasks: ReadonlyMap<string, TaskView>, changed: TaskView | null): void
  tell(text: string): void
  /** Leaves the last state there. */
  stop(tasks: ReadonlyMap<string, TaskView>): void
}

export async function watchTasks(options: { readonly all: boolean; readonly json: boolean }): Promise<number> {
  const keys = await listenForDetach()
  const tasks = new Map<string, TaskView>()
  const screen = options.json ? printTasks() : process.stdout.isTTY ? redrawTable(tasks) : printChanges()
  try {
    await useDaemon((daemon) => Promise.race([follow(daemon, tasks, screen, options.all), keys.pressed]))
    screen.stop(tasks)
    const running = [...tasks.values()].filter((task) => !ENDED.includes(task.state)).map((task) => task.name)
    if (running.length > 0) process.stderr.write(`${writeDetached(running, 'heddle ps --watch')}\n`)
    return EXIT.done
  } finally {
    screen.stop(tasks)
    keys.stop()
  }
}

async function follow(daemon: SteadyClient, tasks: Map<string, TaskView>, screen: Screen, all: boolean): Promise<void> {
  const cwd = currentFolder()
  const list = async (): Promise<void> => {
    const found = await daemon.call('tasks.list', { cwd, all })
    tasks.clear()
    for (const task of found) tasks.set(task.id, task)
    screen.show(tasks, null)
  }
  const watching = daemon.stream(
    'watch',
    { cwd, all },
    ({ task, notice }) => {
      tasks.set(task.id, task)
      screen.show(tasks, task)
      if (notice !== null) screen.tell(notice.text)
    },
    () => void list().catch(() => {}),
  )
  await Promise.all([list(), watching])
  // The daemon answers a watch only when it is told to stop; we must not start it again against that.
  throw new FailureError({ kind: 'daemon-not-running' })
}

function redrawTable(tasks: ReadonlyMap<string, TaskView>): Screen {
  const region = createLiveRegion(process.stdout)
  let stopped = false
  const write = (shown: readonly TaskView[]): string[] =>
    writeTaskList(shown, { paint, nowMs: Date.now(), width: process.stdout.columns || 80 })
  const draw = (): void => {
    // Room for the head, two lines below, and the cursor.
    const most = Math.max(1, (process.stdout.rows || 24) - 5)
    const all = [...tasks.values()]
    const shown =
      all.length <= most ? all : all.toSorted((a, b) => Number(ENDED.includes(a.state)) - Number(ENDED.includes(b.state)))
    const more = all.length > most ? [paint('dim', `… ${all.length - most} more`)] : []
    region.draw([...write(shown.slice(0, most)), ...more])
  }
  const timer = setInterval(draw, REDRAW_MS)
  return {
    show: draw,
    tell: (text) => tellTerminal(text, () => {}),
    stop() {
      if (stopped) return
      stopped = true
      clearInterval(timer)
      region.stop()
      printLines(write([...tasks.values()]))
    },
  }
}

function printChanges(): Screen {
  const shown = new Map<string, string>()
  return {
    show(tasks, changed) {
      for (const task of changed === null ? tasks.values() : [changed]) {
        const line = writeProgressLine(task)
        if (shown.get(task.id) !== line) printLines([line])
        shown.set(task.id, line)
      }
    },
    tell: (text) => tellTerminal(text),
    stop() {},
  }
}

function printTasks(): Screen {
  return {
    show(tasks, changed) {
      for (const task of changed === null ? tasks.values() : [changed]) printJson(task, 'line')
    },
    tell() {},
    stop() {},
  }
}
