/** Lines at the end of a terminal's output that are redrawn in place. */
import { stripVTControlCharacters } from 'node:util'
import { measureText } from './text-width.ts'

export interface LiveRegion {
  /** Each line must fit the terminal. */
  draw(lines: readonly string[]): void
  /** Adds a line above, for good. */
  printAbove(line: string): void
  /** Takes the lines away and gives the cursor back. Idempotent. */
  stop(): void
}

export function createLiveRegion(stream: NodeJS.WriteStream): LiveRegion {
  let drawn: readonly string[] = []
  let hidden = false
  let stopped = false

  /** A terminal that was made narrower has broken our lines. */
  const countRows = (): number =>
    drawn.reduce(
      (rows, line) => rows + Math.max(1, Math.ceil(measureText(stripVTControlCharacters(line)) / (stream.columns || 80))),
      0,
    )
  const erase = (): string => {
    const rows = countRows()
    return rows === 0 ? '' : `\x1b[${rows}A\r\x1b[J`
  }
  const showCursor = (): void => {
    if (hidden) stream.write('\x1b[?25h')
    hidden = false
  }
  const write = (above: string, lines: readonly string[]): void => {
    if (stopped) return
    if (!hidden) process.once('exit', showCursor)
    // In one piece, so that nothing of it flickers.
    stream.write(`${hidden ? '' : '\x1b[?25l'}${erase()}${above}${lines.map((line) => `${line}\n`).join('')}`)
    hidden = true
    drawn = lines
  }
  return {
    draw(lines) {
      // What has left the screen above cannot be redrawn.
      write('', lines.slice(0, Math.max(1, (stream.rows || 24) - 1)))
    },
    printAbove: (line) => write(`${line}\n`, drawn),
    stop() {
      if (stopped) return
      stream.write(erase())
      stopped = true
      drawn = []
      showCursor()
      process.off('exit', showCursor)
    },
  }
}
