/** Binds each activity to the leaf that does it. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { commitAll } from '../change/change.ts'
import { advanceBase, bringConflict, findMarkers, rebaseOnto } from '../change/land.ts'
import type { ActivityTable } from '../engine/contract.ts'
import type { Clock } from '../lib/clock.ts'
import { runGit } from '../lib/git.ts'
import { killJobs, loadJob } from '../lib/job.ts'
import { requestIdOf } from '../lib/new-id.ts'
import type { TaskId } from '../model/ids.ts'
import type { Task } from '../model/task.ts'
import type { Activities } from '../run/activities.ts'
import { runChecks } from './check-activity.ts'
import { requireWorkspace, type Leaves } from './leaves.ts'
import { awaitNeeds, findAllDependents, findDependents, settleNeeds } from './need-activities.ts'
import { withdraw } from './request-activities.ts'
import { takeTurn } from './turn-activity.ts'

export function bindActivities(leaves: Leaves): ActivityTable<Activities> {
  const { home, clock, store, workspaces } = leaves
  const requireTask = async (id: TaskId): Promise<Task> => {
    const task = await store.loadTask(id)
    if (task === null) throw new Error(`there is no task ${id}`)
    return task
  }
  const sessions = join(home, 'sessions')

  return {
    'task.load': ({ task }) => requireTask(task),
    'event.record': async ({ task, event }, context) => {
      await store.record(task, event, context.attempt)
      return null
    },
    'needs.await': ({ task }, context) => awaitNeeds(leaves, task, context.signal),
    'workspace.open': async ({ task: id }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      return workspaces.open({ repo: task.repo, name: task.name, branch: task.branch, from: task.base.ref ?? task.base.commit })
    },
    'workspace.close': async ({ task: id, keepBranch }) => {
      const task = await requireTask(id)
      const safe = task.landed !== null ? task.approved : keepBranch ? (task.change?.commit ?? null) : task.baseCommit
      return workspaces.close({ repo: task.repo, name: task.name, branch: task.branch, safe, keepBranch })
    },
    'agent.turn': (input, context) => takeTurn(leaves, sessions, input, context),
    'attempt.end': async ({ task, attempt }) => {
      await endAttempt(sessions, task, attempt, clock)
      return null
    },
    'change.commit': async ({ task: id, note }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      const kept = await workspaces.keepLeftBranch(task.repo, task.name, task.branch)
      if (!kept.ok) return kept
      return commitAll({
        path: requireWorkspace(task),
        branch: task.branch,
        base: task.baseCommit!,
        message: composeMessage(task, note),
      })
    },
    'check.run': (input, context) => runChecks(leaves, sessions, input, context),
    'landing.rebase': async ({ task: id, commit }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      const scratch = await workspaces.openScratch(task.repo, task.name, commit)
      if (!scratch.ok) return scratch
      return rebaseOnto({
        scratch: scratch.value,
        ref: task.base.ref!,
        from: task.baseCommit!,
        commit,
        message: composeMessage(task),
      })
    },
    'landing.advance': async ({ task: id, rebased }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      return advanceBase({ repo: task.repo, ref: task.base.ref!, rebased })
    },
    'landing.close': async ({ task: id }) => {
      const task = await requireTask(id)
      await workspaces.closeScratch(task.repo, task.name)
      return null
    },
    'landing.conflict': async ({ task: id, commit, onto }) => {
      const task = await requireTask(id)
      const preserved = await workspaces.preserve(task.repo, task.name)
      if (!preserved.ok) return preserved
      return bringConflict({ path: requireWorkspace(task), branch: task.branch, from: task.baseCommit!, commit, onto })
    },
    'landing.markers': async ({ task: id, files }) => {
      const task = await requireTask(id)
      const marked = await findMarkers(requireWorkspace(task), task.baseCommit!)
      return files.filter((file) => marked.includes(file))
    },
    'landing.find': async ({ task: id }) => {
      const task = await requireTask(id)
      if (task.landing === null || task.base.ref === null) return null
      const landed = await runGit(task.repo, ['merge-base', '--is-ancestor', task.landing, task.base.ref])
      return landed.code === 0 ? task.landing : null
    },
    'request.open': async ({ task, kind, text, answers, run }, context) => {
      const id = requestIdOf(context.attempt)
      const request = {
        id,
        task,
        kind,
        text: text.replaceAll('answer ID ', `answer ${id} `),
        answers,
        run,
        openedAt: clock.now(),
        closed: null,
      }
      await store.record(task, { type: 'request-opened', request }, context.attempt)
      return id
    },
    'request.close': async ({ task, request, answer, by }, context) => {
      await store.record(task, { type: 'request-closed', request, closed: { answer, by, at: clock.now() } }, context.attempt)
      return null
    },
    'requests.withdraw': async ({ task }) => {
      for (const request of await store.loadRequests({ task, open: true })) await withdraw(store, clock, task, request.id)
      return null
    },
    'needs.settle': async ({ task }) => {
      await settleNeeds(leaves, await requireTask(task))
      return null
    },
    'dependents.find': async ({ task, deep }) =>
      deep ? findAllDependents(store, task) : (await findDependents(store, task)).map((one) => one.id),
    'run.cancel': async ({ run }) => {
      await leaves.engine().cancel(run)
      return null
    },
    'run.start': async ({ run, id, input }) => {
      await leaves.engine().start(run, input as never, { id })
      return null
    },
  }
}

/** What the commit says that holds what an agent left: the prompt's first line, and what this turn was for. */
function composeMessage(task: Task, note = ''): string {
  const title = firstLine(task.prompt) || task.name
  const subject = note === '' ? title : `${cut(title, 40)}: ${firstLine(note)}`
  return `${cut(subject, 72)}\n\nHeddle-Task: ${task.name}`
}

/** Steps are the scripted agent's, and mean nothing to a reader. */
const firstLine = (text: string): string =>
  text
    .replaceAll(/<steps>[^]*?<\/steps>/g, '')
    .trim()
    .split('\n')[0]!
    .trim()

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length - 1)}…` : text)

async function endAttempt(sessions: string, task: TaskId, attempt: number, clock: Clock): Promise<void> {
  const names = (await readdir(sessions)).filter(
    (name) => name.startsWith(`${task}-${attempt}.`) || name.startsWith(`${task}-${attempt}-`),
  )
  const jobs = await Promise.all(names.map((name) => loadJob(join(sessions, name))))
  await killJobs(
    jobs.filter((job) => job !== null),
    clock,
  )
}
