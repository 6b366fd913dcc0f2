/** One turn of a task's agent: with its slot, its questions put to the policy and then to a person. */
import { LetGoError, type PermissionAsk } from '../agent/contract.ts'
import { resolveAgent } from '../agent/known-agents.ts'
import { isTurnUnderWay, runTurn } from '../agent/run-turn.ts'
import { decidePermission } from '../core/permission-policy.ts'
import type { ActivityContext } from '../engine/contract.ts'
import { findOnPath, type CommandPlaces } from '../lib/find-on-path.ts'
import { git } from '../lib/git.ts'
import { requestIdOf } from '../lib/new-id.ts'
import { ok } from '../model/failure.ts'
import { NO_USAGE } from '../model/task.ts'
import type { Activities } from '../run/activities.ts'
import type { Slot } from '../run/admission.ts'
import { loadEnvironment } from './environments.ts'
import { requireWorkspace, workEnvironment, type Leaves } from './leaves.ts'
import { awaitAnswer, withdraw } from './request-activities.ts'

export async function takeTurn(
  leaves: Leaves,
  sessions: string,
  input: Activities['agent.turn']['input'],
  context: ActivityContext,
): Promise<Activities['agent.turn']['output']> {
  const arrive = leaves.admission.expect()
  try {
    return await takeExpectedTurn(leaves, sessions, input, context, arrive)
  } finally {
    arrive()
  }
}

/** `arrive` is called once the turn has asked for its slot. */
async function takeExpectedTurn(
  leaves: Leaves,
  sessions: string,
  input: Activities['agent.turn']['input'],
  context: ActivityContext,
  arrive: () => void,
): Promise<Activities['agent.turn']['output']> {
  const { home, clock, store, admission } = leaves
  const task = (await store.loadTask(input.task))!
  const env = await loadEnvironment(home, task.environment)
  const cwd = requireWorkspace(task)
  // A program of the repository's own is taken from the worktree, or else, where git does not track it, from the user's checkout.
  const places = { path: env.PATH ?? '', folders: [cwd, task.repo] }
  const program = task.argv === null ? resolveAgent(task.agent, task.settings, places) : ok(commandProgram(task.argv, places))
  if (!program.ok) return { ok: false, failure: program.failure, retry: false, text: '', usage: NO_USAGE }
  const gitFolders = await findGitFolders(cwd)
  const key = `${task.id}-${task.attempt}`
  const claim = (underWay: boolean) => ({
    key: context.attempt,
    task: task.id,
    limit: task.settings.concurrency,
    touches: task.touches,
    repo: task.repo,
    underWay,
    since: clock.now(),
  })
  leaves.touch(task.id)
  const entry = admission.take(claim(await isTurnUnderWay(program.value, sessions, key, input.turn)), context.signal)
  arrive()
  let slot: Slot = await entry
  let questions = 0
  let isOver = false
  /** What waits for a person holds no slot. Several questions may be open at once, so each has a claim of its own to come back. */
  const withoutSlot = async <T>(wait: Promise<T>, signal: AbortSignal): Promise<T> => {
    slot.release()
    const value = await wait
    const next = await admission.take({ ...claim(true), key: `${context.attempt}#${++questions}` }, signal)
    slot.release()
    slot = next
    if (isOver) next.release()
    return value
  }
  leaves.touch(task.id)
  const turn = Number(input.turn.split('.')[0])

  const decide = async (ask: PermissionAsk, signal: AbortSignal): Promise<'allow' | 'deny'> => {
    const { action, reason } = decidePermission(ask, task.settings.permissions, [cwd, ...gitFolders, env.TMPDIR ?? '/tmp'])
    if (action !== 'ask') return action
    const id = requestIdOf(ask.key)
    const text = `${ask.command ?? ask.title}${ask.command === null && ask.paths.length > 0 ? ` (${ask.paths.join(', ')})` : ''}\n${reason}`
    await store.record(
      task.id,
      {
        type: 'request-opened',
        request: {
          id,
          task: task.id,
          kind: 'permission',
          text,
          answers: ['allow', 'deny'],
          run: null,
          openedAt: clock.now(),
          closed: null,
        },
      },
      `ask/${ask.key}`,
    )
    const asked = awaitAnswer(store, id, signal).catch(async (error: unknown) => {
      if (signal.reason !== 'cancelled' && signal.reason !== 'stopping') await withdraw(store, clock, task.id, id)
      throw error
    })
    const answer = await withoutSlot(asked, signal)
    return answer === 'allow' ? 'allow' : 'deny'
  }
  try {
    return await runTurn(
      {
        program: program.value,
        folder: sessions,
        key,
        turn: input.turn,
        prompt: input.prompt,
        handOver: input.handOver,
        cwd,
        env: workEnvironment(env, task, cwd),
        gitFolders,
        stallMs: task.settings.stallMinutes * 60_000,
      },
      {
        decide,
        onSession: async (session) => {
          await store.record(
            task.id,
            { type: 'turn-started', turn, go: input.turn, session: session as never },
            `${context.attempt}/${session}`,
          )
        },
      },
      clock,
      context.signal,
    )
  } catch (error) {
    if (error instanceof LetGoError) throw context.signal.reason
    throw error
  } finally {
    isOver = true
    slot.release()
  }
}

const commandProgram = ([command = '', ...words]: readonly string[], places: CommandPlaces) =>
  ({
    name: command,
    protocol: 'command',
    argv: [command.includes('/') ? (findOnPath(command, places) ?? command) : command, ...words],
    env: {},
    authMethod: null,
    askMode: null,
    wantsGitFolders: false,
    install: '',
  }) as const

/** What a commit in a linked worktree writes to, outside of it. */
async function findGitFolders(cwd: string): Promise<string[]> {
  // One call each, because a path may hold a line end.
  const found = await Promise.all(
    ['--git-dir', '--git-common-dir'].map((which) => git(cwd, ['rev-parse', '--path-format=absolute', which])),
  )
  return [...new Set(found.flatMap((one) => (one.ok ? [one.value] : [])))]
}
