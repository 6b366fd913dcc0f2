import { readArguments, wrongWords } from '../arguments.ts'
import { currentFolder } from '../place.ts'
import { useDaemon } from '../use-daemon.ts'
import { waitForTasks } from '../wait-for-tasks.ts'

export const help = `
Usage: heddle wait TASK… [--timeout SECONDS] [--json]

Returns when every TASK has ended, is in review, or waits for you. Says at once when one of them does. Ctrl-B or Ctrl-C
detaches and leaves the work running.

Options
  --timeout SECONDS  gives up after that time
  --json             prints the tasks as a list

Exit codes
  0    all have landed, reported or are in review; or you detached
  1    one failed, is blocked, or was stopped or discarded
  4    one waits for you, other than for a review: heddle inbox
  124  the time was up

Examples
  heddle wait mend-the-login-form && heddle diff mend-the-login-form
  heddle wait api docs --timeout 600
`

export const options = { timeout: { type: 'string' }, json: { type: 'boolean' } } as const

const RULES = { command: 'wait', options, count: [1, Infinity], words: 'at least one TASK' } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, RULES)
  const timeoutMs = readTimeout(values.timeout)
  const cwd = currentFolder()
  return useDaemon(async (daemon) => {
    const tasks = await Promise.all(positionals.map((task) => daemon.call('tasks.get', { cwd, task })))
    return waitForTasks(daemon, tasks, { timeoutMs, json: values.json ?? false })
  })
}

function readTimeout(text: string | undefined): number | null {
  if (text === undefined) return null
  const seconds = Number(text)
  if (text.trim() === '' || !Number.isFinite(seconds) || seconds < 0)
    throw wrongWords(`--timeout takes a number of seconds, not \`${text}\``, RULES)
  return seconds * 1000
}
