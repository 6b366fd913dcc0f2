/** A task's own worktree: made, and given back. */
import { createHash } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { exists, makePrivateFolder, removeFolder } from '../lib/files.ts'
import { git, runGit, splitZ } from '../lib/git.ts'
import { failed, ok, type Result } from '../model/failure.ts'
import type { GitHash } from '../model/ids.ts'
import { keepCommit, moveNested, preserveWorktree, repairWorktree, type PreservedWorktree } from './preserve.ts'
import { findBranchInTheWay, loadBranchesNear } from './repository.ts'

export interface Workspace {
  readonly path: string
  readonly branch: string
  readonly baseCommit: GitHash
}

export interface WorkspaceSpec {
  readonly repo: string
  /** The task's name. */
  readonly name: string
  readonly branch: string
  /** A full ref, or a commit. */
  readonly from: string
}

export interface Workspaces {
  /** Makes the worktree on its new branch. Idempotent: one that a crash left is adopted. */
  open(spec: WorkspaceSpec): Promise<Result<Workspace>>
  /**
   * Preserves what the worktree holds, then removes it and its branch. Idempotent. Gives the ref that keeps it, or the folder
   * where git could not hold all of it; null where it held nothing beyond `safe`, or there was none.
   */
  close(spec: {
    readonly repo: string
    readonly name: string
    readonly branch: string
    readonly safe: GitHash | null
    readonly keepBranch: boolean
  }): Promise<Result<string | null>>
  /** Mends the worktree, and keeps its branch's commits under a ref of their own where it has moved on without them. */
  keepLeftBranch(repo: string, name: string, branch: string): Promise<Result<null>>
  /** Preserves what the worktree holds and leaves it as it is, but for repositories within it: those move to the preserved files. */
  preserve(repo: string, name: string): Promise<Result<null>>
  /**
   * A scratch worktree of Heddle's own, detached at `commit`. No agent or person works in it, so what an earlier use left
   * is dropped. Idempotent.
   */
  openScratch(repo: string, name: string, commit: string): Promise<Result<string>>
  closeScratch(repo: string, name: string): Promise<void>
  scratchOf(repo: string, name: string): string
  pathOf(repo: string, name: string): string
}

