/** Who wants to know that something about a task has changed: events of the store, and what no event tells. */
import type { RecordedEvent } from '../model/event.ts'
import type { TaskId } from '../model/ids.ts'
import { findDependents } from './need-activities.ts'
import type { Store } from '../store/contract.ts'

export interface Feed {
  touch(task: TaskId): void
  /** `event` is null where something has begun that no event tells. */
  subscribe(listener: (task: TaskId, event: RecordedEvent | null) => void): () => void
}

export function createFeed(store: Store): Feed {
  const listeners = new Set<(task: TaskId, event: RecordedEvent | null) => void>()
  const tell = (task: TaskId, event: RecordedEvent | null): void => {
    for (const listener of listeners) listener(task, event)
  }
  store.subscribe((recorded) => {
    tell(recorded.task, recorded)
    if (!['change-landed', 'task-ended', 'task-retried'].includes(recorded.event.type)) return
    // What waits for this task does something else from now on.
    void findDependents(store, recorded.task).then((dependents) => {
      for (const dependent of dependents) tell(dependent.id, null)
    }, console.error)
  })
  return {
    touch: (task) => setImmediate(tell, task, null),
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
