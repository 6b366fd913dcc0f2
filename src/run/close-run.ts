/** Ends a task from outside: what runs is ended, what it held is preserved, and what has landed after all is not denied. */
import type { RunContext } from '../engine/contract.ts'
import { taskRunId } from '../model/ids.ts'
import type { Activities, Runs } from './activities.ts'
import { endTask, record } from './task-run.ts'

export async function runClose(
  context: RunContext<Activities, Runs>,
  { task: id, attempt, as }: Runs['close']['input'],
): Promise<null> {
  await context.act('cancel', 'run.cancel', { run: taskRunId(id, attempt) })
  const task = await context.act('task', 'task.load', { task: id })
  // It may have ended by itself in the meantime.
  if (task.end !== null || task.attempt !== attempt) return null
  const landed = await context.act('landed', 'landing.find', { task: id })
  if (landed !== null) await record(context, 'landed/record', id, { type: 'change-landed', commit: landed, onto: task.base.name })
  await endTask(context, task, { outcome: landed === null ? as : 'landed', failure: null })
  await context.act('scratch', 'landing.close', { task: id })
  return null
}
