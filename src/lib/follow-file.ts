import { watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Clock } from './clock.ts'
import { isMissing } from './files.ts'

/**
 * Calls back soon after anything happens in a folder, and at least every `everyMs`: a watcher can be missing (none left,
 * a file system without them), so it only makes us faster.
 */
export function watchFolder(folder: string, clock: Clock, everyMs: number, onChange: () => void): () => void {
  let stopped = false
  let cancelTimer = (): void => {}
  const arm = (): void => {
    cancelTimer = clock.after(everyMs, () => {
      if (stopped) return
      arm()
      onChange()
    })
  }
  arm()
  let closeWatcher = (): void => {}
  try {
    const watcher = watch(folder, { persistent: false }, () => onChange())
    watcher.on('error', () => watcher.close())
    closeWatcher = () => watcher.close()
  } catch {
    // Out of watchers, or the folder is gone: the timer is enough.
  }
  return () => {
    stopped = true
    cancelTimer()
    closeWatcher()
  }
}

/**
 * Hands on what is in an append-only file, from `offset`, and what is appended to it later. Chunks come in order, one at
 * a time. `drain` resolves when all that was in the file at the time of the call has been handed on.
 */
export function followFile(
  path: string,
  options: {
    readonly offset?: number
    readonly clock: Clock
    readonly everyMs?: number
    readonly onChunk: (chunk: Buffer) => void
  },
): { drain(): Promise<void>; stop(): void } {
  let offset = options.offset ?? 0
  let stopped = false
  let reading: Promise<void> | null = null
  let again = false

  const readOn = async (): Promise<void> => {
    const file = await open(path, 'r').catch((error: unknown) => {
      if (isMissing(error)) return null
      throw error
    })
    if (file === null) return
    try {
      const buffer = Buffer.allocUnsafe(64 * 1024)
      while (!stopped) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
        if (bytesRead === 0) return
        offset += bytesRead
        options.onChunk(buffer.subarray(0, bytesRead))
      }
    } finally {
      await file.close()
    }
  }
  const poke = (): Promise<void> => {
    if (reading !== null) {
      again = true
      return reading
    }
    reading = (async () => {
      do {
        again = false
        await readOn()
      } while (again && !stopped)
    })().finally(() => {
      reading = null
    })
    return reading
  }

  const stopWatching = watchFolder(dirname(path), options.clock, options.everyMs ?? 500, () => void poke().catch(() => {}))
  void poke().catch(() => {})
  return {
    async drain() {
      await poke()
    },
    stop() {
      stopped = true
      stopWatching()
    },
  }
}
