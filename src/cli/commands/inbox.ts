import { EXIT } from '../../model/failure.ts'
import { readArguments } from '../arguments.ts'
import { paint } from '../paint.ts'
import { currentFolder } from '../place.ts'
import { printJson, printLines } from '../print.ts'
import { writeRequest } from '../request-lines.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle inbox [--all] [--json]

Lists what waits for you in this repository: reviews, permissions, questions, conflicts and failures, with what to type.

Options
  --all   of all repositories
  --json  prints a list of { id, task, kind, text, answers, openedAt, answer }

Examples
  heddle inbox
  heddle inbox --json | jq -r '.[].id'
`

export const options = { all: { type: 'boolean' }, json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values } = await readArguments(args, { command: 'inbox', options, count: [0, 0], words: '' })
  const requests = await useDaemon((daemon) => daemon.call('inbox.list', { cwd: currentFolder(), all: values.all ?? false }))
  if (values.json) printJson(requests)
  else if (requests.length === 0) console.log('Nothing waits for you.')
  else
    printLines(requests.flatMap((request, index) => [...(index === 0 ? [] : ['']), ...writeRequest(request, paint, Date.now())]))
  return EXIT.done
}
