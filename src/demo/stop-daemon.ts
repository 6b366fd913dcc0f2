import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../api/client.ts'
import { connectIfRunning } from '../api/connect.ts'

const LONGEST_STOP_MS = 20_000

/** Ends the daemon of our state folder with all its agents. Resolves when the process is gone; does nothing if there is none. */
export async function stopDaemon(): Promise<void> {
  const end = Date.now() + LONGEST_STOP_MS
  for (;;) {
    const client = await connectIfRunning()
    if (client === null) return
    const pid = await askToStop(client)
    while (pid !== null && isRunning(pid)) {
      // It is the demonstration's own, so that nothing of the user's is lost.
      if (Date.now() > end) process.kill(pid, 'SIGKILL')
      await pause(20)
    }
    if (Date.now() > end) throw new Error('the daemon of the demonstration does not end')
  }
}

/** Gives its pid; null when it went away first. */
async function askToStop(client: Client): Promise<number | null> {
  try {
    const { pid } = await client.call('daemon.status', {})
    // It may be gone before its answer has left.
    await client.call('daemon.stop', { all: true }).catch(() => {})
    return pid
  } catch {
    return null
  } finally {
    client.close()
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
