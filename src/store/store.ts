import type { Kysely, Transaction } from 'kysely'
import type { Clock } from '../lib/clock.ts'
import { applyEvent, type RecordedEvent, type TaskEvent } from '../model/event.ts'
import type { RequestId, TaskId } from '../model/ids.ts'
import type { Request } from '../model/request.ts'
import type { Task } from '../model/task.ts'
import type { Store } from './contract.ts'
import type { Tables } from './tables.ts'

/** The store on any database that Kysely speaks. */
export function createStore(db: Kysely<Tables>, clock: Clock): Store {
  const listeners = new Set<(event: RecordedEvent) => void>()
  const announce = (event: RecordedEvent): void => {
    for (const listener of listeners) listener(event)
  }

  return {
    async record(task, event, key) {
      const recorded = await db.transaction().execute((transaction) => recordIn(transaction, task, event, key, clock.now()))
      if (recorded !== null) announce(recorded)
      return recorded
    },

    async addTasks(tasks) {
      const outcome = await db.transaction().execute(async (transaction) => {
        const events: RecordedEvent[] = []
        for (const task of tasks) {
          const taken = await transaction
            .selectFrom('tasks')
            .select('id')
            .where('repo', '=', task.repo)
            .where('name', '=', task.name)
            .executeTakeFirst()
          if (taken !== undefined && taken.id !== task.id) return task.name
          const recorded = await recordIn(transaction, task.id, { type: 'task-added', task }, `${task.id}/added`, clock.now())
          if (recorded !== null) events.push(recorded)
        }
        return events
      })
      if (typeof outcome === 'string') return outcome
      for (const event of outcome) announce(event)
      return null
    },

    async loadTask(id) {
      const row = await db.selectFrom('tasks').select('body').where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : parse<Task>(row.body)
    },

    async loadTasks({ repo, endedAfter, open }) {
      let query = db.selectFrom('tasks').select('body').orderBy('created_at').orderBy('id')
      if (repo !== undefined) query = query.where('repo', '=', repo)
      if (open === true) query = query.where('ended_at', 'is', null)
      if (endedAfter !== undefined)
        query = query.where((where) => where.or([where('ended_at', 'is', null), where('ended_at', '>=', endedAfter)]))
      return (await query.execute()).map((row) => parse<Task>(row.body))
    },

    async findTasks(ref, repo) {
      const candidates = async (exact: boolean): Promise<Task[]> => {
        const end = `${ref}\u{10ffff}`
        let query = db.selectFrom('tasks').select('body').orderBy('created_at')
        query = query.where((where) =>
          exact
            ? where.or([where('id', '=', ref), where('name', '=', ref)])
            : where.or([
                where.and([where('id', '>=', ref), where('id', '<', end)]),
                where.and([where('name', '>=', ref), where('name', '<', end)]),
              ]),
        )
        if (repo !== null) query = query.where('repo', '=', repo)
        return (await query.execute()).map((row) => parse<Task>(row.body))
      }
      const exact = await candidates(true)
      return exact.length > 0 || ref === '' ? exact : candidates(false)
    },

    async loadRequest(id) {
      const row = await db.selectFrom('requests').select('body').where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : parse<Request>(row.body)
    },

    async loadRequests({ task, open }) {
      let query = db.selectFrom('requests').select('body').orderBy('opened_at').orderBy('id')
      if (task !== undefined) query = query.where('task', '=', task)
      if (open !== undefined) query = query.where('open', '=', open ? 1 : 0)
      return (await query.execute()).map((row) => parse<Request>(row.body))
    },

    async loadEvents(task) {
      const rows = await db.selectFrom('events').selectAll().where('task', '=', task).orderBy('seq').execute()
      return rows.map((row) => ({ seq: row.seq, at: row.at, task: row.task as TaskId, event: parse<TaskEvent>(row.body) }))
    },

    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },

    close: () => db.destroy(),
  }
}

async function recordIn(
  db: Transaction<Tables>,
  id: TaskId,
  event: TaskEvent,
  key: string,
  at: number,
): Promise<RecordedEvent | null> {
  if (event.type === 'request-closed' && !(await closeRequest(db, event.request, event))) return null
  const row = await db
    .insertInto('events')
    .values({ task: id, at, key, body: JSON.stringify(event) })
    .onConflict((conflict) => conflict.column('key').doNothing())
    .returning('seq')
    .executeTakeFirst()
  if (row === undefined) return null
  if (event.type === 'request-opened') await insertRequest(db, event.request)
  await fold(db, id, event, at)
  return { seq: row.seq, at, task: id, event }
}

async function fold(db: Transaction<Tables>, id: TaskId, event: TaskEvent, at: number): Promise<void> {
  if (event.type === 'task-added') {
    const { task } = event
    await db
      .insertInto('tasks')
      .values({ id, repo: task.repo, name: task.name, created_at: task.createdAt, ended_at: null, body: JSON.stringify(task) })
      .execute()
    return
  }
  const { body } = await db.selectFrom('tasks').select('body').where('id', '=', id).executeTakeFirstOrThrow()
  const before = parse<Task>(body)
  const after = applyEvent(before, event, at)
  if (after === before) return
  await db
    .updateTable('tasks')
    .set({ body: JSON.stringify(after), ended_at: after.end?.at ?? null })
    .where('id', '=', id)
    .execute()
}

async function insertRequest(db: Transaction<Tables>, request: Request): Promise<void> {
  await db
    .insertInto('requests')
    .values({ id: request.id, task: request.task, opened_at: request.openedAt, open: 1, body: JSON.stringify(request) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

/** False where there is nothing to close. */
async function closeRequest(
  db: Transaction<Tables>,
  id: RequestId,
  event: Extract<TaskEvent, { type: 'request-closed' }>,
): Promise<boolean> {
  const row = await db.selectFrom('requests').select('body').where('id', '=', id).where('open', '=', 1).executeTakeFirst()
  if (row === undefined) return false
  const request: Request = { ...parse<Request>(row.body), closed: event.closed }
  await db
    .updateTable('requests')
    .set({ open: 0, body: JSON.stringify(request) })
    .where('id', '=', id)
    .execute()
  return true
}

const parse = <T>(body: string): T => JSON.parse(body) as T
