/**
 * The records: tasks, requests and their events. A task's row is the fold of its events, kept in the same transaction,
 * so the two cannot differ.
 */
import type { RequestId, TaskId } from '../model/ids.ts'
import type { RecordedEvent, TaskEvent } from '../model/event.ts'
import type { Request } from '../model/request.ts'
import type { Task } from '../model/task.ts'

export interface Store {
  /**
   * Records an event and folds it into its task. `key` makes it idempotent: a second event with the same key is dropped,
   * and null is returned. A closed request stays closed: a second `request-closed` of it is dropped, too.
   */
  record(task: TaskId, event: TaskEvent, key: string): Promise<RecordedEvent | null>
  /** Adds tasks, all or none. Resolves with the name of one that is taken in its repository, else null. */
  addTasks(tasks: readonly Task[]): Promise<string | null>

  loadTask(id: TaskId): Promise<Task | null>
  /** In the order of their creation. `repo` limits to one repository, `endedAfter` drops those that ended before (Unix ms). */
  loadTasks(filter: { readonly repo?: string; readonly endedAfter?: number; readonly open?: boolean }): Promise<Task[]>
  /** By name, id, or unique prefix of either, in a repository (null: in all); an exact match wins. */
  findTasks(ref: string, repo: string | null): Promise<Task[]>
  loadRequest(id: RequestId): Promise<Request | null>
  /** Oldest first. */
  loadRequests(filter: { readonly task?: TaskId; readonly open?: boolean }): Promise<Request[]>
  loadEvents(task: TaskId): Promise<RecordedEvent[]>

  /** Calls back after each event has been committed, in order. The callback must not throw. */
  subscribe(listener: (event: RecordedEvent) => void): () => void
  close(): Promise<void>
}
