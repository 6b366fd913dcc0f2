/** What `heddle show` says about a task. */
import type { RequestView, TaskDetail } from '../api/contract.ts'
import type { Evidence } from '../model/change.ts'
import { formatAge, formatChange, formatSpan, formatUsage, formatWorkTime } from './amounts.ts'
import { cleanLine, cleanText } from './clean-text.ts'
import { STATE_STYLES, type Paint } from './paint.ts'
import { writeRequest } from './request-lines.ts'
import { describeDoing } from './task-table.ts'

const LABEL_WIDTH = 10
const MOST_OUTPUT_LINES = 40

export function writeTaskPage(task: TaskDetail, paint: Paint, nowMs: number): string[] {
  const doing = describeDoing(task)
  const open = task.requests.filter((request) => request.answer === null)
  const sections = [
    writeSection('Prompt', [...indent(task.prompt), ...task.acceptance.map((one) => `  - ${cleanLine(one)}`)], paint),
    writeSection('Failure', indent(task.failure), paint),
    writeSection('Report', indent(task.report), paint),
    writeSection(
      'Waits for you',
      open.flatMap((request) => writeOpenRequest(request, paint, nowMs)),
      paint,
    ),
    writeSection('Checks', writeChecks(task, paint), paint),
    task.report === null && task.failure === null ? writeSection('Last words', indent(task.lastWords), paint) : [],
    writeSection(
      'History',
      task.history.flatMap(({ at, text }) => writeMoment(paint('dim', formatTime(at, nowMs)), text)),
      paint,
    ),
  ]
  return [
    `${paint('bold', task.name)}  ${paint(STATE_STYLES[task.state], task.state)}${doing === '' ? '' : `  ${doing}`}`,
    ...writeFacts(task, nowMs).map(([label, text]) => `${paint('dim', label.padEnd(LABEL_WIDTH))}${cleanLine(text)}`),
    ...sections.flatMap((lines) => (lines.length === 0 ? [] : ['', ...lines])),
  ]
}

function writeFacts(task: TaskDetail, nowMs: number): (readonly [label: string, text: string])[] {
  const took = formatWorkTime(task, nowMs)
  const facts: readonly (readonly [string, string | null])[] = [
    ['id', task.id],
    ['agent', task.agent],
    ['branch', `${task.branch} from ${task.base}`],
    ['needs', task.needs.join(', ')],
    ['touches', task.touches.join(', ')],
    ['workspace', task.workspace],
    ['preserved', task.preserved],
    ['change', task.change === null ? null : `${formatChange(task.change)} (${task.change.commit.slice(0, 10)})`],
    ['attempt', task.attempt > 1 ? String(task.attempt) : null],
    [
      'started',
      `${formatAge(task.createdAt, nowMs)} ago${took === null ? '' : `, ${task.endedAt === null ? 'at work for' : 'took'} ${took}`}`,
    ],
    ['used', formatUsage(task.usage)],
  ]
  return facts.filter((fact): fact is readonly [string, string] => fact[1] !== null && fact[1] !== '')
}

function writeSection(title: string, lines: readonly string[], paint: Paint): string[] {
  return lines.length === 0 ? [] : [paint('bold', title), ...lines]
}

function writeOpenRequest(request: RequestView, paint: Paint, nowMs: number): string[] {
  return writeRequest(request, paint, nowMs).map((line) => `  ${line}`)
}

/** Those that have run, with what they wrote when they failed; else those that are to come. */
function writeChecks(task: TaskDetail, paint: Paint): string[] {
  if (task.evidence.length === 0) return task.checks.map((check) => `  ${paint('dim', '·')} ${cleanLine(check)}`)
  return task.evidence.flatMap((one) => writeEvidence(one, paint))
}

function writeEvidence(evidence: Evidence, paint: Paint): string[] {
  const mark = evidence.ok ? paint('green', '✓') : paint('red', '✗')
  const line = `  ${mark} ${cleanLine(evidence.check)} ${paint('dim', `${formatSpan(evidence.ms)}, tree ${evidence.tree.slice(0, 10)}`)}`
  if (evidence.ok) return [line]
  const output = cleanText(evidence.output).trimEnd().split('\n')
  const left =
    output.length > MOST_OUTPUT_LINES ? [`… ${output.length - MOST_OUTPUT_LINES} lines before (heddle show --json has them)`] : []
  return [line, ...[...left, ...output.slice(-MOST_OUTPUT_LINES)].map((one) => `    ${paint('dim', '|')} ${one}`)]
}

/** The time of the day, with its date where that is not today. */
function formatTime(at: string, nowMs: number): string {
  const time = new Date(at)
  const pad = (number: number): string => String(number).padStart(2, '0')
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':')
  const isToday = time.toDateString() === new Date(nowMs).toDateString()
  return isToday ? clock : `${time.getFullYear()}-${pad(time.getMonth() + 1)}-${pad(time.getDate())} ${clock}`
}

function indent(text: string | null): string[] {
  const lines = cleanText(text ?? '').trim()
  return lines === '' ? [] : lines.split('\n').map((line) => `  ${line}`)
}

/** Without what it quotes: that is under another title. */
function writeMoment(time: string, text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('  | '))
  return lines.map((line) => `  ${time}  ${cleanLine(line)}`)
}
