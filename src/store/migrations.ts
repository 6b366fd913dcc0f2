import { sql, type Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** One entry a version, oldest first; a database's version is how many it has been through. Never change a past entry. */
export const MIGRATIONS: readonly ((db: Kysely<Tables>) => Promise<void>)[] = [
  async (db) => {
    await db.schema
      .createTable('tasks')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('repo', 'text', (column) => column.notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .addColumn('ended_at', 'integer')
      .addColumn('body', 'text', (column) => column.notNull())
      .addUniqueConstraint('tasks_name', ['repo', 'name'])
      .execute()
    await db.schema.createIndex('tasks_by_end').on('tasks').columns(['ended_at']).execute()
    await db.schema
      .createTable('requests')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('task', 'text', (column) => column.notNull())
      .addColumn('opened_at', 'integer', (column) => column.notNull())
      .addColumn('open', 'integer', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('requests_open').on('requests').column('opened_at').where(sql.ref('open'), '=', 1).execute()
    await db.schema.createIndex('requests_by_task').on('requests').column('task').execute()
    await db.schema
      .createTable('events')
      .addColumn('seq', 'integer', (column) => column.primaryKey().autoIncrement())
      .addColumn('task', 'text', (column) => column.notNull())
      .addColumn('at', 'integer', (column) => column.notNull())
      .addColumn('key', 'text', (column) => column.notNull().unique())
      .addColumn('body', 'text', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('events_by_task').on('events').columns(['task', 'seq']).execute()
  },
]
