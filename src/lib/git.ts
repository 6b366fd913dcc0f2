/**
 * The only caller of git. Every call is made the same way for every user: no hooks (a user's hook belongs to the user's
 * own commits, not to Heddle's), no prompts, no signing, no pager, messages in English, names of files unquoted.
 */
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { failed, ok, type Result } from '../model/failure.ts'
import { runCommand, type CommandResult } from './exec.ts'

const CONFIG = [
  'core.hooksPath=/dev/null',
  'commit.gpgSign=false',
  'core.quotePath=false',
  'gc.auto=0',
  'advice.detachedHead=false',
  'core.fsmonitor=false',
  'rerere.enabled=false',
  'rebase.autoStash=false',
  'rebase.autoSquash=false',
  'rebase.updateRefs=false',
  'rebase.rebaseMerges=false',
  'color.ui=false',
  'log.showSignature=false',
  'status.showUntrackedFiles=normal',
  'submodule.recurse=false',
  'merge.conflictStyle=merge',
]

export interface GitOptions {
  readonly input?: string
  readonly env?: Record<string, string>
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Looks for the repository above `cwd`, too. Else `cwd` must be the top of a worktree, lest a broken one turn us to its parents. */
  readonly discover?: boolean
}

/** Runs git and gives the whole result, whatever its exit code. */
export function runGit(cwd: string, args: readonly string[], options: GitOptions = {}): Promise<CommandResult> {
  return runCommand('git', [...CONFIG.flatMap((entry) => ['-c', entry]), ...args], {
    cwd,
    env: { ...gitEnvironment(), ...(options.discover === true ? {} : { GIT_CEILING_DIRECTORIES: dirname(cwd) }), ...options.env },
    ...(options.input === undefined ? {} : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
}

/** Runs git and gives its standard output without the last line end; a non-zero exit is a failure. */
export async function git(cwd: string, args: readonly string[], options: GitOptions = {}): Promise<Result<string>> {
  const result = await runGit(cwd, args, options)
  if (result.code === 0 && result.problem === null) return ok(result.stdout.replace(/\n$/, ''))
  const isGone = result.problem === 'not-found' && !existsSync(cwd)
  return failed({
    kind: 'git-failed',
    command: `git ${args.join(' ')}`,
    output: isGone ? `the folder ${cwd} is gone` : describeOutcome(result),
  })
}

export function describeOutcome(result: CommandResult): string {
  if (result.problem === 'not-found') return 'git was not found on PATH; install it'
  return (
    [result.stderr.trim(), result.stdout.trim(), result.problem ?? ''].filter((part) => part !== '').join('\n') ||
    `exit code ${result.code}`
  )
}

/** Splits what git prints with `-z`. */
export const splitZ = (text: string): string[] => text.split('\0').filter((part) => part !== '')

/** Our own environment without the variables by which a caller (a hook, say) points git at another repository. */
function gitEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_EDITOR: 'true',
    GIT_OPTIONAL_LOCKS: '0',
  }
  for (const name of [
    'GIT_DIR',
    'GIT_WORK_TREE',
    'GIT_INDEX_FILE',
    'GIT_OBJECT_DIRECTORY',
    'GIT_COMMON_DIR',
    'GIT_PREFIX',
    'GIT_NAMESPACE',
    'GIT_QUARANTINE_PATH',
  ]) {
    delete env[name]
  }
  return env
}
