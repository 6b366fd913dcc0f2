/** Ctrl-B and Ctrl-C end the watching, never the work. */
import { constants } from 'node:os'
import { readFile } from 'node:fs/promises'
import { runCommand } from '../lib/exec.ts'

const CTRL_B = 2
const CTRL_C = 3
const CTRL_Z = 26

export interface DetachKeys {
  /** Resolves when the person wants to go. */
  readonly pressed: Promise<void>
  /** Gives the terminal back. Idempotent. */
  stop(): void
}

export async function listenForDetach(): Promise<DetachKeys> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const { stdin } = process
  let stopped = false
  let raw = false
  const setRaw = (on: boolean): void => {
    if (raw === on) return
    raw = on
    stdin.setRawMode(on)
    if (on) stdin.resume()
    else stdin.pause()
  }
  const onKeys = (keys: Buffer): void => {
    if (keys.includes(CTRL_B) || keys.includes(CTRL_C)) resolve()
    else if (keys.includes(CTRL_Z)) {
      setRaw(false)
      process.kill(process.pid, 'SIGTSTP')
    }
  }
  const onContinue = (): void => void takeKeys()
  const takeKeys = async (): Promise<void> => {
    if (stdin.isTTY && (await isInForeground()) && !stopped) setRaw(true)
  }
  const end = (signal: NodeJS.Signals): void => process.exit(128 + constants.signals[signal])
  const onExit = (): void => setRaw(false)

  stdin.on('data', onKeys)
  stdin.pause()
  process.on('SIGINT', resolve)
  process.on('SIGTERM', end)
  process.on('SIGHUP', end)
  process.on('SIGCONT', onContinue)
  process.on('exit', onExit)
  await takeKeys()
  return {
    pressed: promise,
    stop() {
      if (stopped) return
      stopped = true
      setRaw(false)
      stdin.off('data', onKeys)
      process.off('SIGINT', resolve)
      process.off('SIGTERM', end)
      process.off('SIGHUP', end)
      process.off('SIGCONT', onContinue)
      process.off('exit', onExit)
    },
  }
}

/** A job in the background (`heddle wait fix &`) that touched the terminal would be stopped by it. */
async function isInForeground(): Promise<boolean> {
  if (process.platform !== 'linux') {
    const { stdout } = await runCommand('ps', ['-o', 'pgid=,tpgid=', '-p', String(process.pid)], { timeoutMs: 2000 })
    const [group, foreground] = stdout.trim().split(/\s+/)
    return group !== undefined && group === foreground
  }
  // Fields 5 (group) and 8 (the terminal's foreground group) of proc_pid_stat(5), after the name in brackets.
  const text = await readFile('/proc/self/stat', 'latin1')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields[2] === fields[5]
}

/** What a command says when the person detached from it. */
export function writeDetached(names: readonly string[], comeBack: string): string {
  const [first] = names
  const who =
    names.length === 1 ? `\`${first}\` goes on` : names.length === 0 ? 'the work goes on' : `${names.length} tasks go on`
  return `Detached; ${who}. To come back: ${comeBack}`
}
