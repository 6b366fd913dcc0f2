import { EXIT } from '../../model/failure.ts'
import { readArguments, wrongWords } from '../arguments.ts'
import { currentFolder } from '../place.ts'
import { printJson } from '../print.ts'
import { readText } from '../read-text.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle send TASK TEXT [--json]
       heddle send TASK -m TEXT [--json]

Writes to the agent of a task; it gets the text as its next turn, in the same conversation. TEXT may be - for the standard
input.

Options
  -m, --message TEXT  the text
  --json              prints the task as JSON

Examples
  heddle send mend-the-login-form "Leave the old form in place, behind a flag"
  heddle send mend - < notes.md
`

export const options = { message: { type: 'string', short: 'm' }, json: { type: 'boolean' } } as const

const RULES = { command: 'send', options, count: [1, 2], words: 'a TASK and a TEXT' } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, RULES)
  const [task, word = values.message] = positionals as [string, string?]
  if (word === undefined) throw wrongWords('send needs a TEXT', RULES)
  if (positionals.length === 2 && values.message !== undefined)
    throw wrongWords('give the text once: as a word, or with -m', RULES)
  const text = await readText(word, 'text')
  const sent = await useDaemon((daemon) => daemon.call('tasks.send', { cwd: currentFolder(), task, text }))
  if (values.json) printJson(sent)
  else console.log(`Sent to ${sent.name}. Its answer: heddle logs -f ${sent.name}`)
  return EXIT.done
}
