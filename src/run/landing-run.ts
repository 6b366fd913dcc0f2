/** One change through the merge train. It has the lane of its base branch, so nothing else lands there meanwhile. */
import type { RunContext } from '../engine/contract.ts'
import { hasPassed } from '../model/change.ts'
import { describeFailure } from '../model/failure.ts'
import type { Activities, LandingReport, Runs } from './activities.ts'
import { ask, record } from './task-run.ts'

/** Each go is lost only to a commit that somebody made to the base in between. */
const MAX_GOES = 50

export async function runLanding(context: RunContext<Activities, Runs>, input: Runs['landing']['input']): Promise<LandingReport> {
  const task = await context.act('task', 'task.load', { task: input.task })
  const report = await land(context, task, input)
  await context.act('close', 'landing.close', { task: task.id })
  return report
}

async function land(
  context: RunContext<Activities, Runs>,
  task: Activities['task.load']['output'],
  input: Runs['landing']['input'],
): Promise<LandingReport> {
  // Approved for this commit, and checked on this tree; whatever else results must pass the checks first.
  let checked = input.checked
  for (let go = 1; go <= MAX_GOES; go++) {
    const report = await context.act(`rebase/${go}`, 'landing.rebase', { task: task.id, commit: input.commit })
    if (!report.ok) return { kind: 'failed', failure: report.failure }
    if (report.value.kind !== 'rebased') return report.value
    const { rebased } = report.value
    if (task.checks.length > 0 && rebased.tree !== checked) {
      const evidence = await context.act(`check/${go}`, 'check.run', {
        task: task.id,
        where: 'scratch',
        commit: rebased.commit,
        tree: rebased.tree,
        label: `land-${context.id.split('/').at(-1)}-${go}`,
      })
      if (!evidence.ok) return { kind: 'failed', failure: evidence.failure }
      if (!hasPassed(evidence.value)) return { kind: 'checks-failed', evidence: evidence.value, onto: rebased.onto }
      checked = rebased.tree
    }
    await record(context, `began/${go}`, task.id, { type: 'landing-began', commit: rebased.commit })
    const advanced = await context.act(`advance/${go}`, 'landing.advance', { task: task.id, rebased })
    if (advanced.ok && advanced.value === 'landed') return { kind: 'landed', commit: rebased.commit }
    if (advanced.ok) continue
    if (advanced.failure.kind !== 'checkout-in-the-way') return { kind: 'failed', failure: advanced.failure }
    const text = `${describeFailure(advanced.failure)}\nNothing was touched. Mend that, then: heddle answer ID retry`
    const { request, answer } = await ask(context, `stuck/${go}`, task, 'conflict', text, ['retry'])
    await context.act(`stuck/${go}/close`, 'request.close', { task: task.id, request, answer, by: 'person' })
  }
  return {
    kind: 'failed',
    failure: { kind: 'internal', message: `${task.base.name} moved ${MAX_GOES} times while the change was landing` },
  }
}
