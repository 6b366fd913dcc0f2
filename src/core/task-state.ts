/** What a task is doing, derived from facts. Nothing here is stored, so nothing here can go stale. */
import type { Request } from '../model/request.ts'
import type { Task, TaskState } from '../model/task.ts'
import type { Hold } from './scheduler.ts'

export interface TaskFacts {
  readonly task: Task
  readonly openRequests: readonly Request[]
  /** Each need that is not waived, with its state. */
  readonly needs: readonly { readonly name: string; readonly state: TaskState; readonly isMet: boolean }[]
  /** Names of the activities under way in the task's runs. */
  readonly activities: readonly string[]
  /** Why it waits for a slot; null when it does not. */
  readonly hold: Hold | null
  /** The name of the task that holds the files it wants, where `hold` says so. */
  readonly holder: string | null
}

export interface DerivedState {
  readonly state: TaskState
  readonly doing: string
}

const UNMET: readonly TaskState[] = ['failed', 'stopped', 'discarded', 'blocked']

export function deriveState(facts: TaskFacts): DerivedState {
  const { task } = facts
  if (task.end !== null) return { state: task.end.outcome, doing: describeEnd(task) }
  const unmet = facts.needs.find((need) => UNMET.includes(need.state))
  if (task.startedAt === null && unmet !== undefined)
    return { state: 'blocked', doing: `\`${unmet.name}\`, which it needs, is ${unmet.state}` }
  const review = facts.openRequests.find((request) => request.kind === 'review')
  if (review !== undefined) return { state: 'review', doing: 'waits for you: review' }
  const [request] = facts.openRequests.filter((one) => one.kind !== 'failure')
  if (task.approved !== null) {
    if (request !== undefined) return { state: 'landing', doing: `waits for you: ${request.kind}` }
    return { state: 'landing', doing: describeLanding(facts) }
  }
  if (request !== undefined) return { state: 'working', doing: `waits for you: ${request.kind}` }
  const waiting = facts.needs.filter((need) => !need.isMet)
  if (task.startedAt === null && waiting.length > 0)
    return { state: 'queued', doing: `waits for ${waiting.map((need) => `\`${need.name}\``).join(', ')}` }
  if (facts.hold !== null)
    return { state: task.turns === 0 ? 'queued' : 'working', doing: describeHold(facts.hold, facts.holder) }
  if (task.startedAt === null)
    return { state: 'queued', doing: facts.activities.includes('workspace.open') ? 'preparing its workspace' : 'starting' }
  return { state: 'working', doing: describeWork(facts) }
}

function describeEnd(task: Task): string {
  switch (task.end!.outcome) {
    case 'landed':
      return `landed on ${task.base.name}`
    case 'reported':
      return task.base.ref === null && task.change !== null && !task.readOnly
        ? `its result is the branch ${task.branch}`
        : 'reported'
    case 'failed':
      return 'failed'
    case 'stopped':
      return 'stopped'
    case 'discarded':
      return 'discarded'
  }
}

function describeHold(hold: Hold, holder: string | null): string {
  return hold.for === 'slot' ? 'waits for a slot' : `waits for \`${holder ?? hold.task}\`, which touches ${hold.files}`
}

function describeLanding(facts: TaskFacts): string {
  if (facts.task.landed !== null) return 'landed; giving its workspace back'
  if (facts.activities.includes('landing.rebase')) return 'landing: rebasing'
  if (facts.hold !== null) return 'landing: waits for a slot'
  if (facts.activities.includes('check.run')) return 'landing: checking the result'
  if (facts.activities.includes('landing.advance')) return 'landing'
  return 'waits for its turn to land'
}

function describeWork(facts: TaskFacts): string {
  if (facts.activities.includes('check.run')) return 'checking'
  if (facts.activities.includes('change.commit')) return 'committing'
  if (facts.activities.includes('agent.turn')) return facts.task.turns > 1 ? `working, turn ${facts.task.turns}` : 'working'
  return 'working'
}

/** What `heddle wait` waits for: it has ended, is in review, is blocked, or waits for a person. */
export function hasSettled(derived: DerivedState, openRequests: readonly Request[]): boolean {
  return (
    !['queued', 'working', 'paused', 'landing'].includes(derived.state) ||
    openRequests.some((request) => request.kind !== 'failure')
  )
}

/** The need that a blocked task waits for, if a person must decide about it. */
export const isUnmet = (state: TaskState): boolean => UNMET.includes(state)

/** Whether a need is met: its work is on the base, or it had only to report. */
export const isMet = (need: Task): boolean => need.landed !== null || need.end?.outcome === 'reported'
