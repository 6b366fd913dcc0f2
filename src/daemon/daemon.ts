/** Puts the house together: the leaves, the engine that orders them, and the server. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Engine } from '../engine/contract.ts'
import { createLocalEngine } from '../engine/local/local.ts'
import { systemClock } from '../lib/clock.ts'
import { makePrivateFolder } from '../lib/files.ts'
import { socketPath } from '../lib/home.ts'
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
import { bindActivities } from './activities.ts'
import { createDispatchDesk } from './dispatch.ts'
import { createFeed } from './feed.ts'
import { createHandlers } from './handlers.ts'
import { startServer } from './server.ts'
import { createViews } from './views.ts'

export interface Daemon {
  /** Lets go of everything without ending any agent. */
  stop(): Promise<void>
}

/** The caller holds the home's lock. `onStop` is called when somebody asked the daemon to stop. */
export async function startDaemon(options: {
  readonly home: string
  readonly version: string
  readonly onStop: () => void
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
  // A task that was recorded and then lost its daemon before its run began.
  for (const task of await store.loadTasks({ open: true })) {
    const closing = await Promise.all(
      (['stopped', 'discarded'] as const).map((as) => engine.status(closeRunId(task.id, task.attempt, as))),
    )
    if (closing.every((status) => status.state === 'unknown'))
      await engine.start('task', { task: task.id, attempt: task.attempt }, { id: taskRunId(task.id, task.attempt) })
  }
  const handlers = createHandlers({ home, version, clock, store, engine, views, desk, feed, shutDown: onStop })
  const server = await startServer(socketPath(home), handlers)
  admission.endAdoption()
  return {
    async stop() {
      await server.stop()
      await engine.stop()
      await store.close()
    },
  }
}
