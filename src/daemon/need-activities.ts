/** Waiting for other tasks, and finding those that wait. */
import { isMet } from '../core/task-state.ts'
import type { TaskId } from '../model/ids.ts'
import type { Task } from '../model/task.ts'
import type { Store } from '../store/contract.ts'

export function awaitNeeds(store: Store, id: TaskId, signal: AbortSignal): Promise<null> {
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
