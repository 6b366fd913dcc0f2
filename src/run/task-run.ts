/**
 * A task's life: needs, workspace, turns, commit, checks, review, landing. Ordinary code whose effects are activities, so
 * that after a crash it runs again from the top and goes on where it was.
 */
import { composeCheckFeedback, composeConflict, composeFirstPrompt, composeHandOver, composeRevision } from '../core/prompt.ts'
import type { RunContext } from '../engine/contract.ts'
import { hasPassed, type Change, type Evidence } from '../model/change.ts'
import type { Failure } from '../model/failure.ts'
import type { RequestId, TaskId } from '../model/ids.ts'
import type { Outcome, Task } from '../model/task.ts'
import type { Activities, Runs } from './activities.ts'

type Context = RunContext<Activities, Runs>

export async function runTask(context: Context, { task: id, attempt }: Runs['task']['input']): Promise<null> {
  const task = await context.act('task', 'task.load', { task: id })
  try {
    const ending = await work(context, { ...task, attempt })
    await endTask(context, task, ending)
  } catch (error) {
    if (isInterruption(error)) throw error
    await endTask(
      context,
      task,
      { outcome: 'failed', failure: { kind: 'internal', message: (error as Error).message } },
      'broken/',
    )
  }
  return null
}

interface Ending {
  readonly outcome: Outcome
  readonly failure: Failure | null
}

const fail = (failure: Failure): Ending => ({ outcome: 'failed', failure })
const REPORTED: Ending = { outcome: 'reported', failure: null }

async function work(context: Context, task: Task): Promise<Ending> {
  await context.act('needs', 'needs.await', { task: task.id })
  const opened = await context.act('workspace', 'workspace.open', { task: task.id })
  if (!opened.ok) return fail(opened.failure)
  await record(context, 'started', task.id, {
    type: 'task-started',
    workspace: opened.value.path,
    baseCommit: opened.value.baseCommit,
  })

  const isCommand = task.argv !== null
  let prompt = isCommand ? '' : composeFirstPrompt(task)
  let note = ''
  let round = 1
  let conflicts = 0
  let conflicted: readonly string[] = []
  for (let turn = 1; ; turn++) {
    const report = await takeTurn(context, task, turn, prompt)
    if (!report.ok) return fail(report.failure)
    const message = await context.signal<{ text: string }>(`message/${turn}`, 'message', { timeoutMs: 0 })
    if (message !== null) {
      prompt = message.text
      note = message.text
      continue
    }

    // Before the commit, so that no marker gets into the history.
    if (conflicted.length > 0) {
      const left = await context.act(`markers/${turn}`, 'landing.markers', { task: task.id, files: conflicted })
      if (left.length > 0) {
        prompt = await askAboutConflict(context, task, turn, `the agent left conflict markers in ${left.join(', ')}`, left)
        continue
      }
      conflicted = []
    }

    const committed = await context.act(`commit/${turn}`, 'change.commit', { task: task.id, note })
    if (!committed.ok) return fail(committed.failure)
    const change = task.readOnly ? null : committed.value
    await record(context, `committed/${turn}`, task.id, { type: 'change-committed', change })
    if (change === null) {
      if (isCommand || (task.readOnly && report.text !== '')) return REPORTED
      return fail(
        task.readOnly
          ? { kind: 'no-report', agent: task.agent }
          : { kind: 'no-change', agent: task.agent, text: report.text.slice(-2000) },
      )
    }
    const checked = await check(context, task, turn, change)
    if (!checked.ok) return fail(checked.failure)
    const evidence = checked.value
    const late = await context.signal<{ text: string }>(`message/${turn}/checked`, 'message', { timeoutMs: 0 })
    if (!hasPassed(evidence)) {
      // Whoever wrote while the checks ran is heard first.
      if (late === null && (round >= task.settings.rounds || isCommand)) return fail(describeFailedChecks(evidence, round))
      const feedback = composeCheckFeedback(evidence, round, task.settings.rounds)
      prompt = late === null ? feedback : `${feedback}\n\n${late.text}`
      note = late === null ? 'mend what the checks found' : late.text
      round++
      continue
    }
    round = 1
    if (late !== null) {
      prompt = late.text
      note = late.text
      continue
    }

    const decision = await review(context, task, turn, change, evidence)
    if (decision.kind === 'revise') {
      prompt = composeRevision(decision.comments)
      note = decision.comments
      continue
    }
    if (task.base.ref === null) return REPORTED

    const lane = `land ${task.repo} ${task.base.ref}`
    const landing = await context.child(
      `land/${turn}`,
      'landing',
      { task: task.id, commit: change.commit, checked: evidence.length > 0 ? change.tree : null },
      { lane },
    )
    if (landing.kind === 'landed') {
      await record(context, `landed/${turn}`, task.id, { type: 'change-landed', commit: landing.commit, onto: task.base.name })
      return { outcome: 'landed', failure: null }
    }
    if (landing.kind === 'failed') return fail(landing.failure)

    // The change no longer fits its base: it goes back to the agent once, then to a person; either way to a new review.
    conflicts++
    conflicted = landing.kind === 'conflict' ? landing.files : []
    const what =
      landing.kind === 'conflict'
        ? `conflicts with ${task.base.name} in ${landing.files.join(', ')}`
        : `fails its checks on top of the new ${task.base.name}`
    note = `fit it to the new ${task.base.name}`
    const brought = await context.act(`conflict/${turn}`, 'landing.conflict', {
      task: task.id,
      commit: change.commit,
      onto: landing.onto,
    })
    if (!brought.ok) return fail(brought.failure)
    await record(context, `conflicted/${turn}`, task.id, { type: 'change-conflicted', files: conflicted, onto: landing.onto })
    const told =
      landing.kind === 'conflict'
        ? composeConflict(task.base.name, landing.files)
        : `While your change waited, ${task.base.name} moved on; your worktree now stands on it with your change applied. ${composeCheckFeedback(landing.evidence, 1, 2)}`
    prompt = conflicts === 1 && !isCommand ? told : await askAboutConflict(context, task, turn, what, conflicted, told)
  }
}

