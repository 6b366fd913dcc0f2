/** The mechanics of the merge train: rebase in a scratch worktree, then move the base by compare-and-swap. */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { exists, loadText } from '../lib/files.ts'
import { describeOutcome, git, runGit, splitZ } from '../lib/git.ts'
import { failed, ok, type Failure, type Result } from '../model/failure.ts'
import type { GitHash } from '../model/ids.ts'
import { identity } from './change.ts'

export interface Rebased {
  /** The commit to land; its parent line begins at `onto`. */
  readonly commit: GitHash
  readonly tree: GitHash
  readonly onto: GitHash
}

export type RebaseOutcome =
  | { readonly kind: 'rebased'; readonly rebased: Rebased }
  | { readonly kind: 'landed'; readonly commit: GitHash }
  | { readonly kind: 'conflict'; readonly files: readonly string[]; readonly onto: GitHash }

/** Puts the commits between `from` and `commit` on top of the base branch, in `scratch`; nothing else is touched. */
export async function rebaseOnto(spec: {
  scratch: string
  ref: string
  from: GitHash
  commit: GitHash
  message: string
}): Promise<Result<RebaseOutcome>> {
  const { scratch, ref, from, commit } = spec
  const tip = await git(scratch, ['rev-parse', '--verify', `${ref}^{commit}`])
  if (!tip.ok) return failed({ kind: 'base-gone', base: ref.replace(/^refs\/heads\//, '') })
  const onto = tip.value as GitHash
  if (await isAncestor(scratch, commit, onto)) return ok({ kind: 'landed', commit })
  // Only where the base has not gone back behind where the change began: what was dropped from it must not come again.
  if ((await isAncestor(scratch, onto, commit)) && (await isAncestor(scratch, from, onto))) return finish(scratch, commit, onto)
  const env = await identity(scratch)
  const { GIT_COMMITTER_NAME, GIT_COMMITTER_EMAIL } = env
  const checkedOut = await git(scratch, ['checkout', '--quiet', '--detach', '--force', commit])
  if (!checkedOut.ok) return checkedOut
  const rebased = await runGit(scratch, ['rebase', '--quiet', '--onto', onto, from], {
    env: { GIT_COMMITTER_NAME: GIT_COMMITTER_NAME!, GIT_COMMITTER_EMAIL: GIT_COMMITTER_EMAIL! },
  })
  if (rebased.code === 0) return finish(scratch, 'HEAD', onto)
  await runGit(scratch, ['rebase', '--abort'])
  // Commit by commit it does not fit; as one change it may.
  const merged = await mergeTrees(scratch, onto, commit, from)
  if (!merged.ok) return merged
  if (merged.value.files.length > 0) return ok({ kind: 'conflict', files: merged.value.files, onto })
  const squashed = await git(scratch, ['commit-tree', merged.value.tree, '-p', onto, '-m', spec.message], { env })
  return squashed.ok ? finish(scratch, squashed.value, onto) : squashed
}

async function finish(path: string, commit: string, onto: GitHash): Promise<Result<RebaseOutcome>> {
  const named = await git(path, ['rev-parse', `${commit}^{commit}`, `${commit}^{tree}`])
  if (!named.ok) return named
  const [hash, tree] = named.value.split('\n') as [GitHash, GitHash]
  const checkedOut = await git(path, ['checkout', '--quiet', '--detach', '--force', hash])
  return checkedOut.ok ? ok({ kind: 'rebased', rebased: { commit: hash, tree, onto } }) : checkedOut
}

/** Three-way merge of two commits as trees. With conflicts the tree holds their markers. */
async function mergeTrees(
  path: string,
  onto: GitHash,
  commit: GitHash,
  from: GitHash,
): Promise<Result<{ tree: GitHash; files: string[] }>> {
  // git 2.39 takes the base of the merge from history only; a commit of the change's tree on `from` gives it the right one.
  const env = await identity(path)
  const squashed = await git(path, ['commit-tree', `${commit}^{tree}`, '-p', from, '-m', 'change'], { env })
  if (!squashed.ok) return squashed
  const merged = await runGit(path, ['merge-tree', '--write-tree', '--name-only', '--no-messages', '-z', onto, squashed.value])
  if (merged.code !== 0 && merged.code !== 1)
    return failed({ kind: 'git-failed', command: 'git merge-tree', output: describeOutcome(merged) })
  const [tree, ...files] = splitZ(merged.stdout)
  return ok({ tree: tree as GitHash, files: [...new Set(files)] })
}

/**
 * Brings the conflict into the task's own worktree: its branch then stands on the new base, and its files hold the merge
 * with markers, not committed. The branch's old tip must have been preserved. Idempotent.
 */
export async function bringConflict(spec: {
  path: string
  branch: string
  from: GitHash
  commit: GitHash
  onto: GitHash
}): Promise<Result<null>> {
  const { path, branch, onto } = spec
  const merged = await mergeTrees(path, onto, spec.commit, spec.from)
  if (!merged.ok) return merged
  for (const args of [
    ['reset', '--hard', '--quiet', spec.commit],
    ['read-tree', '-u', '--reset', merged.value.tree],
    ['update-ref', '-m', 'heddle: conflict with the base', `refs/heads/${branch}`, onto],
  ]) {
    const done = await git(path, args)
    if (!done.ok) return done
  }
  return ok(null)
}

/** Files that still hold a conflict's markers. */
export async function findMarkers(path: string, base: GitHash): Promise<string[]> {
  const found = await runGit(path, ['diff', '--name-only', '-z', '-G', '^(<<<<<<<|>>>>>>>) ', base])
  return splitZ(found.stdout)
}

/**
 * Moves the base branch to `commit`, if it still stands where the rebase found it. Where the branch is checked out, git's
 * own fast-forward moves it there, which refuses rather than overwrite the user's work. Idempotent: what has landed has.
 */
export async function advanceBase(spec: { repo: string; ref: string; rebased: Rebased }): Promise<Result<'landed' | 'moved'>> {
  const { repo, ref, rebased } = spec
  const tip = await git(repo, ['rev-parse', '--verify', `${ref}^{commit}`])
  if (!tip.ok) return failed({ kind: 'base-gone', base: shorten(ref) })
  if (await isAncestor(repo, rebased.commit, tip.value)) return ok('landed')
  if (tip.value !== rebased.onto) return ok('moved')
  const checkout = await findCheckout(repo, ref)
  if (!checkout.ok) return checkout
  if (checkout.value === null) {
    const moved = await runGit(repo, ['update-ref', '-m', 'heddle: land', ref, rebased.commit, rebased.onto])
    return moved.code === 0 ? ok('landed') : explainRefusal(repo, ref, rebased, describeOutcome(moved))
  }
  if (checkout.value.busy !== null)
    return failed({ kind: 'checkout-in-the-way', path: checkout.value.path, reason: checkout.value.busy, base: shorten(ref) })
  const merged = await runGit(checkout.value.path, [
    'merge',
    '--ff-only',
    '--no-stat',
    '--quiet',
    '--no-autostash',
    rebased.commit,
  ])
  const after = await git(repo, ['rev-parse', '--verify', `${ref}^{commit}`])
  if (after.ok && (await isAncestor(repo, rebased.commit, after.value))) return ok('landed')
  return explainRefusal(repo, ref, rebased, describeOutcome(merged), checkout.value.path)
}

async function explainRefusal(
  repo: string,
  ref: string,
  rebased: Rebased,
  output: string,
  path = repo,
): Promise<Result<'moved'>> {
  const tip = await git(repo, ['rev-parse', '--verify', `${ref}^{commit}`])
  if (tip.ok && tip.value !== rebased.onto) return ok('moved')
  const failure: Failure = { kind: 'checkout-in-the-way', path, reason: output, base: shorten(ref) }
  return failed(failure)
}

interface Checkout {
  readonly path: string
  /** What the user is in the middle of; null when nothing. */
  readonly busy: string | null
}

/** The worktree that has the branch checked out, or is rebasing or bisecting it. */
async function findCheckout(repo: string, ref: string): Promise<Result<Checkout | null>> {
  const listed = await git(repo, ['worktree', 'list', '--porcelain', '-z'])
  if (!listed.ok) return listed
  for (const block of listed.value.split('\0\0').filter((one) => one !== '')) {
    const fields = splitZ(block)
    const path = fields[0]?.replace(/^worktree /, '') ?? ''
    if (!(await exists(path))) continue
    const folder = await git(path, ['rev-parse', '--absolute-git-dir'])
    if (!folder.ok) continue
    const onBranch = fields.includes(`branch ${ref}`)
    const busy = await findOperation(folder.value, ref, onBranch)
    if (onBranch || busy !== null) return ok({ path: await realpath(path), busy })
  }
  return ok(null)
}

async function findOperation(gitFolder: string, ref: string, onBranch: boolean): Promise<string | null> {
  for (const name of ['rebase-merge/head-name', 'rebase-apply/head-name']) {
    if ((await loadText(join(gitFolder, name)))?.trim() === ref)
      return 'it is being rebased there; finish that (git rebase --continue) or abort it (git rebase --abort)'
  }
  const bisected = (await loadText(join(gitFolder, 'BISECT_START')))?.trim()
  if (bisected !== undefined && `refs/heads/${bisected}` === ref)
    return 'it is being bisected there; finish that with: git bisect reset'
  if (!onBranch) return null
  for (const [file, what] of [
    ['MERGE_HEAD', 'a merge is under way there; finish it, or: git merge --abort'],
    ['CHERRY_PICK_HEAD', 'a cherry-pick is under way there; finish it, or: git cherry-pick --abort'],
    ['REVERT_HEAD', 'a revert is under way there; finish it, or: git revert --abort'],
  ] as const) {
    if (await exists(join(gitFolder, file))) return what
  }
  return null
}

async function isAncestor(path: string, ancestor: string, descendant: string): Promise<boolean> {
  return (await runGit(path, ['merge-base', '--is-ancestor', ancestor, descendant])).code === 0
}

const shorten = (ref: string): string => ref.replace(/^refs\/heads\//, '')
