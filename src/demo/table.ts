/** The table of the demonstration's tasks, as lines of text: what each is doing, and when it worked beside the others. */
import { styleText } from 'node:util'
import type { TaskView } from '../api/contract.ts'
import type { TaskState } from '../model/task.ts'

const WIDEST_BAR = 24
const NARROWEST_BAR = 10
/** Enough for what landed. */
const USUAL_DOING = 27
const WIDEST_DOING = 34

type Style = Parameters<typeof styleText>[0]

const LOOKS: Readonly<Record<TaskState, { readonly mark: string; readonly style: Style }>> = {
  queued: { mark: '·', style: 'dim' },
  working: { mark: '●', style: 'cyan' },
  paused: { mark: '●', style: 'yellow' },
  review: { mark: '●', style: 'magenta' },
  landing: { mark: '●', style: 'magenta' },
  landed: { mark: '✓', style: 'green' },
  reported: { mark: '✓', style: 'green' },
  blocked: { mark: '✗', style: 'red' },
  failed: { mark: '✗', style: 'red' },
  stopped: { mark: '✗', style: 'yellow' },
  discarded: { mark: '✗', style: 'yellow' },
}

export interface TableFrame {
  readonly columns: number
  /** Where the bars begin, and now: Unix times in ms. */
  readonly fromMs: number
  readonly nowMs: number
  /** How long a bar of the whole width is. */
  readonly spanMs: number
}

/** Lines no wider than `columns`, unless that is less than the words need. */
export function writeTable(tasks: readonly TaskView[], frame: TableFrame): string[] {
  const { columns, nowMs } = frame
  const nameWidth = Math.max(...tasks.map((task) => task.name.length))
  const free = columns - 1 - (4 + nameWidth + 2 + 9 + 8)
  const barWidth = Math.min(WIDEST_BAR, free - 2 - USUAL_DOING)
  const hasBar = barWidth >= NARROWEST_BAR
  const doingWidth = Math.max(8, Math.min(WIDEST_DOING, hasBar ? free - 2 - barWidth : free))
  return tasks.map((task) => {
    const { mark, style } = LOOKS[task.state]
    const paint = (text: string): string => styleText(style, text)
    const ownMs = readOwnMs(task, nowMs)
    const words = `${task.name.padEnd(nameWidth)}  ${paint(task.state.padEnd(9))}${fit(describeDoing(task), doingWidth)}`
    const time = (ownMs === null ? '' : formatSeconds(ownMs)).padStart(8)
    const bar = hasBar ? drawBar(task, frame, barWidth) : ''
    return `  ${paint(mark)} ${words}${time}  ${bar && paint(bar)}`.trimEnd()
  })
}

/** From when its workspace was ready until it had landed (or ended otherwise); null while it has not begun. */
export function readOwnMs(task: TaskView, nowMs: number): number | null {
  if (task.startedAt === null) return null
  return (task.endedAt === null ? nowMs : Date.parse(task.endedAt)) - Date.parse(task.startedAt)
}

/** One line for each change, where nothing can be redrawn. */
export function writeLine(task: TaskView, sinceMs: number): string {
  return `${formatSeconds(sinceMs).padStart(7)}  ${task.name.padEnd(16)}${task.state.padEnd(9)}${describeDoing(task)}`.trimEnd()
}

export const formatSeconds = (ms: number): string => `${(Math.max(ms, 0) / 1000).toFixed(1)} s`

export function describeDoing(task: TaskView): string {
  if (task.state === 'landed' && task.change) {
    const { commit, files, insertions, deletions } = task.change
    return `${commit.slice(0, 7)}, ${files} ${files === 1 ? 'file' : 'files'}, +${insertions} −${deletions}`
  }
  // Beside the state, its word need not be said again: `landing: rebasing`, `working, turn 2`.
  return task.doing.startsWith(task.state) ? task.doing.slice(task.state.length).replace(/^[:,]? /, '') : task.doing
}

function drawBar(task: TaskView, { fromMs, nowMs, spanMs }: TableFrame, width: number): string {
  const ownMs = readOwnMs(task, nowMs)
  if (task.startedAt === null || ownMs === null) return ''
  const toCell = (ms: number): number => Math.round((ms / spanMs) * width)
  const startMs = Date.parse(task.startedAt) - fromMs
  const start = Math.min(Math.max(toCell(startMs), 0), width - 1)
  const length = Math.min(Math.max(toCell(startMs + ownMs) - start, 1), width - start)
  return ' '.repeat(start) + '━'.repeat(length)
}

function fit(text: string, width: number): string {
  const line = text.replaceAll(/\s+/g, ' ')
  return line.length > width ? `${line.slice(0, width - 1)}…` : line.padEnd(width)
}
