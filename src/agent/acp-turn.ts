/** One turn with an ACP agent: found or begun, its questions answered, its end told apart from success. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { isMissing } from '../lib/files.ts'
import { isJobRunning, killJob, loadJob, startJob, type Job } from '../lib/job.ts'
import type { Failure } from '../model/failure.ts'
import { NO_USAGE } from '../model/task.ts'
import { openAcpSession, tagOf, type AcpSession } from './acp-session.ts'
import { openAcpConversation } from './acp-open.ts'
import { LetGoError, type TurnHooks, type TurnOutcome, type TurnSpec } from './contract.ts'
import { readAsk, readOptions } from './permission-ask.ts'
import { readUsage } from './protocol-state.ts'
import { readSent, type Message } from './session-log.ts'

export async function runAcpTurn(spec: TurnSpec, hooks: TurnHooks, clock: Clock, signal: AbortSignal): Promise<TurnOutcome> {
  const found = await findSession(spec, clock)
  let job = found.job
  try {
    if (job === null) {
      job = await startJob({
        folder: join(spec.folder, `${spec.key}.${found.next}`),
        attempt: `${spec.key}.${found.next}`,
        argv: spec.program.argv,
        cwd: spec.cwd,
        env: { ...spec.env, ...spec.program.env },
        startedAt: clock.now(),
        input: 'relay',
      })
    }
    await hooks.onSession(folderOf(job))
    const session = await openAcpSession(spec.program, job, clock, signal)
    try {
      const outcome = await converse(spec, session, hooks, signal, found.earlier)
      // An agent that broke its protocol or hangs must not go on behind our back.
      if (!outcome.ok && outcome.failure.kind !== 'agent-error' && outcome.failure.kind !== 'agent-refused')
        await killJob(job, clock)
      return outcome
    } finally {
      session.close()
    }
  } catch (error) {
    if (error instanceof LetGoError && signal.reason === 'cancelled' && job !== null) await killJob(job, clock)
    throw error
  }
}

const folderOf = (job: Job): string => job.folder.slice(job.folder.lastIndexOf('/') + 1)

/**
 * The session to go on with: the one that was sent this turn already, dead or alive; else the last one, if it lives. What
 * is left of dead ones is ended before a new one starts in the same worktree.
 */
async function findSession(spec: TurnSpec, clock: Clock): Promise<{ job: Job | null; next: number; earlier: readonly Job[] }> {
  const { jobs, next } = await loadSessions(spec.folder, spec.key)
  for (const job of jobs) if (await wasSent(job, spec.turn)) return { job, next, earlier: [] }
  const last = jobs.at(-1)
  if (last !== undefined && (await isJobRunning(last))) return { job: last, next, earlier: jobs.slice(0, -1) }
  for (const job of jobs) await killJob(job, clock, 0)
  return { job: null, next, earlier: jobs }
}

/** The sessions of a task's attempt, oldest first, and the number of the next one. */
async function loadSessions(folder: string, key: string): Promise<{ jobs: Job[]; next: number }> {
  const numbers = (await listFolder(folder))
    .flatMap((name) => (name.startsWith(`${key}.`) ? [Number(name.slice(key.length + 1))] : []))
    .filter(Number.isInteger)
  const jobs: Job[] = []
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const job = await loadJob(join(folder, `${key}.${number}`))
    if (job !== null) jobs.push(job)
  }
  return { jobs, next: Math.max(0, ...numbers) + 1 }
}

export async function isAcpTurnUnderWay(folder: string, key: string, turn: string): Promise<boolean> {
  const { jobs } = await loadSessions(folder, key)
  for (const job of jobs) if ((await wasSent(job, turn)) && (await isJobRunning(job))) return true
  return false
}

async function wasSent(job: Job, turn: string): Promise<boolean> {
  return (await readSent(job.folder)).some((message) => message.method === 'session/prompt' && tagOf(message) === turn)
}

async function listFolder(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    if (isMissing(error)) return []
    throw error
  })
}

