import { readArguments } from '../arguments.ts'
import { doToEach } from '../each-task.ts'

export const help = `
Usage: heddle approve TASK… [--json]

Approves the change that is in review: it is rebased onto its base, checked there, and lands. Returns when the review is
over; heddle wait TASK waits until it has landed.

Options
  --json  prints the task as JSON; a list when several are named

Examples
  heddle approve mend-the-login-form
  heddle approve api docs
`

export const options = { json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, {
    command: 'approve',
    options,
    count: [1, Infinity],
    words: 'at least one TASK',
  })
  return doToEach(positionals, values.json ?? false, (daemon, params) => daemon.call('tasks.approve', params))
}
