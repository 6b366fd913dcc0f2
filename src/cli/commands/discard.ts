import { readArguments } from '../arguments.ts'
import { doToEach } from '../each-task.ts'

export const help = `
Usage: heddle discard TASK… [--json]

Drops the task for good: it will not land. Its work is kept aside under refs/heddle/preserved/, so that nothing is lost.
Returns when its processes are gone and its work is kept.

Options
  --json  prints the task as JSON; a list when several are named

Examples
  heddle discard mend-the-login-form
  heddle discard api docs
`

export const options = { json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, {
    command: 'discard',
    options,
    count: [1, Infinity],
    words: 'at least one TASK',
  })
  return doToEach(positionals, values.json ?? false, (daemon, params) => daemon.call('tasks.discard', params))
}
