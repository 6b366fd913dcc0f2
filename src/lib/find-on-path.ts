import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, resolve } from 'node:path'

/** The absolute path of an executable file, as a shell in `cwd` with that `PATH` would find it; null when there is none. */
export function findOnPath(command: string, path: string, cwd: string): string | null {
  const candidates =
    command.includes('/') || isAbsolute(command)
      ? [resolve(cwd, command)]
      : path
          .split(delimiter)
          .filter((folder) => folder !== '')
          .map((folder) => resolve(cwd, folder, command))
  return candidates.find(isExecutable) ?? null
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
