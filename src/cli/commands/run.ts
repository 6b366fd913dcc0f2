import type { Dispatched, TaskSpec, TaskView } from '../../api/contract.ts'
import type { SteadyClient } from '../../api/steady-client.ts'
import { EXIT } from '../../model/failure.ts'
import { readArguments, wrongWords, type Arguments } from '../arguments.ts'
import { cleanText } from '../clean-text.ts'
import { paint } from '../paint.ts'
import { currentEnvironment, currentFolder } from '../place.ts'
import { printJson, printLines } from '../print.ts'
import { loadTextFile, readText } from '../read-text.ts'
import { quoteCommand } from '../shell-quote.ts'
import { describeDoing } from '../task-table.ts'
import { useDaemon } from '../use-daemon.ts'
import { waitForTasks } from '../wait-for-tasks.ts'

export const help = `
Usage: heddle run "PROMPT" [OPTIONS]
       heddle run --plan FILE [--wait] [--json]
       heddle run [OPTIONS] -- COMMAND…

Starts a task in the background: an agent works on the prompt in a worktree of its own, its change is checked, and then
waits for your review. A plan starts several tasks at once; a task starts when what it needs has landed. A COMMAND takes the
agent's place, and succeeds when its exit code is 0. PROMPT or FILE may be - for the standard input.

Options
  --name NAME     what the task is called; without it, made from the prompt
  --agent AGENT   who does it: claude, codex, or one from heddle.yaml
  --needs A,B     tasks that must land first (repeatable)
  --check CMD     a command that must pass, besides those of heddle.yaml (repeatable)
  --no-checks     leaves out the checks of heddle.yaml
  --accept TEXT   a criterion that the result must meet (repeatable)
  --touches GLOB  files it will change; tasks that touch the same ones do not run at once (repeatable)
  --base REF      where it starts, and the branch it lands on; without it, the branch that is checked out
  --read-only     it changes nothing, and ends with a report
  --plan FILE     starts the tasks of a plan file
  --wait          stays until it has ended or needs you; exit codes as of heddle wait. Ctrl-B or Ctrl-C detaches
  --json          prints the task as JSON: one object; a list of them for a plan

Examples
  heddle run "Mend the login form" --agent claude --check "npm test"
  heddle run "Which modules have no tests?" --read-only --wait
  heddle run --plan plan.yaml
  heddle run --name nightly -- npm run test:all
`

export const options = {
  name: { type: 'string' },
  agent: { type: 'string' },
  needs: { type: 'string', multiple: true },
  check: { type: 'string', multiple: true },
  'no-checks': { type: 'boolean' },
  accept: { type: 'string', multiple: true },
  touches: { type: 'string', multiple: true },
  base: { type: 'string' },
  'read-only': { type: 'boolean' },
  plan: { type: 'string' },
  wait: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

const RULES = { command: 'run', options, count: [0, 1], words: 'one PROMPT', rest: true } as const

type RunArguments = Arguments<typeof options>

export async function run(args: readonly string[]): Promise<number> {
  const read = await readArguments(args, RULES)
  const { plan } = read.values
  const dispatch = plan === undefined ? await readTask(read) : await readPlan(plan, read)
  return useDaemon(async (daemon) => {
    const { tasks, notes } = await dispatch(daemon)
    const json = read.values.json ?? false
    const single = plan === undefined
    for (const note of notes) process.stderr.write(`heddle: ${cleanText(note)}\n`)
    if (!json) printLines(writeDispatched(tasks, read.values.wait ?? false))
    if (read.values.wait) return waitForTasks(daemon, tasks, { timeoutMs: null, json, single })
    if (json) printJson(single ? tasks[0] : tasks)
    return EXIT.done
  })
}

type Dispatch = (daemon: SteadyClient) => Promise<Dispatched>

async function readTask({ values, positionals: [prompt], rest }: RunArguments): Promise<Dispatch> {
  if (rest !== null && rest.length === 0) throw wrongWords('after -- there must be a command', RULES)
  if (rest !== null && prompt !== undefined) throw wrongWords('give either a PROMPT or, after --, a command', RULES)
  if (rest !== null && values.agent !== undefined)
    throw wrongWords('a command takes the place of the agent, so --agent has no meaning', RULES)
  if (rest === null && prompt === undefined) throw wrongWords('run needs a PROMPT, --plan FILE, or a command after --', RULES)
  const spec: Partial<TaskSpec> & { prompt: string } = {
    prompt: rest === null ? await readText(prompt!, 'prompt') : quoteCommand(rest),
    ...(rest === null ? {} : { argv: [...rest] }),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(values.agent === undefined ? {} : { agent: values.agent }),
    ...(values.base === undefined ? {} : { base: values.base }),
    needs: (values.needs ?? []).flatMap((names) => names.split(',')).flatMap((name) => name.trim() || []),
    touches: values.touches ?? [],
    acceptance: values.accept ?? [],
    checks: values.check ?? [],
    noChecks: values['no-checks'] ?? false,
    readOnly: values['read-only'] ?? false,
  }
  return (daemon) => daemon.call('tasks.dispatch', { cwd: currentFolder(), tasks: [spec], env: currentEnvironment() })
}

async function readPlan(file: string, { values, positionals: [prompt], rest }: RunArguments): Promise<Dispatch> {
  const others = Object.keys(values).filter((name) => !['plan', 'wait', 'json'].includes(name))
  const [other] = [
    ...others.map((name) => `--${name}`),
    ...(prompt === undefined ? [] : ['a PROMPT']),
    ...(rest === null ? [] : ['a command']),
  ]
  if (other !== undefined) throw wrongWords(`the plan says all about its tasks, so ${other} cannot be given with --plan`, RULES)
  const { name, text } = await loadTextFile(file)
  return (daemon) => daemon.call('plan.dispatch', { cwd: currentFolder(), file: name, text, env: currentEnvironment() })
}

function writeDispatched(tasks: readonly TaskView[], waits: boolean): string[] {
  const lines = tasks.map((task) => {
    const doing = describeDoing(task)
    const agent = task.agent === '' ? '' : ` by ${task.agent}`
    return `${paint('bold', task.name)}${agent}, on branch ${task.branch}${doing === '' ? '' : paint('dim', ` (${doing})`)}`
  })
  if (waits) return lines
  const [only] = tasks
  const follow =
    tasks.length === 1 ? `heddle logs -f ${only!.name} follows it, heddle ps shows all tasks` : 'heddle ps --watch shows them'
  return [...lines, paint('dim', `Works in the background: ${follow}.`)]
}
