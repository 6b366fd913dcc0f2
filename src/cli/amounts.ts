/** Times, counts and costs as a person reads them. */
import type { TaskView } from '../api/contract.ts'
import type { Usage } from '../model/task.ts'

/** For example 3s, 4m, 2h, 5d. */
export function formatSpan(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / (24 * 3600))}d`
}

export const formatAge = (isoTime: string, nowMs: number): string => formatSpan(nowMs - Date.parse(isoTime))

/** How long it has worked, or took; null before it has begun. */
export function formatWorkTime(task: TaskView, nowMs: number): string | null {
  if (task.startedAt === null) return null
  return formatSpan((task.endedAt === null ? nowMs : Date.parse(task.endedAt)) - Date.parse(task.startedAt))
}

/** For example 950, 12.3k, 4.1M. */
function formatCount(count: number): string {
  if (count < 1000) return String(count)
  return count < 999_950 ? `${(count / 1000).toFixed(1)}k` : `${(count / 1_000_000).toFixed(1)}M`
}

const formatCost = (usd: number): string => (usd > 0 && usd < 0.005 ? '<$0.01' : `$${usd.toFixed(2)}`)

/** Null when no turn told what it used. */
export function formatUsage({ inputTokens, outputTokens, costUsd }: Usage): string | null {
  if (inputTokens + outputTokens === 0 && costUsd === null) return null
  const tokens = `${formatCount(inputTokens)} tokens in, ${formatCount(outputTokens)} out`
  return costUsd === null ? tokens : `${tokens}, ${formatCost(costUsd)}`
}

export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** For example `+12 −3, 2 files`; empty without a change. */
export function formatChange(change: TaskView['change']): string {
  return change === null ? '' : `+${change.insertions} −${change.deletions}, ${countOf(change.files, 'file')}`
}
