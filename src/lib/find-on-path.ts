import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'

/** Where commands are looked up. A command with a `/` is looked for in each folder in turn, others on the PATH. */
export interface CommandPlaces {
  readonly path: string
  readonly folders: readonly string[]
}

/** The absolute path of an executable file, as a shell would find it; null when there is none. */
export function findOnPath(command: string, { path, folders }: CommandPlaces): string | null {
  const candidates = command.includes('/')
    ? folders.map((folder) => resolve(folder, command))
    : path
        .split(delimiter)
        .flatMap((entry) => (entry === '' || folders[0] === undefined ? [] : [resolve(folders[0], entry, command)]))
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
