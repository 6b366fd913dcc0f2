import { EXIT } from '../../model/failure.ts'
import { countOf } from '../amounts.ts'
import { readArguments } from '../arguments.ts'
import { cleanLine } from '../clean-text.ts'
import { paint } from '../paint.ts'
import { currentFolder } from '../place.ts'
import { printJson, printLines } from '../print.ts'
import { loadTextFile } from '../read-text.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle check-plan FILE [--json]

Looks for mistakes in a plan without starting it: cycles, unknown needs, tasks that touch the same files without an order
between them, an order that nothing needs, tasks without acceptance criteria or checks. FILE may be - for the standard input.
Exit code 1 if any of them is an error.

Options
  --json  prints { "tasks": count, "findings": [{ line, severity, message }] }

Examples
  heddle check-plan plan.yaml
`

export const options = { json: { type: 'boolean' } } as const

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, { command: 'check-plan', options, count: [1, 1], words: 'one FILE' })
  const { name, text } = await loadTextFile(positionals[0]!)
  const result = await useDaemon((daemon) => daemon.call('plan.check', { cwd: currentFolder(), file: name, text }))
  const errors = result.findings.filter((finding) => finding.severity === 'error').length
  if (values.json) printJson(result)
  else {
    const warnings = result.findings.length - errors
    printLines([
      ...result.findings.map(({ line, severity, message }) => {
        const style = severity === 'error' ? 'red' : 'yellow'
        return `${name}${line === null ? '' : `:${line}`}: ${paint(style, severity)}: ${cleanLine(message)}`
      }),
      result.findings.length === 0
        ? `${name}: ${countOf(result.tasks, 'task')}, nothing to mend`
        : `${name}: ${countOf(result.tasks, 'task')}, ${countOf(errors, 'error')}, ${countOf(warnings, 'warning')}`,
    ])
  }
  return errors > 0 ? EXIT.failed : EXIT.done
}
