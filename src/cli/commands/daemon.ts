import { connectIfRunning } from '../../api/connect.ts'
import type { DaemonStatus } from '../../api/contract.ts'
import { EXIT, FailureError } from '../../model/failure.ts'
import { countOf, formatSpan } from '../amounts.ts'
import { readArguments, wrongWords } from '../arguments.ts'
import { printJson } from '../print.ts'
import { useDaemon } from '../use-daemon.ts'

export const help = `
Usage: heddle daemon start|stop|status [--all] [--json]

The daemon is the one process that runs everything for you, behind a socket in the folder HEDDLE_HOME. Every command starts
it when there is none. It can be stopped at any time: agents go on without it, and the next daemon takes them up again.

Options
  --all   with stop: also ends the agents
  --json  prints facts as JSON: { pid, version, home, startedAt, tasks, agents }

Exit codes
  0  done
  3  status: none runs; start: it cannot be started

Examples
  heddle daemon status
  heddle daemon stop --all
`

export const options = { all: { type: 'boolean' }, json: { type: 'boolean' } } as const

const RULES = { command: 'daemon', options, count: [1, 1], words: 'one of start, stop, status' } as const
const LONGEST_END_MS = 15_000
const LOOK_MS = 20

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = await readArguments(args, RULES)
  const json = values.json ?? false
  if (values.all && positionals[0] !== 'stop') throw wrongWords('--all goes with daemon stop only', RULES)
  switch (positionals[0]) {
    case 'start':
      printStatus(await useDaemon((daemon) => daemon.call('daemon.status', {})), json)
      return EXIT.done
    case 'status':
      return printStatus(await requireStatus(), json)
    case 'stop':
      return stopDaemon(values.all ?? false, json)
    default:
      throw wrongWords(`daemon takes ${RULES.words}, not \`${positionals[0]}\``, RULES)
  }
}

async function requireStatus(): Promise<DaemonStatus> {
  const client = await connectIfRunning()
  if (client === null) throw new FailureError({ kind: 'daemon-not-running' })
  try {
    return await client.call('daemon.status', {})
  } finally {
    client.close()
  }
}

function printStatus(status: DaemonStatus, json: boolean): number {
  const { pid, version, home, startedAt, tasks, agents } = status
  if (json) printJson(status)
  else {
    const age = formatSpan(Date.now() - startedAt)
    console.log(
      `The daemon ${version} has been running for ${age} (process ${pid}), with ${countOf(agents, 'agent')} at work of ${countOf(tasks, 'task')}.`,
    )
    console.log(`Its folder: ${home}`)
  }
  return EXIT.done
}

async function stopDaemon(all: boolean, json: boolean): Promise<number> {
  const client = await connectIfRunning()
  if (client === null) {
    if (json) printJson({ pid: null, agentsLeft: 0, agentsEnded: 0 })
    else console.log('No daemon is running.')
    return EXIT.done
  }
  try {
    const { pid } = await client.call('daemon.status', {})
    const stopped = await client.call('daemon.stop', { all })
    await waitForEnd(pid)
    if (json) printJson({ pid, ...stopped })
    else console.log(describeStop(stopped))
    return EXIT.done
  } finally {
    client.close()
  }
}

function describeStop({ agentsLeft, agentsEnded }: { readonly agentsLeft: number; readonly agentsEnded: number }): string {
  if (agentsEnded > 0) return `The daemon is stopped, and ${countOf(agentsEnded, 'agent')} with it.`
  if (agentsLeft === 0) return 'The daemon is stopped. No agent was at work.'
  const go = agentsLeft === 1 ? '1 agent goes on' : `${agentsLeft} agents go on`
  return `The daemon is stopped. ${go} without it; the next heddle command takes over from there.`
}

/** So that what is typed next does not find it half gone. */
async function waitForEnd(pid: number): Promise<void> {
  const endMs = Date.now() + LONGEST_END_MS
  while (isRunning(pid) && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
