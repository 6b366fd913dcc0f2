import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { loadTail } from '../lib/files.ts'
import { describeExit, findEndMs, killJob, loadJob, startJob, waitForJob } from '../lib/job.ts'
import type { Evidence } from '../model/change.ts'
import type { GitHash } from '../model/ids.ts'

export interface CheckSpec {
  /** Where its job lives. The same folder again adopts the check that runs there, or reads the result of one that ended. */
  readonly folder: string
  readonly attempt: string
  /** Run by `/bin/sh -c`. */
  readonly command: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly tree: GitHash
  readonly timeoutMs: number
}

const OUTPUT_BYTES = 16 * 1024
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024

/**
 * Runs a check to its end, in a process tree of its own of which nothing lives on. Null when `signal` made it let go;
 * with the reason `cancelled` the check has been ended, too.
 */
export async function runCheck(spec: CheckSpec, clock: Clock, signal: AbortSignal): Promise<Evidence | null> {
  let job = await loadJob(spec.folder)
  if (job !== null && job.process === null) {
    // The daemon died between the two; whatever came of it is ended, and the check begins anew.
    await killJob(job, clock, 0)
    job = null
  }
  const began = job?.startedAt ?? clock.now()
  job ??= await startJob({
    folder: spec.folder,
    attempt: spec.attempt,
    argv: ['/bin/sh', '-c', spec.command],
    cwd: spec.cwd,
    env: spec.env,
    input: { text: '' },
    startedAt: began,
  })
  const exit = await waitForJob(job, {
    clock,
    signal,
    timeoutMs: Math.max(0, began + spec.timeoutMs - clock.now()),
    maxOutputBytes: MAX_OUTPUT_BYTES,
  })
  if (exit === 'let-go') {
    if (signal.reason === 'cancelled') await killJob(job, clock)
    return null
  }
  const ms = ((await findEndMs(job)) ?? clock.now()) - began
  await killJob(job, clock, exit === 'timed-out' || exit === 'too-much-output' ? undefined : 0)
  const output = await loadTail(join(spec.folder, 'out'), OUTPUT_BYTES)
  const about = { check: spec.command, tree: spec.tree, ms }
  if (exit === 'timed-out')
    return { ...about, ok: false, output: `${output}\n[ended after ${spec.timeoutMs / 60_000} minutes (checkMinutes)]` }
  if (exit === 'too-much-output' || exit === 'silent')
    return { ...about, ok: false, output: `${output}\n[ended because it wrote more than 256 MiB]` }
  return {
    ...about,
    ok: exit.code === 0,
    output: exit.code === 0 ? output : `${output}${output === '' || output.endsWith('\n') ? '' : '\n'}[${describeExit(exit)}]`,
  }
}
