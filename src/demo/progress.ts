import type { WriteStream } from 'node:tty'
import type { TaskView } from '../api/contract.ts'
import { writeLine, writeTable } from './table.ts'

const REDRAW_MS = 100
/** What a task does for a shorter time is not worth a line. */
const PASSING_MS = 120
/** About what the whole takes, so that the bars need not shrink while they grow. */
const EXPECTED_MS = 12_000

/** Shows tasks as they change: redrawn in place on a terminal, else a line for each change. */
export interface Progress {
  show(task: TaskView): void
  readonly tasks: ReadonlyMap<string, TaskView>
  /** Leaves the last state on the screen. Idempotent. */
  stop(): void
}

export function startProgress(names: readonly string[], fromMs: number, stream: WriteStream): Progress {
  const tasks = new Map<string, TaskView>()
  const list = (): TaskView[] => names.flatMap((name) => tasks.get(name) ?? [])
  const table = (stopped: boolean): string[] => {
    const nowMs = Date.now()
    const spanMs = Math.max(nowMs - fromMs, stopped ? 0 : EXPECTED_MS)
    return writeTable(list(), { fromMs, nowMs, spanMs, columns: stream.columns ?? 100 })
  }
  return stream.isTTY ? redrawTable(tasks, table, stream) : writeLines(tasks, table, fromMs, stream)
}

function redrawTable(tasks: Map<string, TaskView>, table: (stopped: boolean) => string[], stream: WriteStream): Progress {
  let drawn = 0
  let stopped = false
  const draw = (): void => {
    if (tasks.size === 0) return
    const lines = table(stopped)
    const up = drawn > 0 ? `\x1b[${drawn}A` : ''
    // Each line is cleared to its end, for what was there may have been longer.
    stream.write(`${up}${lines.map((line) => `\r${line}\x1b[K\n`).join('')}`)
    drawn = lines.length
  }
  const timer = setInterval(draw, REDRAW_MS)
  stream.write('\x1b[?25l')
  return {
    tasks,
    show: (task) => void tasks.set(task.name, task),
    stop() {
      if (stopped) return
      stopped = true
      clearInterval(timer)
      draw()
      stream.write('\x1b[?25h')
    },
  }
}

function writeLines(
  tasks: Map<string, TaskView>,
  table: (stopped: boolean) => string[],
  fromMs: number,
  stream: WriteStream,
): Progress {
  let stopped = false
  const lines = new Map<string, string>()
  const timers = new Map<string, NodeJS.Timeout>()
  const write = (task: TaskView, sinceMs: number): void => {
    const key = `${task.state} ${task.doing}`
    if (lines.get(task.name) === key) return
    lines.set(task.name, key)
    stream.write(`${writeLine(task, sinceMs)}\n`)
  }
  return {
    tasks,
    show(task) {
      const sinceMs = Date.now() - fromMs
      tasks.set(task.name, task)
      clearTimeout(timers.get(task.name))
      if (task.endedAt !== null) write(task, sinceMs)
      else timers.set(task.name, setTimeout(write, PASSING_MS, task, sinceMs))
    },
    stop() {
      if (stopped) return
      stopped = true
      for (const timer of timers.values()) clearTimeout(timer)
      if (tasks.size > 0) stream.write(`\n${table(stopped).join('\n')}\n`)
    },
  }
}
