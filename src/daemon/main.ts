/**
 * The daemon's process. Tells whoever started it, with one line of JSON on standard output, that it is ready, that another
 * one runs, or why it cannot start; later it writes only to its log, which is its standard error.
 */
import { access, chmod, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createRequire } from 'node:module'
import { systemClock } from '../lib/clock.ts'
import { heddleHome } from '../lib/home.ts'
import type { Failure } from '../model/failure.ts'
import { startDaemon, type Daemon } from './daemon.ts'
import { takeLock } from './lock.ts'
import { succeed } from './predecessor.ts'

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
const home = heddleHome()

// Whoever started us may have gone.
process.stdout.on('error', () => {})
const tell = (message: { ready: true } | { running: true } | { failure: Failure }): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
const fail = (failure: Failure): never => {
  tell({ failure })
  process.exit(1)
}

await main()

async function main(): Promise<void> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 })
    await access(home, constants.W_OK | constants.X_OK)
    // Prompts, transcripts and the shells' environments are nobody else's business.
    await chmod(home, 0o700)
  } catch (error) {
    return fail({ kind: 'home-not-writable', path: home, reason: (error as NodeJS.ErrnoException).code ?? String(error) })
  }
  const lock = takeLock(join(home, 'lock'))
  if (lock === null) {
    tell({ running: true })
    process.exit(0)
  }
  // A terminal that closes is no reason to end.
  process.on('SIGHUP', () => {})
  process.on('unhandledRejection', (error) => console.error(new Date().toISOString(), 'unhandled rejection', error))

  let daemon: Daemon | null = null
  let stopping = false
  const stop = async (all = false): Promise<void> => {
    if (stopping) return
    stopping = true
    await daemon?.stop(all)
    lock.release()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
  try {
    await succeed(home, systemClock)
    daemon = await startDaemon({ home, version, onStop: (all) => void stop(all) })
  } catch (error) {
    console.error(error)
    return fail({
      kind: 'daemon-unreachable',
      reason: error instanceof Error ? error.message : String(error),
      log: join(home, 'daemon.log'),
    })
  }
  tell({ ready: true })
}
