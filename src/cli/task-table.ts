/** Tasks as lines of a table that fits the terminal. */
import { basename } from 'node:path'
import type { TaskView } from '../api/contract.ts'
import { summarizeFailure } from '../model/failure.ts'
import { formatAge, formatChange, formatWorkTime } from './amounts.ts'
import { cleanLine } from './clean-text.ts'
import { STATE_STYLES, type Paint } from './paint.ts'
import { cutText, measureText, padText } from './text-width.ts'

interface Column {
  readonly title: string
  readonly read: (task: TaskView, nowMs: number) => string
  /** It may be cut to so many columns of the terminal; absent: it is whole or not there. */
  readonly least?: number
  readonly style?: (task: TaskView) => Parameters<Paint>[0]
}

const NAME: Column = { title: 'NAME', read: (task) => cleanLine(task.name), least: 12, style: () => 'bold' }
const REPO: Column = { title: 'REPO', read: (task) => cleanLine(basename(task.repo)), least: 8, style: () => 'dim' }
const STATE: Column = { title: 'STATE', read: (task) => task.state, style: (task) => STATE_STYLES[task.state] }
const DOING: Column = {
  title: 'DOING',
  read: describeBesideState,
  least: 12,
  style: (task) => (task.waitsForPerson !== null && task.state !== 'blocked' ? 'yellow' : 'reset'),
}
const AGENT: Column = { title: 'AGENT', read: (task) => cleanLine(task.agent), least: 8 }
const CHANGE: Column = { title: 'CHANGE', read: (task) => formatChange(task.change) }
const AGE: Column = { title: 'AGE', read: (task, nowMs) => formatAge(task.createdAt, nowMs), style: () => 'dim' }
const TIME: Column = { title: 'TIME', read: (task, nowMs) => formatWorkTime(task, nowMs) ?? '', style: () => 'dim' }

const GAP = 2
/** What is cut first comes first, and what is left out where even that does not fit. */
const CUT_ORDER = [DOING, NAME, REPO, AGENT]
const DROP_ORDER = [AGENT, REPO, CHANGE, AGE, TIME, DOING]

export interface TableFrame {
  readonly paint: Paint
  readonly nowMs: number
  /** Columns of the terminal; Infinity where nothing need fit. */
  readonly width: number
}

/** The table of `heddle ps`. */
export function writeTaskTable(tasks: readonly TaskView[], frame: TableFrame): string[] {
  const severalRepos = new Set(tasks.map((task) => task.repo)).size > 1
  return writeTable([NAME, ...(severalRepos ? [REPO] : []), STATE, DOING, AGENT, CHANGE, AGE], tasks, frame, true)
}

/** The lines of tasks that are waited for. */
export function writeTaskLines(tasks: readonly TaskView[], frame: TableFrame): string[] {
  return writeTable([NAME, STATE, DOING, CHANGE, TIME], tasks, frame, false)
}

/** Beside a column that says the state: `on main`, not `landed on main`. */
function describeBesideState(task: TaskView): string {
  const doing = describeDoing(task)
  return doing.startsWith(task.state) ? doing.slice(task.state.length).replace(/^[:,]? /, '') : doing
}

/** What the state does not say already. */
export function describeDoing(task: TaskView): string {
  const says = task.doing === task.state ? summarizeFailure(task.failure ?? '') : task.doing
  return cleanLine(says.split('\n')[0] ?? '')
}

function writeTable(
  all: readonly Column[],
  tasks: readonly TaskView[],
  { paint, nowMs, width }: TableFrame,
  header: boolean,
): string[] {
  const cells = new Map(all.map((column) => [column, tasks.map((task) => column.read(task, nowMs))]))
  const natural = (column: Column): number =>
    Math.max(header ? column.title.length : 0, ...cells.get(column)!.map((cell) => measureText(cell)))
  // A column that nothing is in says nothing.
  const columns = all.filter((column) => cells.get(column)!.some((cell) => cell !== ''))
  const widths = fitColumns(columns, new Map(columns.map((column) => [column, natural(column)])), width)
  const writeRow = (write: (column: Column, width: number) => string): string =>
    [...widths]
      .map(([column, columnWidth]) => write(column, columnWidth))
      .join(' '.repeat(GAP))
      .trimEnd()

  const rows = tasks.map((task, index) =>
    writeRow((column, columnWidth) => {
      const text = cutText(cells.get(column)![index]!, columnWidth)
      const painted = column.style === undefined ? text : paint(column.style(task), text)
      return painted + ' '.repeat(Math.max(0, columnWidth - measureText(text)))
    }),
  )
  return header
    ? [writeRow((column, columnWidth) => paint('dim', padText(cutText(column.title, columnWidth), columnWidth))), ...rows]
    : rows
}

function fitColumns(columns: readonly Column[], natural: ReadonlyMap<Column, number>, width: number): Map<Column, number> {
  const widths = new Map(natural)
  const excess = (): number => [...widths.values()].reduce((sum, one) => sum + one + GAP, -GAP) - width
  for (const column of CUT_ORDER) {
    const has = widths.get(column)
    if (has !== undefined && excess() > 0) widths.set(column, Math.max(Math.min(has, column.least ?? has), has - excess()))
  }
  for (const column of DROP_ORDER) if (excess() > 0) widths.delete(column)
  // What a column that was left out took may be more than was missing.
  for (const column of columns) {
    const has = widths.get(column)
    if (has !== undefined && excess() < 0) widths.set(column, Math.min(natural.get(column)!, has - excess()))
  }
  return widths
}
