/** What is wrong with a plan, before anything is started. */
import type { PlannedTask } from '../model/plan.ts'
import { findOverlap } from './overlap.ts'

export interface Finding {
  readonly line: number | null
  readonly severity: 'error' | 'warning'
  readonly message: string
}

/**
 * Errors (nothing may be dispatched): names twice or taken, unknown needs, cycles. Warnings: overlapping `touches` without
 * an order, an order that another one already gives, neither acceptance criteria nor checks. By line.
 */
export function checkPlan(
  tasks: readonly PlannedTask[],
  context: { readonly existing: readonly string[]; readonly hasConfiguredChecks: boolean },
): Finding[] {
  const findings: Finding[] = []
  const byName = new Map<string, PlannedTask>()
  for (const task of tasks) {
    const twin = byName.get(task.name)
    if (twin !== undefined)
      findings.push({
        line: task.line,
        severity: 'error',
        message: `the name \`${task.name}\` is used twice (also in line ${twin.line})`,
      })
    else if (context.existing.includes(task.name))
      findings.push({
        line: task.line,
        severity: 'error',
        message: `a task of this repository is already called \`${task.name}\``,
      })
    byName.set(task.name, twin ?? task)
  }
  for (const task of tasks) {
    task.needs.forEach((need, at) => {
      if (byName.has(need) || context.existing.includes(need)) return
      findings.push({
        line: task.needsLines[at] ?? task.line,
        severity: 'error',
        message: `\`${task.name}\` needs \`${need}\`, which is neither in the plan nor a task of this repository`,
      })
    })
    if (
      !task.readOnly &&
      task.acceptance.length === 0 &&
      task.checks.length === 0 &&
      (task.noChecks || !context.hasConfiguredChecks)
    ) {
      findings.push({
        line: task.line,
        severity: 'warning',
        message: `\`${task.name}\` has neither acceptance criteria nor checks, so nothing will prove it`,
      })
    }
  }
  const cycle = findCycle(tasks, byName)
  if (cycle !== null) {
    const path = [...cycle, cycle[0]!].map((task) => `\`${task.name}\``).join(' needs ')
    findings.push({ line: cycle[0]!.line, severity: 'error', message: `a cycle: ${path}` })
  } else {
    const ancestors = findAncestors(tasks, byName)
    findings.push(...findNeedlessOrder(tasks, ancestors), ...findUnorderedOverlaps(tasks, ancestors))
  }
  return findings.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
}

function findCycle(tasks: readonly PlannedTask[], byName: ReadonlyMap<string, PlannedTask>): PlannedTask[] | null {
  const done = new Set<string>()
  for (const start of tasks) {
    // An own stack, because a plan may be a chain of thousands.
    const path: PlannedTask[] = []
    const onPath = new Set<string>()
    const stack: { task: PlannedTask; next: number }[] = []
    const enter = (task: PlannedTask): void => {
      stack.push({ task, next: 0 })
      path.push(task)
      onPath.add(task.name)
    }
    if (!done.has(start.name)) enter(start)
    while (stack.length > 0) {
      const top = stack.at(-1)!
      const need = top.task.needs[top.next++]
      if (need === undefined) {
        stack.pop()
        path.pop()
        onPath.delete(top.task.name)
        done.add(top.task.name)
        continue
      }
      const task = byName.get(need)
      if (task === undefined || done.has(need)) continue
      if (onPath.has(need)) return path.slice(path.findIndex((one) => one.name === need))
      enter(task)
    }
  }
  return null
}

type Ancestors = ReadonlyMap<string, ReadonlySet<string>>

/** All that each task needs, directly or not. Only for plans without a cycle. */
function findAncestors(tasks: readonly PlannedTask[], byName: ReadonlyMap<string, PlannedTask>): Ancestors {
  const ancestors = new Map<string, ReadonlySet<string>>()
  for (const task of sortByNeeds(tasks, byName)) {
    const all = new Set<string>()
    for (const need of task.needs) {
      all.add(need)
      for (const further of ancestors.get(need) ?? []) all.add(further)
    }
    ancestors.set(task.name, all)
  }
  return ancestors
}

/** Each task behind all that it needs; else in the given order. Only for plans without a cycle. */
function sortByNeeds<T extends { readonly name: string; readonly needs: readonly string[] }>(
  tasks: readonly T[],
  byName: ReadonlyMap<string, T>,
): T[] {
  const sorted: T[] = []
  const placed = new Set<string>()
  for (const start of tasks) {
    const stack = [start]
    while (stack.length > 0) {
      const task = stack.at(-1)!
      const open = placed.has(task.name)
        ? undefined
        : task.needs.map((need) => byName.get(need)).find((need) => need !== undefined && !placed.has(need.name))
      if (open !== undefined) {
        stack.push(open)
        continue
      }
      stack.pop()
      if (!placed.has(task.name)) sorted.push(task)
      placed.add(task.name)
    }
  }
  return sorted
}

function findNeedlessOrder(tasks: readonly PlannedTask[], ancestors: Ancestors): Finding[] {
  return tasks.flatMap((task) =>
    task.needs.flatMap((need, at): Finding[] => {
      const via = task.needs.find((other) => other !== need && ancestors.get(other)?.has(need) === true)
      if (via === undefined) return []
      return [
        {
          line: task.needsLines[at] ?? task.line,
          severity: 'warning',
          message: `\`${task.name}\` need not name \`${need}\`: \`${via}\` needs it already`,
        },
      ]
    }),
  )
}

function findUnorderedOverlaps(tasks: readonly PlannedTask[], ancestors: Ancestors): Finding[] {
  const touching = tasks.filter((task) => task.touches.length > 0 && !task.readOnly)
  return touching.flatMap((a, at) =>
    touching.slice(at + 1).flatMap((b): Finding[] => {
      if (ancestors.get(a.name)?.has(b.name) === true || ancestors.get(b.name)?.has(a.name) === true) return []
      const overlap = findOverlap(a.touches, b.touches)
      if (overlap === null) return []
      const [mine, other] = overlap
      const what = mine === other ? `\`${mine}\`` : `the same files (\`${mine}\`, \`${other}\`)`
      return [
        {
          line: b.touchesLine,
          severity: 'warning',
          message: `\`${a.name}\` and \`${b.name}\` both touch ${what} and neither needs the other`,
        },
      ]
    }),
  )
}
