import { EXIT } from '../../model/failure.ts'
import { readArguments } from '../arguments.ts'
import { paint } from '../paint.ts'
import { currentFolder } from '../place.ts'
import { printJson, printLines } from '../print.ts'
import { writeTaskPage } from '../task-page.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle show TASK [--json]

Shows all about one task: what it was asked, where it works, its change, its checks with what they wrote when they failed,
what it wants from you, what it used, and what happened when.

Options
  --json  prints the task as JSON: the fields of heddle ps --json, and prompt, workspace, requests, history and more

Examples
  heddle show mend-the-login-form
`

export const options = { json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, { command: 'show', options, count: [1, 1], words: 'one TASK' })
  const task = await useDaemon((daemon) => daemon.call('tasks.get', { cwd: currentFolder(), task: positionals[0]! }))
  if (values.json) printJson(task)
  else printLines(writeTaskPage(task, paint, Date.now()))
  return EXIT.done
}
