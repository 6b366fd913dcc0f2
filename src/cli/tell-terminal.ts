import { cleanLine } from './clean-text.ts'

/**
 * Tells the person at this terminal that a task needs them or has ended: a line, and where it is a terminal also the bell
 * and OSC 9, which many terminals show as a notification of the desktop.
 */
export function tellTerminal(
  text: string,
  printLine: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): void {
  const line = cleanLine(text)
  printLine(line)
  const terminal = [process.stderr, process.stdout].find((stream) => stream.isTTY)
  if (terminal !== undefined && process.env.TERM !== 'dumb') terminal.write(`\x07\x1b]9;${line}\x07`)
}
