/**
 * The environments of the shells that dispatched tasks. A task's agent and checks run with the one of its own shell, also
 * after the daemon was restarted from another. They hold keys and tokens, so they are files that only the user can read.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { exists, loadText, makePrivateFolder, writeFileAtomically } from '../lib/files.ts'
import { parseJson } from '../lib/json-lines.ts'

export type Environment = Readonly<Record<string, string>>

/** What belongs to the shell or to another run of Heddle, and not to the work. */
const LEFT_OUT = /^(HEDDLE_.*|_|SHLVL|PWD|OLDPWD|TMUX.*|STY|WINDOWID|TERM_SESSION_ID|NODE_CHANNEL_FD|NODE_TEST_CONTEXT)$/
/** A hook's shell has these (git-rev-parse(1), --local-env-vars): with them an agent's commits would go to the user's checkout. */
const OTHER_REPOSITORY =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|PREFIX|NAMESPACE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|QUARANTINE_PATH|GRAFT_FILE|SHALLOW_FILE|IMPLICIT_WORK_TREE)$/

export async function saveEnvironment(home: string, env: Environment): Promise<string> {
  const kept = Object.fromEntries(
    Object.entries(env)
      .filter(([name]) => !LEFT_OUT.test(name) && !OTHER_REPOSITORY.test(name))
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
  const text = JSON.stringify(kept)
  const name = createHash('sha256').update(text).digest('hex').slice(0, 24)
  const path = pathOf(home, name)
  await makePrivateFolder(join(home, 'environments'))
  if (!(await exists(path))) await writeFileAtomically(path, text)
  return name
}

export async function loadEnvironment(home: string, name: string): Promise<Environment> {
  const saved = parseJson((await loadText(pathOf(home, name))) ?? '')
  return typeof saved === 'object' && saved !== null ? (saved as Environment) : { PATH: process.env.PATH ?? '' }
}

const pathOf = (home: string, name: string): string => join(home, 'environments', `${name}.json`)
