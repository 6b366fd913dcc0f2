/** One turn of a plain command: a process of its own that gets the prompt and works in the worktree. */
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { loadTail } from '../lib/files.ts'
import { describeExit, isJobRunning, killJob, loadJob, startJob, waitForJob } from '../lib/job.ts'
import { NO_USAGE } from '../model/task.ts'
import { LetGoError, type TurnHooks, type TurnOutcome, type TurnSpec } from './contract.ts'

/** One environment string may have 128 KiB on Linux (MAX_ARG_STRLEN); longer prompts come on standard input only. */
const MAX_VARIABLE_BYTES = 100 * 1024
const WORDS_BYTES = 16 * 1024
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

export async function isCommandTurnUnderWay(folder: string, key: string, turn: string): Promise<boolean> {
  const job = await loadJob(join(folder, `${key}.${turn}`))
  return job !== null && (await isJobRunning(job))
}

export async function runCommandTurn(spec: TurnSpec, hooks: TurnHooks, clock: Clock, signal: AbortSignal): Promise<TurnOutcome> {
  const { name, argv, env } = spec.program
  const session = `${spec.key}.${spec.turn}`
  const folder = join(spec.folder, session)
  // Each turn is a process that remembers nothing, so each is told everything.
  const prompt = spec.handOver
  let job = await loadJob(folder)
  if (job !== null && job.process === null) {
    await killJob(job, clock, 0)
    job = null
  }
  job ??= await startJob({
    folder,
    attempt: session,
    argv,
    cwd: spec.cwd,
    env: {
      ...spec.env,
      ...env,
      ...(Buffer.byteLength(prompt) <= MAX_VARIABLE_BYTES ? { HEDDLE_PROMPT: prompt } : {}),
      HEDDLE_PROMPT_FILE: join(folder, 'in'),
    },
    startedAt: clock.now(),
    input: { text: prompt },
  })
  await hooks.onSession(session)
  const exit = await waitForJob(job, { clock, signal, maxOutputBytes: MAX_OUTPUT_BYTES, silentMs: spec.stallMs })
  if (exit === 'let-go') {
    if (signal.reason === 'cancelled') await killJob(job, clock)
    throw new LetGoError()
  }
  await killJob(job, clock, exit === 'silent' || exit === 'too-much-output' ? undefined : 0)
  const text = (await loadTail(join(folder, 'out'), WORDS_BYTES)).trim()
  const failed = { ok: false, retry: false, text, usage: NO_USAGE } as const
  if (exit === 'silent') return { ...failed, failure: { kind: 'agent-silent', agent: name, minutes: spec.stallMs / 60_000 } }
  if (exit === 'too-much-output')
    return { ...failed, failure: { kind: 'command-failed', exit: 'it wrote more than 256 MiB', output: text.slice(-2000) } }
  if (exit === 'timed-out' || exit.code !== 0)
    return {
      ...failed,
      failure: {
        kind: 'command-failed',
        exit: exit === 'timed-out' ? 'timed out' : describeExit(exit),
        output: text.slice(-2000),
      },
    }
  return { ok: true, stop: 'exit code 0', text, usage: NO_USAGE }
}
