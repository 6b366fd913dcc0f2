import { EXIT } from '../../model/failure.ts'
import { readArguments } from '../arguments.ts'
import { paint } from '../paint.ts'
import { currentFolder } from '../place.ts'
import { printJson, printLines } from '../print.ts'
import { writeTaskList } from '../task-list.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle ps [--all] [--watch] [--json]

Lists the tasks of this repository with what each is doing; without those that ended over a day ago.

Options
  --all        the tasks of all repositories, and also those that ended long ago
  -w, --watch  redraws the list as it changes; Ctrl-B or Ctrl-C ends that (exit code 0), not the work. Where the output is no
               terminal, prints a line for each change
  --json       prints the tasks as a list; with --watch one task a line, as each changes

Examples
  heddle ps
  heddle ps --watch
  heddle ps --json | jq -r '.[] | select(.state == "review") | .name'
`

export const options = { all: { type: 'boolean' }, watch: { type: 'boolean', short: 'w' }, json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values } = await readArguments(args, { command: 'ps', options, count: [0, 0], words: '' })
  const all = values.all ?? false
  if (values.watch) return (await import('../watch-tasks.ts')).watchTasks({ all, json: values.json ?? false })
  const tasks = await useDaemon((daemon) => daemon.call('tasks.list', { cwd: currentFolder(), all }))
  const width = process.stdout.isTTY ? process.stdout.columns || 80 : Infinity
  if (values.json) printJson(tasks)
  else printLines(writeTaskList(tasks, { paint, nowMs: Date.now(), width }))
  return EXIT.done
}
