import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Kysely, SqliteDialect } from 'kysely'
import type { Tables } from '../tables.ts'
import { MIGRATIONS } from '../migrations.ts'

/**
 * Opens the records' database and brings it up to date.
 * @throws Error where a newer version of Heddle made it: it is not touched then.
 */
export async function openDatabase(path: string): Promise<Kysely<Tables>> {
  const sqlite = new DatabaseSync(path)
  sqlite.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000')
  const { user_version: version } = sqlite.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > MIGRATIONS.length) {
    sqlite.close()
    throw new Error(
      `${path} was made by a newer version of Heddle (its format is ${version}, this one knows ${MIGRATIONS.length}); install that version again`,
    )
  }
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: asBetterSqlite(sqlite) }) })
  for (const [index, migrate] of MIGRATIONS.entries()) {
    if (index < version) continue
    await db.transaction().execute(async (transaction) => {
      await migrate(transaction)
      sqlite.exec(`PRAGMA user_version = ${index + 1}`)
    })
  }
  return db
}

/** Kysely's SQLite dialect expects better-sqlite3's shape, which `node:sqlite` nearly has. */
function asBetterSqlite(sqlite: DatabaseSync): ConstructorParameters<typeof SqliteDialect>[0]['database'] {
  return {
    close: () => sqlite.close(),
    prepare(text: string) {
      const statement = sqlite.prepare(text)
      const bind = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[]
      return {
        reader: statement.columns().length > 0,
        all: (parameters: readonly unknown[]) => statement.all(...bind(parameters)),
        run: (parameters: readonly unknown[]) => statement.run(...bind(parameters)),
        iterate: (parameters: readonly unknown[]) => statement.iterate(...bind(parameters)) as IterableIterator<unknown>,
      }
    },
  } as ConstructorParameters<typeof SqliteDialect>[0]['database']
}