async function converse(
  spec: TurnSpec,
  session: AcpSession,
  hooks: TurnHooks,
  signal: AbortSignal,
  earlier: readonly Job[],
): Promise<TurnOutcome> {
  const { program } = spec
  const opened = await openAcpConversation(spec, session, earlier)
  if (!opened.ok) return { ok: false, failure: opened.failure, retry: false, text: '', usage: NO_USAGE }
  const { sessionId, remembers } = opened.value
  const questions = answerQuestions(spec, session, hooks, signal)
  try {
    const text = remembers ? spec.prompt : spec.handOver
    const id = await session.request(spec.turn, 'session/prompt', { sessionId, prompt: [{ type: 'text', text }] })
    const answer = await session.answer(id, {
      silentMs: spec.stallMs,
      isExcused: questions.areOpen,
      when: 'in the middle of its turn',
    })
    const record = session.state().turns.get(id) ?? session.state().turn
    if (!answer.ok)
      return {
        ok: false,
        failure: answer.failure,
        retry: answer.failure.kind === 'agent-died',
        text: record.text,
        usage: NO_USAGE,
      }
    const usage = readUsage(answer.value, record, costBefore(session, id))
    const said = { text: record.text.trim(), usage }
    const { error, result } = answer.value
    if (error !== undefined) {
      const message = describeError(error)
      return {
        ok: false,
        failure: { kind: 'agent-error', agent: program.name, message, retry: !isAuthentication(message, error.code) },
        retry: !isAuthentication(message, error.code),
        ...said,
      }
    }
    const stop = typeof result?.stopReason === 'string' ? result.stopReason : 'end_turn'
    if (stop === 'refusal')
      return { ok: false, failure: { kind: 'agent-refused', agent: program.name, stop, text: said.text }, retry: false, ...said }
    // codex ends a turn when it is refused something, and calls that cancelled.
    if (stop === 'cancelled')
      return questions.denied() > 0
        ? { ok: true, stop: 'denied', ...said }
        : { ok: false, failure: { kind: 'agent-refused', agent: program.name, stop, text: said.text }, retry: true, ...said }
    const failure = findHiddenFailure(program.name, result?.usage, record.toolCalls, record.stray, said.text)
    if (failure !== null) return { ok: false, failure, retry: failure.kind === 'agent-error' && failure.retry, ...said }
    return { ok: true, stop, ...said }
  } finally {
    questions.stop()
  }
}

/** Some agents end a turn that failed for good as if all were well: with nothing, or with the error as stray text. */
function findHiddenFailure(agent: string, usage: unknown, toolCalls: number, stray: boolean, text: string): Failure | null {
  if (text === '' && toolCalls === 0)
    return { kind: 'agent-error', agent, message: 'it ended its turn without saying or doing anything', retry: true }
  if (usage === null && stray && text !== '')
    return { kind: 'agent-error', agent, message: text.slice(0, 2000), retry: !isAuthentication(text, 0) }
  return null
}

const isAuthentication = (message: string, code: number): boolean =>
  code === -32000 || /authenticat|unauthori[sz]ed|\b401\b|api.?key|log ?in/i.test(message)

function describeError(error: { readonly message: string; readonly data?: unknown }): string {
  const data = error.data as { details?: unknown; message?: unknown } | string | null | undefined
  const details =
    typeof data === 'string'
      ? data
      : typeof data?.details === 'string'
        ? data.details
        : typeof data?.message === 'string'
          ? data.message
          : ''
  return details === '' || error.message.includes(details) ? error.message : `${error.message}: ${details}`
}

/** The session's cost when the turns before this one had ended. */
function costBefore(session: AcpSession, prompt: number): number | null {
  const costs = [...session.state().turns].flatMap(([id, turn]) =>
    id >= prompt || turn.sessionCostUsd === null ? [] : [turn.sessionCostUsd],
  )
  return costs.at(-1) ?? null
}

/** Answers what the agent asks until stopped. Questions that were answered before a restart are not asked again. */
function answerQuestions(
  spec: TurnSpec,
  session: AcpSession,
  hooks: TurnHooks,
  signal: AbortSignal,
): { areOpen(): boolean; denied(): number; stop(): void } {
  const open = new Map<number | string, AbortController>()
  const isAnswered = (id: number | string): boolean =>
    session.sent().some((message) => message.method === undefined && message.id === id)

  const look = (): void => {
    const { asked } = session.state()
    for (const [id, withdrawn] of open) if (!asked.has(id)) withdrawn.abort()
    for (const [id, message] of asked) {
      if (open.has(id) || isAnswered(id)) continue
      const controller = new AbortController()
      open.set(id, controller)
      void answerOne(id, message.method ?? '', message.params ?? {}, controller.signal)
        .catch(() => {})
        .finally(() => open.delete(id))
    }
  }
  const answerOne = async (
    id: number | string,
    method: string,
    params: Record<string, unknown>,
    withdrawn: AbortSignal,
  ): Promise<void> => {
    if (method !== 'session/request_permission')
      return session.reply(id, null, { code: -32601, message: `Heddle does not offer ${method}` })
    const decision = await hooks.decide(readAsk(params, `${spec.key}/${spec.turn}/${id}`), AbortSignal.any([withdrawn, signal]))
    await session.reply(id, { outcome: readOptions(params)[decision] })
  }
  const stopListening = session.onProgress(look)
  look()
  return {
    areOpen: () => open.size > 0,
    // From the logs, because the turn may end after a restart.
    denied() {
      const sent = session.sent()
      const prompt = sent.findIndex((message) => message.method === 'session/prompt' && tagOf(message) === spec.turn)
      return sent.slice(prompt).filter((message) => isDenial(message, session.state().asked)).length
    },
    stop() {
      stopListening()
      for (const controller of open.values()) controller.abort()
    },
  }
}

function isDenial(reply: Message, asked: ReadonlyMap<number | string, Message>): boolean {
  if (reply.method !== undefined || reply.id === undefined || reply.id === null) return false
  const question = asked.get(reply.id)
  const outcome = reply.result?.outcome as { outcome?: string; optionId?: string } | undefined
  if (question === undefined || outcome === undefined) return false
  const { deny } = readOptions(question.params ?? {})
  return outcome.outcome === deny.outcome && (deny.outcome === 'cancelled' || outcome.optionId === deny.optionId)
}
