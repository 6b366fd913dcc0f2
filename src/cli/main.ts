/** The command line: finds the command that the words name, and loads only that one. */
import { EXIT } from '../model/failure.ts'
import { COMMANDS, type Command } from './commands.ts'
import { printLines } from './print.ts'
import { reportError } from './report-error.ts'

endQuietlyOnBrokenPipe()
// Not `process.exit`, which would cut off what a pipe has not taken yet.
process.exitCode = await main(process.argv.slice(2)).catch(reportError)

async function main([word, ...args]: readonly string[]): Promise<number> {
  if (word === undefined) return tell((await import('./overview.ts')).writeShortOverview())
  if (word === '--version' || word === '-v') return tell((await import('./version.ts')).loadVersion())
  if (isHelp(word) || word === 'help') {
    if (word === 'help' && args[0] !== undefined && !isHelp(args[0])) return tell((await loadCommand(args[0])).help)
    return tell((await import('./overview.ts')).writeOverview())
  }
  const command = await loadCommand(word)
  return asksForHelp(args) ? tell(command.help) : command.run(args)
}

async function loadCommand(word: string): Promise<Command> {
  const entry = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined
  if (entry !== undefined) return entry.load()
  const { refuseCommand } = await import('./suggest.ts')
  return refuseCommand(word, Object.keys(COMMANDS))
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h'
}

/** What follows `--` belongs to another program. */
function asksForHelp(args: readonly string[]): boolean {
  const dashes = args.indexOf('--')
  return (dashes === -1 ? args : args.slice(0, dashes)).some(isHelp)
}

function tell(text: string): number {
  printLines([text.trim()])
  return EXIT.done
}

/** A reader that has seen enough (`heddle ps | head -1`) is no fault. */
function endQuietlyOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit()
      throw error
    })
  }
}
