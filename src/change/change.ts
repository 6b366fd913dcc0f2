/** What a task's branch holds against its base. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { exists } from '../lib/files.ts'
import { describeOutcome, git, runGit, splitZ } from '../lib/git.ts'
import type { Change } from '../model/change.ts'
import { failed, ok, type Result } from '../model/failure.ts'
import type { GitHash } from '../model/ids.ts'

/** Used only where git knows no user. */
const FALLBACK = { name: 'Heddle', email: 'heddle@localhost' }

/**
 * Commits what the worktree holds beyond its branch (what git ignores excepted), and measures the change. Null: there is
 * none. Idempotent. An agent that left its branch is brought back with what it made.
 */
export async function commitAll(spec: {
  path: string
  branch: string
  base: GitHash
  message: string
}): Promise<Result<Change | null>> {
  const { path, branch, base, message } = spec
  await clearStaleLock(path)
  const attached = await attach(path, branch)
  if (!attached.ok) return attached
  const added = await runGit(path, ['add', '--all', '--', ':/'])
  const unborn = /'(.*)\/' does not have a commit checked out/.exec(added.stderr)?.[1]
  if (unborn !== undefined) return failed({ kind: 'nested-repository', paths: [unborn] })
  if (added.code !== 0) return failed({ kind: 'git-failed', command: 'git add --all', output: describeOutcome(added) })
  const staged = await runGit(path, ['diff', '--cached', '--quiet'])
  if (staged.code !== 0) {
    const committed = await git(path, ['commit', '--quiet', '--no-verify', '--cleanup=verbatim', '-F', '-'], {
      input: `${message}\n`,
      env: await identity(path),
    })
    if (!committed.ok) return committed
  }
  const nested = await findNested(path)
  return nested.length > 0 ? failed({ kind: 'nested-repository', paths: nested }) : measureChange(path, base, 'HEAD')
}

/** Repositories within the worktree: a commit would hold no more of them than the name of a commit. */
async function findNested(path: string): Promise<string[]> {
  const listed = await runGit(path, ['ls-tree', '-r', '-z', 'HEAD'])
  return splitZ(listed.stdout).flatMap((line) => (line.startsWith('160000 ') ? [line.slice(line.indexOf('\t') + 1)] : []))
}

/** A git that was killed leaves its lock on the index. The turn is over, so one that stays for two seconds belongs to nobody. */
async function clearStaleLock(path: string): Promise<void> {
  const folder = await git(path, ['rev-parse', '--absolute-git-dir'])
  if (!folder.ok) return
  const lock = join(folder.value, 'index.lock')
  for (let tries = 0; tries < 20 && (await exists(lock)); tries++) await setTimeout(100)
  await rm(lock, { force: true })
}

/** An unfinished rebase or merge of the agent's is left behind; what its files hold is kept. */
async function attach(path: string, branch: string): Promise<Result<null>> {
  const head = await runGit(path, ['symbolic-ref', '--quiet', 'HEAD'])
  if (head.stdout.trim() === `refs/heads/${branch}`) return ok(null)
  const tip = await git(path, ['rev-parse', 'HEAD'])
  if (!tip.ok) return tip
  for (const operation of ['rebase', 'merge', 'cherry-pick', 'revert']) await runGit(path, [operation, '--quit'])
  const moved = await git(path, ['update-ref', '-m', 'heddle: the agent left its branch', `refs/heads/${branch}`, tip.value])
  if (!moved.ok) return moved
  const pointed = await git(path, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`])
  return pointed.ok ? ok(null) : pointed
}

/** Null when both trees are the same. */
async function measureChange(path: string, base: GitHash, tip: string): Promise<Result<Change | null>> {
  const named = await git(path, ['rev-parse', `${tip}^{commit}`, `${tip}^{tree}`, `${base}^{tree}`])
  if (!named.ok) return named
  const [commit, tree, baseTree] = named.value.split('\n') as GitHash[]
  if (tree === baseTree) return ok(null)
  const counted = await git(path, ['diff', '--numstat', '-z', '--no-renames', base, commit!])
  if (!counted.ok) return counted
  const rows = splitZ(counted.value).map((row) => row.split('\t'))
  const sum = (column: number): number => rows.reduce((total, row) => total + (Number(row[column]) || 0), 0)
  return ok({ commit: commit!, tree: tree!, base, files: rows.length, insertions: sum(0), deletions: sum(1) })
}

/** Drops what a check left in the worktree, ignored files excepted: they may be dear (dependencies, caches). */
export async function dropLeftovers(path: string, commit: GitHash): Promise<Result<null>> {
  const reset = await git(path, ['reset', '--hard', '--quiet', commit])
  if (!reset.ok) return reset
  const cleaned = await git(path, ['clean', '-fdq'])
  return cleaned.ok ? ok(null) : cleaned
}

export async function formatDiff(repo: string, from: GitHash, to: GitHash, stat: boolean): Promise<Result<string>> {
  const diff = await git(repo, ['diff', '--no-color', '--no-ext-diff', ...(stat ? ['--stat'] : []), from, to])
  return diff.ok && diff.value !== '' ? ok(`${diff.value}\n`) : diff
}

/** The user's own identity where git knows one. */
export async function identity(path: string): Promise<Record<string, string>> {
  const [name, email] = await Promise.all(
    ['user.name', 'user.email'].map(async (key) => (await runGit(path, ['config', '--get', key])).stdout.trim()),
  )
  const who = name !== '' && email !== '' ? { name: name!, email: email! } : FALLBACK
  return { GIT_AUTHOR_NAME: who.name, GIT_AUTHOR_EMAIL: who.email, GIT_COMMITTER_NAME: who.name, GIT_COMMITTER_EMAIL: who.email }
}
