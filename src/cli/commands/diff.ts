import { EXIT } from '../../model/failure.ts'
import { readArguments } from '../arguments.ts'
import { writeDiff } from '../diff-lines.ts'
import { paint } from '../paint.ts'
import { currentFolder } from '../place.ts'
import { printJson, printLines } from '../print.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle diff TASK [--stat] [--json]

Shows what a task changed against its base. Where the output is no terminal it is a patch that git apply takes.

Options
  --stat  only the files, with how much changed in each
  --json  prints { "text": the diff }

Examples
  heddle diff mend-the-login-form
  heddle diff mend > mend.patch
`

export const options = { stat: { type: 'boolean' }, json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, { command: 'diff', options, count: [1, 1], words: 'one TASK' })
  const params = { cwd: currentFolder(), task: positionals[0]!, stat: values.stat ?? false }
  const { text } = await useDaemon((daemon) => daemon.call('tasks.diff', params))
  if (values.json) printJson({ text })
  else if (text.trim() === '') process.stderr.write('No change so far.\n')
  // git apply refuses a patch whose last line has no end.
  else printLines([(process.stdout.isTTY ? writeDiff(text, paint) : text).replace(/\n$/, '')])
  return EXIT.done
}
