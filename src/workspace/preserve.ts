/**
 * Preserving comes before removing, on every path: what a worktree holds beyond its commits is committed to a ref of its
 * own, the ref is read back, and only that makes the `PreservedWorktree` without which nothing can be removed.
 */
import { cp, mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { exists, loadText } from '../lib/files.ts'
import { git, runGit, splitZ } from '../lib/git.ts'
import { failed, ok, type Result } from '../model/failure.ts'
import type { GitHash } from '../model/ids.ts'

declare const proof: unique symbol
/** A worktree whose content is safe elsewhere. Only `preserveWorktree` makes one. */
export interface PreservedWorktree {
  readonly [proof]: true
  readonly path: string
  readonly repo: string
  /** The ref that holds what was in it; null when it held nothing beyond the commit that was said to be safe. */
  readonly ref: string | null
  /** Where the folder itself must go, because git cannot hold all that is in it; null where it can. */
  readonly moveTo: string | null
}

export interface PreserveOptions {
  readonly repo: string
  readonly path: string
  readonly task: string
  /** A commit that is safe elsewhere: a worktree that holds just this needs no ref. */
  readonly safe: GitHash | null
  /** Folder for ignored files that look precious. */
  readonly keepFolder: string
}

/** Ignored files that no build makes again. */
const PRECIOUS = /(^|\/)(\.env[^/]*|[^/]+\.(sqlite3?|db|sqlite3?-wal|db-wal|pem|key))$/
const BUILT = /(^|\/)(node_modules|\.venv|venv|target|dist|build|\.next|\.cache|vendor)\//

/**
 * Commits all that the worktree holds, tracked or not, to `refs/heddle/preserved/<task>/<n>`, and copies precious ignored
 * files to `keepFolder`. Does not change the worktree, its index or its branch. Idempotent: the same content makes no
 * second ref.
 */
export async function preserveWorktree(options: PreserveOptions): Promise<Result<PreservedWorktree>> {
  const { repo, path, task } = options
  await repairWorktree(repo, path)
  const commit = await snapshot(path)
  if (!commit.ok) return ok({ path, repo, ref: null, moveTo: await nextFolder(options.keepFolder) } as PreservedWorktree)
  const kept = commit.value === options.safe ? ok(null) : await keepCommit(repo, task, commit.value)
  if (!kept.ok) return kept
  await keepPrecious(path, options.keepFolder)
  // Of a repository within the worktree git keeps no more than the name of a commit.
  const nested = await findNested(path, commit.value)
  return ok({
    path,
    repo,
    ref: kept.value,
    moveTo: nested.length === 0 ? null : await nextFolder(options.keepFolder),
  } as PreservedWorktree)
}

/** Mends a worktree whose `.git` file was deleted, if the repository still knows it. */
export async function repairWorktree(repo: string, path: string): Promise<void> {
  if (!(await exists(path)) || (await exists(join(path, '.git')))) return
  const common = await git(repo, ['rev-parse', '--path-format=absolute', '--git-common-dir'])
  if (!common.ok) return
  const folder = join(common.value, 'worktrees')
  for (const name of await readdir(folder).catch(() => [])) {
    const knows = (await loadText(join(folder, name, 'gitdir')))?.trim()
    if (knows === join(path, '.git')) return writeFile(join(path, '.git'), `gitdir: ${join(folder, name)}\n`)
  }
}

/** Repositories within the worktree that a commit holds only by name. */
async function findNested(path: string, commit: string): Promise<string[]> {
  const listed = await runGit(path, ['ls-tree', '-r', '-z', commit])
  return splitZ(listed.stdout).flatMap((line) => (line.startsWith('160000 ') ? [line.slice(line.indexOf('\t') + 1)] : []))
}

/** Moves untracked repositories within the worktree out of it, because git holds nothing of their files. */
export async function moveNested(path: string, keepFolder: string): Promise<void> {
  const status = await runGit(path, ['status', '--porcelain', '-z', '--untracked-files=all'])
  // With all untracked files listed one by one, a folder is a repository.
  const nested = splitZ(status.stdout).flatMap((entry) =>
    entry.startsWith('?? ') && entry.endsWith('/') ? [entry.slice(3, -1)] : [],
  )
  if (nested.length === 0) return
  const folder = await nextFolder(keepFolder)
  for (const name of nested) {
    await mkdir(dirname(join(folder, name)), { recursive: true, mode: 0o700 })
    await rename(join(path, name), join(folder, name))
  }
}

async function nextFolder(keepFolder: string): Promise<string> {
  await mkdir(keepFolder, { recursive: true, mode: 0o700 })
  return join(keepFolder, String((await readdir(keepFolder)).length + 1))
}

/** Gives the commit a ref of its own, `refs/heddle/preserved/<task>/<n>`, and reads it back. Gives the ref's name. */
export async function keepCommit(repo: string, task: string, commit: GitHash): Promise<Result<string>> {
  const prefix = `refs/heddle/preserved/${task}/`
  const known = await git(repo, ['for-each-ref', '--format=%(objectname) %(refname)', prefix])
  if (!known.ok) return known
  const refs = known.value === '' ? [] : known.value.split('\n').map((line) => line.split(' ') as [string, string])
  const sameSnapshot = await findSameSnapshot(repo, refs, commit)
  const ref = sameSnapshot ?? `${prefix}${Math.max(0, ...refs.map(([, name]) => Number(name.slice(prefix.length)) || 0)) + 1}`
  if (sameSnapshot === null) {
    const written = await git(repo, ['update-ref', '--create-reflog', '-m', 'heddle: preserve', ref, commit, ''])
    if (!written.ok) return written
  }
  const readBack = await git(repo, ['rev-parse', '--verify', `${ref}^{tree}`])
  const wanted = await git(repo, ['rev-parse', '--verify', `${commit}^{tree}`])
  if (!readBack.ok) return readBack
  if (!wanted.ok) return wanted
  if (readBack.value !== wanted.value)
    return failed({ kind: 'git-failed', command: `git rev-parse ${ref}`, output: 'the preserved ref reads back differently' })
  return ok(ref)
}

/** A commit of everything in the worktree, made through an index of its own. */
async function snapshot(path: string): Promise<Result<GitHash>> {
  const head = await git(path, ['rev-parse', '--verify', 'HEAD^{commit}'])
  if (!head.ok) return head
  const gitFolder = await git(path, ['rev-parse', '--absolute-git-dir'])
  if (!gitFolder.ok) return gitFolder
  const env = { GIT_INDEX_FILE: join(gitFolder.value, 'heddle-preserve-index') }
  // Starting from the worktree's own index keeps its knowledge of which files are unchanged, so that only the rest is read.
  const index = join(gitFolder.value, 'index')
  if (await exists(index)) await cp(index, env.GIT_INDEX_FILE)
  else await git(path, ['read-tree', 'HEAD'], { env })
  const added = await git(path, ['add', '--all', '--', ':/'], { env })
  if (!added.ok) return added
  const tree = await git(path, ['write-tree'], { env })
  if (!tree.ok) return tree
  const headTree = await git(path, ['rev-parse', 'HEAD^{tree}'])
  if (headTree.ok && headTree.value === tree.value) return ok(head.value as GitHash)
  const commit = await git(
    path,
    ['commit-tree', tree.value, '-p', head.value, '-m', 'What the workspace held when Heddle gave it back'],
    { env: COMMITTER },
  )
  return commit.ok ? ok(commit.value as GitHash) : commit
}

const COMMITTER = {
  GIT_AUTHOR_NAME: 'Heddle',
  GIT_AUTHOR_EMAIL: 'heddle@localhost',
  GIT_COMMITTER_NAME: 'Heddle',
  GIT_COMMITTER_EMAIL: 'heddle@localhost',
}

async function findSameSnapshot(
  repo: string,
  refs: readonly (readonly [string, string])[],
  commit: string,
): Promise<string | null> {
  const describe = async (hash: string): Promise<string> =>
    (await runGit(repo, ['log', '-1', '--format=%T %P', hash])).stdout.trim()
  const wanted = await describe(commit)
  for (const [hash, name] of refs) if (hash === commit || (await describe(hash)) === wanted) return name
  return null
}

async function keepPrecious(path: string, keepFolder: string): Promise<void> {
  const listed = await runGit(path, ['ls-files', '--others', '--ignored', '--exclude-standard', '-z'])
  const precious = splitZ(listed.stdout).filter((file) => PRECIOUS.test(file) && !BUILT.test(file))
  if (precious.length === 0) return
  const folder = await nextFolder(keepFolder)
  for (const file of precious) {
    const target = join(folder, file)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    await cp(join(path, file), target, { verbatimSymlinks: true })
  }
}
