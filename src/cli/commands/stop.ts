import { readArguments } from '../arguments.ts'
import { doToEach } from '../each-task.ts'

export const help = `
Usage: heddle stop TASK… [--json]

Ends what the task runs, with all that it started. What it has done so far is kept under refs/heddle/preserved/. Returns when
its processes are gone and its work is kept.

Options
  --json  prints the task as JSON; a list when several are named

Examples
  heddle stop mend-the-login-form
  heddle stop api docs
`

export const options = { json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, {
    command: 'stop',
    options,
    count: [1, Infinity],
    words: 'at least one TASK',
  })
  return doToEach(positionals, values.json ?? false, (daemon, params) => daemon.call('tasks.stop', params))
}
