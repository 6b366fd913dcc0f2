import { z } from 'zod'
import { ok, type Result } from '../model/failure.ts'
import type { PlannedTask } from '../model/plan.ts'
import { readYaml } from './yaml-file.ts'

const texts = z.array(z.string().min(1)).default([])

const PlanSchema = z.strictObject({
  tasks: z
    .array(
      z.strictObject({
        name: z.string(),
        prompt: z.string().min(1),
        agent: z.string().optional(),
        needs: texts,
        touches: texts,
        acceptance: texts,
        checks: texts,
        noChecks: z.boolean().default(false),
        base: z.string().optional(),
        readOnly: z.boolean().default(false),
      }),
    )
    .min(1, 'a plan has at least one task'),
})

/** Reads a plan's text. `file` is only its name in messages. Each task knows its line. */
export function readPlan(file: string, text: string): Result<readonly PlannedTask[]> {
  const yaml = readYaml(file, text, PlanSchema)
  if (!yaml.ok) return yaml
  const { value, lineOf } = yaml.value
  return ok(
    value.tasks.map((task, index) => ({
      ...task,
      agent: task.agent ?? null,
      base: task.base ?? null,
      line: lineOf(['tasks', index]) ?? 1,
      needsLines: task.needs.map((_need, at) => lineOf(['tasks', index, 'needs', at]) ?? lineOf(['tasks', index]) ?? 1),
      touchesLine: lineOf(['tasks', index, 'touches']) ?? lineOf(['tasks', index]) ?? 1,
    })),
  )
}
