/**
 * The daemon before this one may have been killed in the middle of a git command. That goes on without it, in its process
 * group, and would meet ours on the same worktree; so we wait for its end. Agents and checks are in groups of their own.
 */
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { loadText, writeFileAtomically } from '../lib/files.ts'
import { waitForGroup } from '../lib/process-tree.ts'

/** Whoever started us waits for 30 s. */
const LONGEST_END_MS = 20_000

/** Call it with the home's lock held. */
export async function succeed(home: string, clock: Clock): Promise<void> {
  const path = join(home, 'daemon.pid')
  const before = Number(await loadText(path))
  if (Number.isInteger(before) && before > 1 && before !== process.pid) await waitForGroup(before, clock, LONGEST_END_MS)
  await writeFileAtomically(path, `${process.pid}\n`)
}
