import type { LogEntry } from '../../api/contract.ts'
import { EXIT } from '../../model/failure.ts'
import { readArguments } from '../arguments.ts'
import { listenForDetach, writeDetached } from '../detach.ts'
import { writeLogEntry } from '../log-lines.ts'
import { paint } from '../paint.ts'
import { currentFolder } from '../place.ts'
import { printJson, printLines } from '../print.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle logs TASK [-f] [--json]

Shows what the agent of a task was asked, said, thought and did, and what Heddle did with it.

Options
  -f, --follow  goes on until the task has ended; Ctrl-B or Ctrl-C detaches (exit code 0) and leaves it running
  --json        prints one JSON object a line: { at, kind, text }

Examples
  heddle logs mend-the-login-form
  heddle logs -f mend
`

export const options = { follow: { type: 'boolean', short: 'f' }, json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, { command: 'logs', options, count: [1, 1], words: 'one TASK' })
  const [task] = positionals as [string]
  const follow = values.follow ?? false
  let last: LogEntry | null = null
  const print = (entry: LogEntry): void => {
    if (values.json) printJson(entry, 'line')
    else printLines(writeLogEntry(entry, last, paint))
    last = entry
  }
  const keys = follow ? await listenForDetach() : null
  try {
    const reading = useDaemon(async (daemon) => {
      let printed = 0
      let toSkip = 0
      const onItem = (entry: LogEntry): void => {
        if (toSkip-- > 0) return
        printed++
        print(entry)
      }
      // After a restart of the daemon the log comes again from its start.
      const stream = daemon.stream('tasks.logs', { cwd: currentFolder(), task, follow }, onItem, () => void (toSkip = printed))
      return Promise.race([stream.then(() => false), ...(keys === null ? [] : [keys.pressed.then(() => true)])])
    })
    if (await reading) process.stderr.write(`${writeDetached([task], `heddle logs -f ${task}`)}\n`)
    return EXIT.done
  } finally {
    keys?.stop()
  }
}
