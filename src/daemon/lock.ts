import { DatabaseSync } from 'node:sqlite'

/**
 * Takes the lock on a home for as long as this process lives: the kernel gives it back however the process ends, so there
 * is no stale lock. Null when another daemon holds it.
 */
export function takeLock(path: string): { release(): void } | null {
  const database = new DatabaseSync(path)
  try {
    database.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if (error instanceof Error && /locked|busy/i.test(error.message)) return null
    throw error
  }
}
