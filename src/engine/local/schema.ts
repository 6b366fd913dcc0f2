import { DatabaseSync } from 'node:sqlite'

/**
 * Opens the journal's file, and brings it to this version's schema. Throws when another engine has it open, or when a
 * newer Heddle wrote it: guessing at a newer schema could repeat effects that were done.
 */
export function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path)
  try {
    // Exclusive, because two engines on one journal would do every effect twice; it also spares the shared-memory file.
    // NORMAL survives a killed process; a power cut can lose the last commits, and their steps are then done again.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    migrate(database, path)
    return database
  } catch (error) {
    database.close()
    if (isBusy(error)) throw new Error(`The journal ${path} is in use by another engine`, { cause: error })
    throw error
  }
}

/** One entry per version: the first makes version 1 out of an empty file, the next version 2 out of that, and so on. */
const migrations: readonly string[] = [
  `
  CREATE TABLE runs (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    input TEXT NOT NULL,
    priority REAL NOT NULL,
    parent TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL DEFAULT 'running',
    outcome TEXT
  );
  CREATE INDEX unfinished ON runs (priority DESC, seq) WHERE state = 'running';

  CREATE TABLE steps (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT,
    input TEXT,
    lane TEXT,
    since_ms REAL NOT NULL,
    due_ms REAL,
    begun INTEGER NOT NULL,
    ended INTEGER,
    output TEXT,
    error TEXT
  );
  CREATE INDEX steps_of_run ON steps (run);
  CREATE INDEX in_lane ON steps (id) WHERE lane IS NOT NULL AND ended IS NULL;

  CREATE TABLE signals (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL
  );
  CREATE INDEX signals_of_run ON signals (run);
  `,
]

function migrate(database: DatabaseSync, path: string): void {
  database.exec('BEGIN EXCLUSIVE')
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version > migrations.length) {
    const known = `this one knows versions up to ${migrations.length}`
    throw new Error(`The journal ${path} was written by a newer Heddle (schema version ${version}, ${known}); upgrade Heddle`)
  }
  for (const step of migrations.slice(version)) database.exec(step)
  database.exec(`PRAGMA user_version = ${migrations.length}; COMMIT`)
}

function isBusy(error: unknown): boolean {
  const SQLITE_BUSY = 5
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
}
