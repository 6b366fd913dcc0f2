import { EXIT } from '../../model/failure.ts'
import { readArguments } from '../arguments.ts'
import { cleanLine } from '../clean-text.ts'
import { printJson } from '../print.ts'
import { readText } from '../read-text.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle answer ID allow|deny|TEXT [--json]

Answers a request of the inbox; whoever waits for it goes on. Which answers it takes, heddle inbox says. TEXT may be - for the
standard input.

Options
  --json  prints the request as JSON

Examples
  heddle answer r4k2m9x0ab allow
  heddle answer r4k2m9x0ab "Take the second of the two"
`

export const options = { json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const rules = { command: 'answer', options, count: [2, 2], words: 'the ID of a request and an answer' } as const
  const { values, positionals } = await readArguments(args, rules)
  const [id, word] = positionals as [string, string]
  const answer = await readText(word, 'answer')
  const request = await useDaemon((daemon) => daemon.call('inbox.answer', { id, answer }))
  if (values.json) printJson(request)
  else console.log(`Answered ${request.task} (${request.kind}): ${cleanLine(request.answer ?? answer)}`)
  return EXIT.done
}
