/** What a repository is like, and whether Heddle can work in it. */
import { realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { git, runGit, splitZ } from '../lib/git.ts'
import { failed, ok, type Result } from '../model/failure.ts'
import type { GitHash } from '../model/ids.ts'
import type { Base } from '../model/task.ts'

const OLDEST_GIT = [2, 39] as const

/** Finds the main worktree of the repository that `path` is in, also from a subfolder or a linked worktree. */
export async function findRepository(path: string): Promise<Result<string>> {
  const shown = await runGit(path, ['rev-parse', '--is-bare-repository', '--git-common-dir', '--is-inside-work-tree'], {
    discover: true,
  })
  if (shown.problem === 'not-found') {
    const version = await runGit('/', ['--version'])
    return version.problem === 'not-found'
      ? failed({ kind: 'git-failed', command: 'git --version', output: 'git is not installed, or not on PATH' })
      : failed({ kind: 'not-a-repository', path })
  }
  if (shown.code !== 0) {
    if (/dubious ownership/.test(shown.stderr))
      return failed({ kind: 'git-failed', command: 'git rev-parse', output: shown.stderr.trim() })
    return failed({ kind: 'not-a-repository', path })
  }
  if (shown.stdout.startsWith('true')) return failed({ kind: 'bare-repository', path })
  const listed = await git(path, ['worktree', 'list', '--porcelain', '-z'], { discover: true })
  if (!listed.ok) return listed
  const [first] = listed.value.split('\0\0')
  const fields = splitZ(first ?? '')
  if (fields.includes('bare')) return failed({ kind: 'bare-repository', path })
  const main = fields[0]?.replace(/^worktree /, '')
  if (main === undefined) return failed({ kind: 'not-a-repository', path })
  return ok(await realpath(main))
}

/**
 * The same for looking tasks up, without starting git where the folder's layout says it all: that makes `heddle ps` twice as
 * fast. Null where there is no repository.
 */
export async function locateRepository(path: string): Promise<string | null> {
  for (let folder = path; ; folder = dirname(folder)) {
    const found = await stat(join(folder, '.git')).catch(() => null)
    if (found?.isDirectory() === true) return realpath(folder)
    // A linked worktree, whose `.git` is a file, or a layout of its own.
    if (found !== null || dirname(folder) === folder) break
  }
  const repository = await findRepository(path)
  return repository.ok ? repository.value : null
}

/** Refuses what workspaces cannot hold. */
export async function inspectRepository(repo: string): Promise<Result<null>> {
  const version = await git(repo, ['--version'])
  if (!version.ok) return version
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version.value) ?? []).slice(1).map(Number)
  if (major < OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor < OLDEST_GIT[1]))
    return failed({ kind: 'git-too-old', found: `${major}.${minor}`, wanted: OLDEST_GIT.join('.') })
  const anyCommit = await runGit(repo, ['rev-list', '-n', '1', '--all'])
  const head = await runGit(repo, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'])
  if (head.code !== 0 && anyCommit.stdout.trim() === '') return failed({ kind: 'no-commit', path: repo })
  return ok(null)
}

/** Resolves where a task starts: what the caller named, else the branch (or commit) that is checked out at `cwd`. */
export async function resolveBase(cwd: string, repo: string, name: string | null): Promise<Result<Base>> {
  if (name === null) {
    const branch = await runGit(cwd, ['symbolic-ref', '--quiet', 'HEAD'], { discover: true })
    const commit = await runGit(cwd, ['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], { discover: true })
    const ref = branch.code === 0 ? branch.stdout.trim() : null
    if (commit.code !== 0)
      return failed(ref === null ? { kind: 'no-commit', path: repo } : { kind: 'unborn-branch', branch: shorten(ref) })
    const hash = commit.stdout.trim() as GitHash
    return ok({ name: ref === null ? hash.slice(0, 12) : shorten(ref), ref, commit: hash })
  }
  const commit = await runGit(repo, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`])
  if (commit.code !== 0) return failed({ kind: 'unknown-ref', ref: name })
  const full = await runGit(repo, ['rev-parse', '--symbolic-full-name', '--end-of-options', name])
  const ref = full.code === 0 ? (full.stdout.trim().split('\n').at(-1) ?? '') : ''
  return ok({ name, ref: ref.startsWith('refs/heads/') ? ref : null, commit: commit.stdout.trim() as GitHash })
}

const shorten = (ref: string): string => ref.replace(/^refs\/heads\//, '')

/** Paths of submodules that the commit has. */
export async function findSubmodules(repo: string, commit: GitHash): Promise<Result<string[]>> {
  const listed = await git(repo, ['ls-tree', '-r', '-z', commit])
  if (!listed.ok) return listed
  return ok(splitZ(listed.value).flatMap((line) => (line.startsWith('160000 ') ? [line.slice(line.indexOf('\t') + 1)] : [])))
}

/** The text of a file as a commit has it; null where it has none. */
export async function loadFileAt(repo: string, commit: GitHash, path: string): Promise<string | null> {
  const shown = await runGit(repo, ['cat-file', 'blob', `${commit}:${path}`])
  return shown.code === 0 ? shown.stdout : null
}

/** The branches whose names begin as `branch` does, up to its first slash. */
export async function loadBranchesNear(repo: string, branch: string): Promise<Result<string[]>> {
  const listed = await git(repo, ['for-each-ref', '--format=%(refname)', `refs/heads/${branch.split('/')[0]}`])
  return listed.ok ? ok(listed.value.split('\n').map(shorten)) : listed
}

/** One that keeps git from making `branch`: itself, one that is named like a folder of it, or one in a folder of its name. */
export function findBranchInTheWay(branches: readonly string[], branch: string): string | null {
  return branches.find((one) => one === branch || branch.startsWith(`${one}/`) || one.startsWith(`${branch}/`)) ?? null
}
