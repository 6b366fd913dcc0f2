import { homedir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

/** Heddle's state folder: `HEDDLE_HOME`, else `heddle` in the XDG state folder. Absolute; need not exist. */
export function heddleHome(env: NodeJS.ProcessEnv = process.env): string {
  if (env.HEDDLE_HOME) return resolve(env.HEDDLE_HOME)
  return join(env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'heddle')
}

/**
 * Where the daemon of that home listens: `daemon.sock` in it. A socket's path may have 107 bytes at most on Linux and 103
 * on macOS (`sun_path` in unix(7)), so a long home gets a short path of its own in the folder for temporary files.
 */
export function socketPath(home: string): string {
  const path = join(home, 'daemon.sock')
  if (Buffer.byteLength(path) <= 100) return path
  // Loaded only here: it would add 4 ms to the start of every command.
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256').update(home).digest('hex').slice(0, 16)
  // Not $TMPDIR, which may differ from shell to shell, and be as long.
  return join('/tmp', `heddle-${userInfo().uid}`, `${hash}.sock`)
}
