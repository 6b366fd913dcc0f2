import { styleText } from 'node:util'
import type { TaskState } from '../model/task.ts'

type Style = Parameters<typeof styleText>[0]

/** Colours only where the stream is a terminal that wants them (`NO_COLOR`, `FORCE_COLOR`); so it knows its stream. */
export interface Paint {
  (style: Style, text: string): string
}

const createPaint =
  (stream: NodeJS.WriteStream): Paint =>
  (style, text) =>
    text === '' ? '' : styleText(style, text, { stream })

export const paint: Paint = createPaint(process.stdout)

export const STATE_STYLES: Readonly<Record<TaskState, Style>> = {
  queued: 'dim',
  working: 'cyan',
  paused: 'yellow',
  review: 'magenta',
  landing: 'blue',
  landed: 'green',
  reported: 'green',
  blocked: 'red',
  failed: 'red',
  stopped: 'yellow',
  discarded: 'dim',
}
