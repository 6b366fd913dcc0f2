import type { LogEntry } from '../api/contract.ts'
import { cleanText } from './clean-text.ts'
import type { Paint } from './paint.ts'

/** One entry of a log. What is said and asked stands apart; what is done is dense. */
export function writeLogEntry(entry: LogEntry, before: LogEntry | null, paint: Paint): string[] {
  const lines = cleanText(entry.text).trimEnd().split('\n')
  const gap =
    before !== null && (isSpeech(entry) || isSpeech(before)) && !(entry.kind === 'output' && before.kind === 'output') ? [''] : []
  return [...gap, ...lines.map((line, index) => writeLine(entry.kind, line, index === 0, paint))]
}

const isSpeech = (entry: LogEntry): boolean => entry.kind === 'say' || entry.kind === 'prompt'

function writeLine(kind: LogEntry['kind'], line: string, isFirst: boolean, paint: Paint): string {
  switch (kind) {
    case 'prompt':
      return `${paint(['bold', 'blue'], '>')} ${paint('bold', line)}`
    case 'say':
      return line
    case 'think':
      return paint(['dim', 'italic'], line)
    case 'tool':
      return `${paint('cyan', isFirst ? '*' : ' ')} ${line}`
    case 'output':
      return `  ${paint('dim', `| ${line}`)}`
    case 'heddle':
      return paint('yellow', `${isFirst ? '-' : ' '} ${line}`)
  }
}
