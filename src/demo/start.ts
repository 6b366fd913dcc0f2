/**
 * `npm start`: the demonstration. All of it is in a temporary folder, also Heddle's state, so that a daemon that the user
 * has is not touched. Nothing of it stays, neither process nor file, unless `--keep` says so; after a failure the files do.
 */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { findOnPath } from '../lib/find-on-path.ts'
import { EXIT } from '../model/failure.ts'
import { runDemo } from './demo.ts'
import { writeFailure, writeKept, writeNextSteps, type Place } from './report.ts'
import { stopDaemon } from './stop-daemon.ts'

const CLONE = resolve(import.meta.dirname, '../..')
const HELP = `Usage: npm start [-- --keep]

Lets scripted agents work at five tasks in a sample project, and lands them. Needs no key and no network.

  --keep  leave the daemon and the folder there, to look at`

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) return tell(HELP, EXIT.done)
  const unknown = args.find((arg) => arg !== '--keep')
  if (unknown !== undefined) return tell(`unknown argument ${unknown}\n\n${HELP}`, EXIT.words)

  const interrupted = listenForSignals()
  const place = await makePlace()
  try {
    await runDemo(place, interrupted)
  } catch (error) {
    if (interrupted.aborted) console.error('\nEnding the agents, and removing what there is…')
    await stopDaemon().catch((problem: Error) => console.error(problem.message))
    if (!interrupted.aborted) return tell(writeFailure(error, place, CLONE), EXIT.failed)
    await rm(place.folder, { recursive: true, force: true, maxRetries: 3 })
    return 128 + constants.signals[interrupted.reason as NodeJS.Signals]
  }
  if (args.includes('--keep')) tell(writeKept(place, CLONE), EXIT.done)
  else {
    await stopDaemon()
    await rm(place.folder, { recursive: true, force: true, maxRetries: 3 })
  }
  return tell(writeNextSteps(CLONE, findAgent()), EXIT.done)
}

function tell(text: string, code: number): number {
  if (code === EXIT.done) console.log(`${text}\n`)
  else console.error(text)
  return code
}

/** Aborted by the first signal that asks us to end, which is the reason. Cleaning up is short, so further ones change nothing. */
function listenForSignals(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort(signal))
  }
  return controller.signal
}

/** Also points this process, and so all that it starts, at a state folder of its own. */
async function makePlace(): Promise<Place> {
  // As git will name it: on macOS the folder for temporary files is a link.
  const folder = await mkdtemp(join(await realpath(tmpdir()), 'heddle-demo-'))
  process.env.HEDDLE_HOME = join(folder, 'home')
  // Node runs no tests within what it takes for a test, and ours may be one.
  delete process.env.NODE_TEST_CONTEXT
  return { folder, repo: join(folder, 'timesheet'), plan: join(folder, 'plan.yaml'), home: process.env.HEDDLE_HOME }
}

/** One that would start here; else the first that people have. */
function findAgent(): string {
  const isInstalled = (command: string): boolean => findOnPath(command, { path: process.env.PATH ?? '', folders: ['/'] }) !== null
  return !isInstalled('claude-agent-acp') && isInstalled('codex-acp') ? 'codex' : 'claude'
}

// A terminal that was closed, or a `head` that has seen enough, must not keep us from cleaning up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
process.exit(await main(process.argv.slice(2)))
