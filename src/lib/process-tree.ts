/**
 * Which processes belong to an attempt, and how they are ended. A process belongs when it is in the attempt's process
 * group, descends from its leader, or carries `HEDDLE_ATTEMPT=<key>` in its environment: agents start shells in sessions
 * of their own, which the first two miss. What clears its environment *and* leaves the session *and* is adopted by init
 * before we look escapes.
 */
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { runCommand } from './exec.ts'
import type { Clock } from './clock.ts'

export const ATTEMPT_VARIABLE = 'HEDDLE_ATTEMPT'

/** A process that cannot be mistaken for another one that got the same number later. */
export interface ProcessIdentity {
  readonly pid: number
  /** The boot's id and the clock ticks since then on Linux, the start's date elsewhere; as text. */
  readonly startTime: string
}

interface ProcessEntry extends ProcessIdentity {
  readonly parent: number
  readonly group: number
  readonly zombie: boolean
}

/** Null when there is no such process, or only its zombie. */
export async function loadProcess(pid: number): Promise<ProcessIdentity | null> {
  const entry = process.platform === 'linux' ? await loadEntry(pid) : await loadEntryByPs(pid)
  return entry === null || entry.zombie ? null : { pid: entry.pid, startTime: entry.startTime }
}

export async function isAlive(identity: ProcessIdentity): Promise<boolean> {
  return (await loadProcess(identity.pid))?.startTime === identity.startTime
}

/** What is to be ended: everything with the key, and the group and descendants of the leader, if that lives. */
export interface Attempt {
  readonly key: string
  readonly leader: ProcessIdentity | null
}

/**
 * Ends all that belongs to the attempts: SIGTERM to each, `graceMs` for them to end by themselves, then SIGKILL until
 * nothing is left. Resolves when nothing is left. Idempotent; does nothing to a leader whose number was given anew.
 */
export async function killAttempts(attempts: readonly Attempt[], clock: Clock, graceMs = 3000): Promise<void> {
  const seen = new Map<number, ProcessIdentity>()
  const look = async (): Promise<ProcessEntry[]> => {
    const found = await findProcesses(attempts, seen)
    for (const entry of found) seen.set(entry.pid, entry)
    return found
  }
  for (const entry of await look()) send(entry.pid, 'SIGTERM')
  const end = clock.now() + graceMs
  for (;;) {
    const left = await look()
    if (left.length === 0) return
    if (clock.now() >= end) for (const entry of left) send(entry.pid, 'SIGKILL')
    await new Promise<void>((resolve) => clock.after(10, resolve))
  }
}

/**
 * Resolves when nothing lives on of the process group that a dead process led, or after `limitMs`. Does nothing when it
 * lives: the number was then given anew, which cannot be while the group has members.
 */
export async function waitForGroup(leader: number, clock: Clock, limitMs: number): Promise<void> {
  const end = clock.now() + limitMs
  while (hasGroup(leader)) {
    const members = (await loadAllEntries()).filter((entry) => entry.group === leader && !entry.zombie)
    if (members.length === 0 || members.some((entry) => entry.pid === leader) || clock.now() >= end) return
    await new Promise<void>((resolve) => clock.after(10, resolve))
  }
}

/** Cheap; also true when only zombies are left of it. */
function hasGroup(leader: number): boolean {
  try {
    return process.kill(-leader, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function findProcesses(attempts: readonly Attempt[], seen: ReadonlyMap<number, ProcessIdentity>): Promise<ProcessEntry[]> {
  const all = (await loadAllEntries()).filter((entry) => !entry.zombie && entry.pid !== process.pid)
  const keys = new Set(attempts.map((attempt) => attempt.key))
  const leaders = new Map(attempts.flatMap(({ leader }) => (leader === null ? [] : [[leader.pid, leader.startTime] as const])))
  const living = new Set(all.filter((entry) => leaders.get(entry.pid) === entry.startTime).map((entry) => entry.pid))
  const belongs = async (entry: ProcessEntry): Promise<boolean> => {
    if (living.has(entry.pid) || living.has(entry.group) || seen.get(entry.pid)?.startTime === entry.startTime) return true
    const key = await loadAttemptKey(entry.pid)
    return key !== null && keys.has(key)
  }
  const mine = new Set<number>()
  await Promise.all(all.map(async (entry) => ((await belongs(entry)) ? mine.add(entry.pid) : undefined)))
  // Children of what was found, however deep.
  for (let grown = true; grown;) {
    grown = false
    for (const entry of all) {
      if (mine.has(entry.pid) || !mine.has(entry.parent)) continue
      mine.add(entry.pid)
      grown = true
    }
  }
  return all.filter((entry) => mine.has(entry.pid))
}

/** The attempt that a process carries in its environment, as it was when the process began. */
async function loadAttemptKey(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') return null
  try {
    const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0')
    const prefix = `${ATTEMPT_VARIABLE}=`
    return variables.find((variable) => variable.startsWith(prefix))?.slice(prefix.length) ?? null
  } catch {
    return null
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended by itself.
  }
}

async function loadAllEntries(): Promise<ProcessEntry[]> {
  if (process.platform !== 'linux') return loadEntriesByPs(['-A'])
  const names = await readdir('/proc')
  const entries = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map((name) => loadEntry(Number(name))))
  return entries.filter((entry) => entry !== null)
}

/** Fields of proc_pid_stat(5): 3 state, 4 parent, 5 group, 22 start time. The name in field 2 may hold spaces and brackets. */
async function loadEntry(pid: number): Promise<ProcessEntry | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return {
      pid,
      zombie: fields[0] === 'Z' || fields[0] === 'X',
      parent: Number(fields[1]),
      group: Number(fields[2]),
      startTime: `${bootId()}:${fields[19] ?? ''}`,
    }
  } catch {
    return null
  }
}

let knownBootId: string | null = null
/** Ticks and pids start anew with each boot, so that both could be the same again. */
function bootId(): string {
  knownBootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  return knownBootId
}

async function loadEntryByPs(pid: number): Promise<ProcessEntry | null> {
  return (await loadEntriesByPs(['-p', String(pid)]))[0] ?? null
}

async function loadEntriesByPs(which: readonly string[]): Promise<ProcessEntry[]> {
  const { stdout } = await runCommand('ps', [...which, '-o', 'pid=,ppid=,pgid=,stat=,lstart='], {
    env: { ...process.env, LC_ALL: 'C' },
  })
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+)$/.exec(line)
    if (match === null) return []
    const [, pid, parent, group, state, startTime] = match
    return [
      {
        pid: Number(pid),
        parent: Number(parent),
        group: Number(group),
        zombie: state!.startsWith('Z'),
        startTime: startTime!.trim(),
      },
    ]
  })
}
