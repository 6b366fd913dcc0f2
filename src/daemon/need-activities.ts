/** Waiting for other tasks, finding those that wait, and asking a person when they would wait for ever. */
import { isMet } from '../core/task-state.ts'
import type { Clock } from '../lib/clock.ts'
import { requestIdOf } from '../lib/new-id.ts'
import type { RequestId, RunId, TaskId } from '../model/ids.ts'
import type { Request } from '../model/request.ts'
import type { Task } from '../model/task.ts'
import type { Store } from '../store/contract.ts'
import type { Leaves } from './leaves.ts'
import { withdraw } from './request-activities.ts'

type NeedLeaves = Pick<Leaves, 'store' | 'clock' | 'engine'>

export async function awaitNeeds({ store, clock }: NeedLeaves, id: TaskId, signal: AbortSignal): Promise<null> {
  // Of one that had failed before, nobody has been asked, if nothing waited for it then.
  for (const need of (await store.loadTask(id))?.needs ?? []) await askAboutDependents(store, clock, need)
  return new Promise((resolve, reject) => {
    let needs: readonly TaskId[] = []
    const look = async (): Promise<void> => {
      const task = await store.loadTask(id)
      needs = task?.needs.filter((need) => !task.waived.includes(need)) ?? []
      const states = await Promise.all(needs.map((need) => store.loadTask(need)))
      if (states.every((need) => need !== null && isMet(need))) {
        stop()
        resolve(null)
      }
    }
    const poke = (): void => void look().catch(reject)
    const unsubscribe = store.subscribe(({ task, event }) => {
      if (
        ((event.type === 'task-ended' || event.type === 'change-landed') && needs.includes(task)) ||
        (event.type === 'need-waived' && task === id)
      )
        poke()
    })
    const leave = (): void => {
      stop()
      reject(signal.reason)
    }
    const stop = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', leave)
    }
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    else poke()
  })
}

export async function findDependents(store: Store, id: TaskId): Promise<Task[]> {
  const open = await store.loadTasks({ open: true })
  return open.filter((task) => task.needs.includes(id) && !task.waived.includes(id))
}

/** All that waits for a task, directly or not; each behind those that wait for it. */
export async function findAllDependents(store: Store, id: TaskId): Promise<TaskId[]> {
  const found = new Set<TaskId>()
  const visit = async (one: TaskId): Promise<void> => {
    for (const dependent of await findDependents(store, one)) {
      if (found.has(dependent.id)) continue
      await visit(dependent.id)
      found.add(dependent.id)
    }
  }
  await visit(id)
  return [...found]
}

/** A task has ended: a person is asked about those that wait for it in vain, and no longer about those it waited for. */
export async function settleNeeds({ store, clock, engine }: NeedLeaves, task: Task): Promise<void> {
  await askAboutDependents(store, clock, task.id)
  for (const need of task.needs) {
    if ((await findDependents(store, need)).length > 0) continue
    for (const request of await findFailureRequests(store, need)) {
      // One that is being carried out is closed by that.
      const settling = await engine().status(settleRunId(request.id))
      if (request.closed === null && settling.state === 'unknown') await withdraw(store, clock, need, request.id)
    }
  }
}

export const settleRunId = (request: RequestId): RunId => `settle/${request}` as RunId

/** If tasks wait for one that has not succeeded, asks a person what becomes of them. Idempotent. */
async function askAboutDependents(store: Store, clock: Clock, id: TaskId): Promise<void> {
  const task = await store.loadTask(id)
  if (task === null || task.end === null || isMet(task)) return
  const dependents = await findDependents(store, id)
  const earlier = await findFailureRequests(store, id)
  if (dependents.length === 0 || earlier.some((request) => request.closed === null)) return
  const names = dependents.map((one) => `\`${one.name}\``).join(', ')
  const text = `\`${task.name}\` is ${task.end.outcome}, and ${names} ${dependents.length === 1 ? 'waits' : 'wait'} for it: retry it, drop what waits, or go on without it?`
  const key = `unmet/${id}/${earlier.length}`
  const answers = ['retry', 'drop', 'go-on']
  const about = { task: id, kind: 'failure', text, answers, run: null, openedAt: clock.now(), closed: null } as const
  await store.record(id, { type: 'request-opened', request: { id: requestIdOf(key), ...about } }, key)
}

const findFailureRequests = async (store: Store, task: TaskId): Promise<Request[]> =>
  (await store.loadRequests({ task })).filter((request) => request.kind === 'failure')
