/** Running a task's checks, in its workspace or on the combined tree. */
import { join } from 'node:path'
import { dropLeftovers } from '../change/change.ts'
import { runCheck } from '../check/run-check.ts'
import type { ActivityContext } from '../engine/contract.ts'
import { git } from '../lib/git.ts'
import { loadJob, type Job } from '../lib/job.ts'
import type { Evidence } from '../model/change.ts'
import { ok, type Result } from '../model/failure.ts'
import type { GitHash } from '../model/ids.ts'
import type { Task } from '../model/task.ts'
import type { Activities } from '../run/activities.ts'
import type { Workspaces } from '../workspace/workspace.ts'
import { loadEnvironment } from './environments.ts'
import { requireWorkspace, workEnvironment, type Leaves } from './leaves.ts'

export async function runChecks(
  leaves: Leaves,
  sessions: string,
  input: Activities['check.run']['input'],
  context: ActivityContext,
): Promise<Result<readonly Evidence[]>> {
  const arrive = leaves.admission.expect()
  try {
    return await runExpectedChecks(leaves, sessions, input, context, arrive)
  } finally {
    arrive()
  }
}

/** `arrive` is called once the checks have asked for their slot. */
async function runExpectedChecks(
  leaves: Leaves,
  sessions: string,
  input: Activities['check.run']['input'],
  context: ActivityContext,
  arrive: () => void,
): Promise<Result<readonly Evidence[]>> {
  const { home, clock, store, workspaces, admission } = leaves
  const task = (await store.loadTask(input.task))!
  const env = await loadEnvironment(home, task.environment)
  let cwd = requireWorkspace(task)
  if (input.where === 'scratch') cwd = workspaces.scratchOf(task.repo, task.name)
  leaves.touch(task.id)
  const prefix = `${task.id}-${task.attempt}-check-${input.label}`
  const underWay = (await loadJob(join(sessions, `${prefix}-1`))) !== null
  const entry = admission.take(
    {
      key: context.attempt,
      task: task.id,
      limit: task.settings.concurrency,
      touches: task.touches,
      repo: task.repo,
      underWay,
      since: clock.now(),
    },
    context.signal,
  )
  arrive()
  const slot = await entry
  leaves.touch(task.id)
  try {
    const evidence: Evidence[] = []
    for (const [index, command] of task.checks.entries()) {
      const folder = join(sessions, `${prefix}-${index + 1}`)
      const one = await runCheck(
        {
          folder,
          attempt: `${prefix}-${index + 1}`,
          command,
          cwd,
          env: workEnvironment(env, task, cwd),
          tree: input.tree,
          timeoutMs: task.settings.checkMinutes * 60_000,
        },
        clock,
        context.signal,
      )
      if (one === null) throw context.signal.reason
      evidence.push(one)
      // After a restart the next one may be at work already, on what was cleaned before it began.
      if ((await loadJob(join(sessions, `${prefix}-${index + 2}`))) !== null) continue
      const clean = await dropWhatChecksLeft(workspaces, task, cwd, input)
      if (!clean.ok) return clean
      if (!one.ok) break
    }
    return ok(evidence)
  } finally {
    slot.release()
  }
}

/** Whether a job is a check, by the name of its folder. */
export const isCheck = (job: Job): boolean => /-check-[^/]*$/.test(job.folder)

async function dropWhatChecksLeft(
  workspaces: Workspaces,
  task: Task,
  cwd: string,
  { where, commit }: { where: string; commit: GitHash },
): Promise<Result<null>> {
  const status = await git(cwd, ['status', '--porcelain', '-z'])
  if (!status.ok) return status
  const head = await git(cwd, ['rev-parse', 'HEAD'])
  if (status.value === '' && head.ok && head.value === commit) return ok(null)
  // It may be a person's, who works in the worktree while its checks run.
  const preserved = where === 'workspace' ? await workspaces.preserve(task.repo, task.name) : ok(null)
  return preserved.ok ? dropLeftovers(cwd, commit) : preserved
}