export function createWorkspaces(home: string): Workspaces {
  const trash = join(home, 'trash')
  const pathOf = (repo: string, name: string): string => join(home, 'worktrees', folderName(repo), name)
  const keepFolder = (name: string): string => join(home, 'preserved', name)
  // Registering worktrees in parallel races on files in .git, so each repository has a queue.
  const lanes = new Map<string, Promise<unknown>>()
  const inLane = <T>(repo: string, work: () => Promise<T>): Promise<T> => {
    const next = (lanes.get(repo) ?? Promise.resolve()).then(work, work)
    lanes.set(
      repo,
      next.catch(() => {}),
    )
    return next
  }

  const remove = async (preserved: PreservedWorktree): Promise<Result<null>> => {
    if (preserved.moveTo === null) await removeFolder(preserved.path, trash)
    else await rename(preserved.path, preserved.moveTo)
    const pruned = await inLane(preserved.repo, () => git(preserved.repo, ['worktree', 'prune']))
    return pruned.ok ? ok(null) : pruned
  }

  // Scratch worktrees live in a folder of their own, so that nothing but them can be dropped without being preserved.
  const scratchOf = (repo: string, name: string): string => join(home, 'scratch', folderName(repo), name)
  const closeScratch = async (repo: string, name: string): Promise<void> => {
    await removeFolder(scratchOf(repo, name), trash)
    await inLane(repo, () => git(repo, ['worktree', 'prune']))
  }

  const preserveAndRemove = async (
    repo: string,
    name: string,
    path: string,
    safe: GitHash | null,
  ): Promise<Result<string | null>> => {
    if (!(await exists(path))) {
      await inLane(repo, () => git(repo, ['worktree', 'prune']))
      return ok(null)
    }
    const preserved = await preserveWorktree({ repo, path, task: name, safe, keepFolder: keepFolder(name) })
    if (!preserved.ok) return preserved
    const removed = await remove(preserved.value)
    return removed.ok ? ok(preserved.value.moveTo ?? preserved.value.ref) : removed
  }

  /** Of an earlier attempt, or of a crash in mid-preparation. What it holds beyond its base gets a ref of its own. */
  const clearBranch = async (repo: string, name: string, branch: string, base: GitHash): Promise<Result<null>> => {
    const tip = await runGit(repo, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])
    if (tip.code !== 0) return ok(null)
    const commit = tip.stdout.trim() as GitHash
    if ((await runGit(repo, ['merge-base', '--is-ancestor', commit, base])).code !== 0) {
      const kept = await keepCommit(repo, name, commit)
      if (!kept.ok) return kept
    }
    if (await isCheckedOut(repo, branch, pathOf(repo, name))) return failed({ kind: 'branch-in-the-way', branch, wanted: branch })
    const removed = await git(repo, ['update-ref', '-d', `refs/heads/${branch}`, commit])
    return removed.ok ? ok(null) : removed
  }

  const add = async (repo: string, path: string, how: readonly string[]): Promise<Result<null>> => {
    await makePrivateFolder(join(path, '..'))
    // Forced past a registration without a folder, which an add that was killed leaves locked, so that no prune takes it.
    const registered = await inLane(repo, () =>
      git(repo, ['worktree', 'add', '--force', '--force', '--no-checkout', '--quiet', ...how]),
    )
    if (!registered.ok) return registered
    const populated = await git(path, ['reset', '--hard', '--quiet'])
    if (!populated.ok) return populated
    // The first status is slow and later ones are not: "ready" means that it has been paid.
    const ready = await git(path, ['status', '--porcelain'])
    return ready.ok ? ok(null) : ready
  }

  return {
    pathOf,
    scratchOf,

    async open({ repo, name, branch, from }) {
      const path = pathOf(repo, name)
      const base = await git(repo, ['rev-parse', '--verify', '--end-of-options', `${from}^{commit}`])
      if (!base.ok) return failed({ kind: 'base-gone', base: from })
      if (await exists(path)) {
        // Left by a crash in mid-preparation: no agent was in it yet, but whoever wrote into it keeps what they wrote.
        const cleared = await preserveAndRemove(repo, name, path, base.value as GitHash)
        if (!cleared.ok) return cleared
      }
      const cleared = await clearBranch(repo, name, branch, base.value as GitHash)
      if (!cleared.ok) return cleared
      const branches = await loadBranchesNear(repo, branch)
      if (!branches.ok) return branches
      const inTheWay = findBranchInTheWay(branches.value, branch)
      if (inTheWay !== null) return failed({ kind: 'branch-in-the-way', branch: inTheWay, wanted: branch })
      const added = await add(repo, path, ['-b', branch, path, base.value])
      if (!added.ok) return added
      return ok({ path, branch, baseCommit: base.value as GitHash })
    },

    async close({ repo, name, branch, safe, keepBranch }) {
      const path = pathOf(repo, name)
      const ref = await preserveAndRemove(repo, name, path, safe)
      if (!ref.ok || keepBranch) return ref
      // The branch may go once its commits are safe under another name.
      const tip = await runGit(repo, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])
      if (tip.code !== 0 || (await isCheckedOut(repo, branch, path))) return ref
      const commit = tip.stdout.trim()
      for (const keeper of [ref.value, safe]) {
        if (keeper === null || (await runGit(repo, ['merge-base', '--is-ancestor', commit, keeper])).code !== 0) continue
        await git(repo, ['update-ref', '-d', `refs/heads/${branch}`, commit])
        break
      }
      return ref
    },

    async keepLeftBranch(repo, name, branch) {
      const path = pathOf(repo, name)
      await repairWorktree(repo, path)
      const tip = await runGit(path, ['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])
      if (tip.code !== 0) return ok(null)
      const commit = tip.stdout.trim() as GitHash
      if ((await runGit(path, ['merge-base', '--is-ancestor', commit, 'HEAD'])).code === 0) return ok(null)
      const kept = await keepCommit(repo, name, commit)
      return kept.ok ? ok(null) : kept
    },

    async preserve(repo, name) {
      const path = pathOf(repo, name)
      await moveNested(path, keepFolder(name))
      const preserved = await preserveWorktree({ repo, path, task: name, safe: null, keepFolder: keepFolder(name) })
      if (!preserved.ok) return preserved
      if (preserved.value.moveTo === null) return ok(null)
      const output = 'git cannot hold all that is in this worktree, so it is left alone'
      return failed({ kind: 'git-failed', command: `preserve ${path}`, output })
    },

    async openScratch(repo, name, commit) {
      await closeScratch(repo, name)
      const path = scratchOf(repo, name)
      const added = await add(repo, path, ['--detach', path, commit])
      return added.ok ? ok(path) : added
    },
    closeScratch,
  }
}

/** The repository's folder name and a hash of its path, so that two repositories of the same name stay apart. */
function folderName(repo: string): string {
  // Cut, because a name may have 255 bytes, and a letter three or four.
  const name = /^.{0,50}/u.exec(basename(repo).replaceAll(/[^\p{L}\p{N}._-]/gu, '_'))![0]
  return `${name}-${createHash('sha256').update(repo).digest('hex').slice(0, 8)}`
}

/**
 * In any worktree, the user's too: to delete it there would take the ground from under it. The one at `gone` does not count
 * once its folder is away: its registration may outlive it when a daemon dies between the two.
 */
async function isCheckedOut(repo: string, branch: string, gone: string): Promise<boolean> {
  const listed = await git(repo, ['worktree', 'list', '--porcelain', '-z'])
  if (!listed.ok) return true
  const holders = listed.value
    .split('\0\0')
    .map(splitZ)
    .filter((fields) => fields.includes(`branch refs/heads/${branch}`))
  for (const [worktree] of holders) if (worktree !== `worktree ${gone}` || (await exists(gone))) return true
  return false
}
