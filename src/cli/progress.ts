/** Shows tasks as they change: redrawn in place on a terminal, else a line for each change. */
import type { TaskView } from '../api/contract.ts'
import { createLiveRegion } from './live-region.ts'
import type { Paint } from './paint.ts'
import { describeDoing, writeTaskLines } from './task-table.ts'

const REDRAW_MS = 1000
const KEYS = 'Ctrl-B detaches; the work goes on'

export interface Progress {
  /** `told`: a notice says it already, so that no line of its own is needed. */
  show(task: TaskView, told: boolean): void
  printAbove(line: string): void
  /** Takes what is redrawn off the screen. Idempotent. */
  stop(): void
}

/** `quiet`: nothing but notices is written where the stream is no terminal. */
export function startProgress(first: readonly TaskView[], stream: NodeJS.WriteStream, paint: Paint, quiet: boolean): Progress {
  if (stream.isTTY) return redraw(first, stream, paint)
  const shown = new Map(first.map((task) => [task.id, `${task.state} ${task.doing}`]))
  return {
    show(task, told) {
      const key = `${task.state} ${task.doing}`
      if (quiet || shown.get(task.id) === key) return
      shown.set(task.id, key)
      if (!told) stream.write(`${writeProgressLine(task)}\n`)
    },
    printAbove: (line) => void stream.write(`${line}\n`),
    stop() {},
  }
}

/** For example `fix-login: working, checking`. */
export function writeProgressLine(task: TaskView): string {
  const doing = describeDoing(task)
  return doing === '' || doing.startsWith(task.state)
    ? `${task.name}: ${doing || task.state}`
    : `${task.name}: ${task.state}, ${doing}`
}

function redraw(first: readonly TaskView[], stream: NodeJS.WriteStream, paint: Paint): Progress {
  const tasks = new Map(first.map((task) => [task.id, task]))
  const region = createLiveRegion(stream)
  const draw = (): void => {
    const lines = writeTaskLines([...tasks.values()], { paint, nowMs: Date.now(), width: stream.columns || 80 })
    const most = Math.max(1, (stream.rows || 24) - 3)
    const more = lines.length - most
    region.draw([...lines.slice(0, most), paint('dim', more > 0 ? `… ${more} more. ${KEYS}` : KEYS)])
  }
  const timer = setInterval(draw, REDRAW_MS)
  draw()
  return {
    show(task) {
      tasks.set(task.id, task)
      draw()
    },
    printAbove: region.printAbove,
    stop() {
      clearInterval(timer)
      region.stop()
    },
  }
}