/** One turn, and again after failures that may pass: twice at most, after 2 s and 8 s. */
async function takeTurn(context: Context, task: Task, turn: number, prompt: string): Promise<Activities['agent.turn']['output']> {
  let text = prompt
  let failures = 0
  for (let go = 1; ; go++) {
    const key = `${turn}.${go}`
    const handOver =
      task.argv !== null
        ? ''
        : turn > 1 || text !== prompt
          ? composeHandOver(task, text)
          : go === 1
            ? text
            : composeHandOver(task, null)
    const report = await context.act(`turn/${key}`, 'agent.turn', { task: task.id, turn: key, prompt: text, handOver })
    const stop = report.ok ? report.stop : report.failure.kind
    await record(context, `turned/${key}`, task.id, {
      type: 'turn-ended',
      turn,
      stop,
      text: report.text.slice(-16_384),
      usage: report.usage,
    })
    if (report.ok && report.stop === 'denied' && go <= 5) {
      text = 'What you asked for was refused. Go on with the task without it, or end with what you have.'
      continue
    }
    if (report.ok || !report.retry || failures === RETRY_MS.length) return report
    const retryMs = RETRY_MS[failures++]!
    await record(context, `failed/${key}`, task.id, { type: 'turn-failed', turn, failure: report.failure, retryMs })
    await context.sleep(`pause/${key}`, retryMs)
    text = prompt
  }
}

const RETRY_MS = [2000, 8000]

async function check(context: Context, task: Task, turn: number, change: Change): Promise<Activities['check.run']['output']> {
  if (task.checks.length === 0) return { ok: true, value: [] }
  const checked = await context.act(`check/${turn}`, 'check.run', {
    task: task.id,
    where: 'workspace',
    commit: change.commit,
    tree: change.tree,
    label: `${turn}`,
  })
  if (checked.ok)
    await record(context, `checked/${turn}`, task.id, { type: 'checks-ended', round: turn, evidence: checked.value })
  return checked
}

type Decision = { readonly kind: 'approve' } | { readonly kind: 'revise'; readonly comments: string }

