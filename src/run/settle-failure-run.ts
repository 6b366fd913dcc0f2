/** A need failed, and a person decided what becomes of the tasks that wait for it. */
import type { RunContext } from '../engine/contract.ts'
import { taskRunId } from '../model/ids.ts'
import type { Activities, Runs } from './activities.ts'
import { record } from './task-run.ts'

export async function runSettleFailure(
  context: RunContext<Activities, Runs>,
  { task: id, attempt, request, answer }: Runs['settle-failure']['input'],
): Promise<null> {
  if (answer === 'retry') {
    await record(context, 'retried', id, { type: 'task-retried', attempt: attempt + 1 })
    await context.act('start', 'run.start', {
      run: 'task',
      id: taskRunId(id, attempt + 1),
      input: { task: id, attempt: attempt + 1 },
    })
  } else {
    // With `drop`, each comes behind what waits for it, so that nobody is asked about that one.
    const dependents = await context.act('dependents', 'dependents.find', { task: id, deep: answer === 'drop' })
    for (const dependent of dependents) {
      if (answer === 'go-on') await record(context, `waive/${dependent}`, dependent, { type: 'need-waived', need: id })
      else {
        const task = await context.act(`load/${dependent}`, 'task.load', { task: dependent })
        await context.child(`drop/${dependent}`, 'close', { task: dependent, attempt: task.attempt, as: 'discarded' })
      }
    }
  }
  await context.act('close', 'request.close', { task: id, request, answer, by: 'person' })
  return null
}
