/** Finds the daemon of the state folder, and starts it where none runs. */
import { lstatSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { heddleHome, socketPath } from '../lib/home.ts'
import { failed, ok, type Failure, type Result } from '../model/failure.ts'
import { createClient, type Client } from './client.ts'

/** How long daemons may stand in each other's way: one that ends holds the lock until its last record is written. */
const LONGEST_START_MS = 20_000
const RETRY_MS = 25
/** How often to ask for the socket of another daemon, before we try again to start one. */
const RETRIES = 20
const SLOW_START_MS = 1000

/** A client of the running daemon, or of one that is started for it. `onSlowStart` is called when that takes over a second. */
export async function connect(onSlowStart: () => void = () => {}): Promise<Result<Client>> {
  const home = heddleHome()
  const found = await openSocket(home)
  if (!found.ok) return found
  if (found.value !== null) return ok(createClient(found.value, logPath(home)))

  const slow = setTimeout(onSlowStart, SLOW_START_MS)
  try {
    return await startAndConnect(home)
  } finally {
    clearTimeout(slow)
  }
}

/** Null where no daemon runs, or one that we may not talk to. */
export async function connectIfRunning(): Promise<Client | null> {
  const home = heddleHome()
  const found = await openSocket(home)
  return found.ok && found.value !== null ? createClient(found.value, logPath(home)) : null
}

async function startAndConnect(home: string): Promise<Result<Client>> {
  // Loaded only now: most commands find a daemon.
  const { startDaemon } = await import('./start-daemon.ts')
  const endMs = Date.now() + LONGEST_START_MS
  for (;;) {
    const failure = await startDaemon(home, logPath(home))
    if (failure !== null) return failed(failure)
    // Either ours is ready, or another one holds the lock, and is about to listen or to end.
    for (let tries = 0; tries < RETRIES; tries++) {
      const found = await openSocket(home)
      if (!found.ok) return found
      if (found.value !== null) return ok(createClient(found.value, logPath(home)))
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
    if (Date.now() > endMs) return failed(unreachable(home, `another daemon holds ${join(home, 'lock')}, but does not answer`))
  }
}

/** Null when nothing listens. */
async function openSocket(home: string): Promise<Result<Socket | null>> {
  const path = socketPath(home)
  if (dirname(path) !== home && isForeign(dirname(path))) {
    return failed(unreachable(home, `${dirname(path)} belongs to another user`))
  }
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(ok(socket))
    })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const nothing = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'ENOTDIR'].includes(error.code ?? '')
      resolve(nothing ? ok(null) : failed(unreachable(home, error.message)))
    })
  })
}

/** In the folder for temporary files anybody could have made that folder, to be told our environment. */
function isForeign(folder: string): boolean {
  const found = lstatSync(folder, { throwIfNoEntry: false })
  return found !== undefined && (!found.isDirectory() || found.uid !== process.getuid?.())
}

const logPath = (home: string): string => join(home, 'daemon.log')
const unreachable = (home: string, reason: string): Failure => ({ kind: 'daemon-unreachable', reason, log: logPath(home) })