async function review(
  context: Context,
  task: Task,
  turn: number,
  change: Change,
  evidence: readonly Evidence[],
): Promise<Decision> {
  const approve = (by: 'person' | 'checks'): Promise<null> =>
    record(context, `approved/${turn}`, task.id, { type: 'change-approved', commit: change.commit, by })
  if (task.settings.review.by === 'checks' && evidence.length > 0) {
    await approve('checks')
    return { kind: 'approve' }
  }
  const proof =
    evidence.length === 0
      ? 'nothing was checked'
      : `${evidence.length === 1 ? 'its check passes' : `its ${evidence.length} checks pass`}`
  const text = `${change.files} ${change.files === 1 ? 'file' : 'files'}, +${change.insertions} −${change.deletions}; ${proof}`
  const { request, answer } = await ask(context, `review/${turn}`, task, 'review', text, ['approve', 'revise', 'discard'])
  if (answer !== 'approve') {
    await context.act(`review/${turn}/close`, 'request.close', { task: task.id, request, answer: 'revise', by: 'person' })
    return { kind: 'revise', comments: answer }
  }
  // Approved before it is closed, so that nobody ever sees it neither in review nor approved.
  await approve('person')
  await context.act(`review/${turn}/close`, 'request.close', { task: task.id, request, answer, by: 'person' })
  return { kind: 'approve' }
}

async function askAboutConflict(
  context: Context,
  task: Task,
  turn: number,
  what: string,
  files: readonly string[],
  told = composeConflict(task.base.name, files),
): Promise<string> {
  const text = `${what}\nAnswer \`retry\` to give it to the agent (after mending it in the worktree yourself, if you like), or write what the agent should do; or: heddle discard ${task.name}`
  const { request, answer } = await ask(context, `stuck/${turn}`, task, 'conflict', text, [])
  await context.act(`stuck/${turn}/close`, 'request.close', { task: task.id, request, answer, by: 'person' })
  return answer === 'retry' ? told : `${told}\n\n${answer}`
}

/** Opens a request and waits for its answer; answers that were meant for another one are passed over. */
export async function ask(
  context: Context,
  key: string,
  task: Task,
  kind: 'review' | 'conflict',
  text: string,
  answers: readonly string[],
): Promise<{ request: RequestId; answer: string }> {
  const request = await context.act(`${key}/open`, 'request.open', { task: task.id, kind, text, answers, run: context.id })
  for (let count = 1; ; count++) {
    const answer = await context.signal<{ request: string; answer: string }>(`${key}/answer/${count}`, 'answer')
    if (answer?.request === request) return { request, answer: answer.answer }
  }
}

function describeFailedChecks(evidence: readonly Evidence[], rounds: number): Failure {
  const failing = evidence.find((one) => !one.ok)!
  return { kind: 'checks-failed', rounds, check: failing.check, output: failing.output.slice(-2000) }
}

/**
 * Nothing of the attempt lives on, its work is safe, and only then it is said to have ended. A step that breaks is told as
 * the task's failure, and keeps it from no later one.
 */
export async function endTask(context: Context, task: Task, { outcome, failure }: Ending, prefix = ''): Promise<void> {
  let broken: Failure | null = null
  const attempt = async <T>(step: Promise<T>): Promise<T | null> => {
    try {
      return await step
    } catch (error) {
      if (isInterruption(error)) throw error
      broken = { kind: 'internal', message: (error as Error).message }
      return null
    }
  }
  await attempt(context.act(`${prefix}end/processes`, 'attempt.end', { task: task.id, attempt: task.attempt }))
  const keepBranch = outcome === 'reported' && !task.readOnly && task.base.ref === null
  const closed = await attempt(context.act(`${prefix}end/workspace`, 'workspace.close', { task: task.id, keepBranch }))
  if (closed?.ok === true && closed.value !== null)
    await record(context, `${prefix}end/preserved`, task.id, { type: 'work-preserved', ref: closed.value })
  await attempt(context.act(`${prefix}end/requests`, 'requests.withdraw', { task: task.id }))
  const trouble = closed?.ok === false ? closed.failure : broken
  await record(context, `${prefix}end/ended`, task.id, { type: 'task-ended', outcome, failure: failure ?? trouble })
  await attempt(context.act(`${prefix}end/needs`, 'needs.settle', { task: task.id }))
}

/** By name, because this room knows the engine by type only. A run that was cancelled or let go has no end of its own. */
const isInterruption = (error: unknown): boolean => ['CancelledError', 'EngineStoppedError'].includes((error as Error).name)

export function record(
  context: Context,
  key: string,
  task: TaskId,
  event: Activities['event.record']['input']['event'],
): Promise<null> {
  return context.act(key, 'event.record', { task, event })
}
