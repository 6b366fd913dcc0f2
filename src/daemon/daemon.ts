/** Puts the house together: the leaves, the engine that orders them, and the server. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '../engine/contract.ts'
import { createLocalEngine } from '../engine/local/local.ts'
import { systemClock, type Clock } from '../lib/clock.ts'
import { makePrivateFolder } from '../lib/files.ts'
import { socketPath } from '../lib/home.ts'
import { isJobRunning, killJobs, loadJob, type Job } from '../lib/job.ts'
import { closeRunId, taskRunId } from '../model/ids.ts'
import type { Activities, Runs } from '../run/activities.ts'
import { createAdmission } from '../run/admission.ts'
import { runClose } from '../run/close-run.ts'
import { runLanding } from '../run/landing-run.ts'
import { runSettleFailure } from '../run/settle-failure-run.ts'
import { runTask } from '../run/task-run.ts'
import { openDatabase } from '../store/sqlite/database.ts'
import { createStore } from '../store/store.ts'
import { createWorkspaces } from '../workspace/workspace.ts'
import { isCheck } from './check-activity.ts'
import { bindActivities } from './activities.ts'
import { createDispatchDesk } from './dispatch.ts'
import { createFeed } from './feed.ts'
import { createHandlers } from './handlers.ts'
import { startServer } from './server.ts'
import { createViews } from './views.ts'

export interface Daemon {
  /** Lets go of everything without ending any agent; with `all` ends what still runs, then. */
  stop(all?: boolean): Promise<void>
}

/** The caller holds the home's lock. `onStop` is called when somebody asked the daemon to stop. */
export async function startDaemon(options: {
  readonly home: string
  readonly version: string
  readonly onStop: (all: boolean) => void
}): Promise<Daemon> {
  const { home, version, onStop } = options
  const clock = systemClock
  for (const folder of ['sessions', 'worktrees', 'trash']) await makePrivateFolder(join(home, folder))
  // What an earlier daemon had no time to delete. Not the folder itself: what is removed meanwhile is moved into it.
  const trash = join(home, 'trash')
  for (const name of await readdir(trash)) void rm(join(trash, name), { recursive: true, force: true }).catch(console.error)

  const store = createStore(await openDatabase(join(home, 'heddle.db')), clock)
  const workspaces = createWorkspaces(home)
  const admission = createAdmission()
  const feed = createFeed(store)
  const made: { engine?: Engine } = {}
  const engine = createLocalEngine<Activities, Runs>({
    journal: join(home, 'journal.db'),
    clock,
    activities: bindActivities({ home, clock, store, workspaces, admission, engine: () => made.engine!, touch: feed.touch }),
    runs: { task: runTask, landing: runLanding, close: runClose, 'settle-failure': runSettleFailure },
  })
  made.engine = engine
  const views = createViews(store, engine, admission)
  const desk = createDispatchDesk({ home, clock, store, engine, views })
  // A task that was recorded and then lost its daemon before its run began; or whose run broke on a bug.
  for (const task of await store.loadTasks({ open: true })) {
    const run = await engine.status(taskRunId(task.id, task.attempt))
    if (run.state === 'failed') {
      console.error(new Date().toISOString(), 'run', task.name, run.error)
      const failure = { kind: 'internal', message: run.error } as const
      await store.record(task.id, { type: 'task-ended', outcome: 'failed', failure }, `broken/${task.id}/${task.attempt}`)
    } else if ((await engine.status(closeRunId(task.id, task.attempt))).state === 'unknown')
      await engine.start('task', { task: task.id, attempt: task.attempt }, { id: taskRunId(task.id, task.attempt) })
  }
  const handlers = createHandlers({ home, version, clock, store, engine, views, desk, feed, shutDown: onStop })
  const server = await startServer(socketPath(home), handlers)
  admission.endAdoption()
  return {
    async stop(all = false) {
      await server.stop()
      await engine.stop()
      if (all) await endJobs(join(home, 'sessions'), clock)
      await store.close()
    },
  }
}

/**
 * Ends all that runs: agents that wait for a review, and checks of what is landing. Those checks begin anew at the next
 * start, so nothing must be left of them. Call it when the engine has let go, lest an end be taken for a result.
 */
async function endJobs(sessions: string, clock: Clock): Promise<void> {
  const jobs = await Promise.all((await readdir(sessions)).map((name) => loadJob(join(sessions, name))))
  const running: Job[] = []
  for (const job of jobs) if (job !== null && (await isJobRunning(job))) running.push(job)
  await killJobs(running, clock)
  for (const job of running) if (isCheck(job)) await rm(job.folder, { recursive: true, force: true })
}
