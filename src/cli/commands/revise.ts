import { readArguments, wrongWords } from '../arguments.ts'
import { doToEach } from '../each-task.ts'
import { readText } from '../read-text.ts'

export const help = `
Usage: heddle revise TASK COMMENTS [--json]
       heddle revise TASK… -m COMMENTS [--json]

Sends a change that is in review back to its agent, with your comments; it comes to review again. COMMENTS may be - for the
standard input.

Options
  -m, --message COMMENTS  the comments
  --json                  prints the task as JSON; a list when several are named

Examples
  heddle revise mend-the-login-form "Keep the old function, and add a test for the empty name"
  heddle revise api docs -m "Use the words of the README"
  heddle revise mend - < comments.md
`

export const options = { message: { type: 'string', short: 'm' }, json: { type: 'boolean' } } as const

const RULES = { command: 'revise', options, count: [1, Infinity], words: 'a TASK and COMMENTS' } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, RULES)
  if (values.message === undefined && positionals.length !== 2) {
    throw wrongWords(positionals.length === 1 ? 'revise needs COMMENTS' : 'with several tasks, give the comments with -m', RULES)
  }
  const tasks = values.message === undefined ? positionals.slice(0, 1) : positionals
  const comments = await readText(values.message ?? positionals[1]!, 'comment')
  return doToEach(tasks, values.json ?? false, (daemon, params) => daemon.call('tasks.revise', { ...params, comments }))
}
