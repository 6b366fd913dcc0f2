/** Binds each activity to the leaf that does it. */
import { join } from 'node:path'
import { readdir } from 'node:fs/promises'
import { LetGoError, type PermissionAsk } from '../agent/contract.ts'
import { resolveAgent } from '../agent/known-agents.ts'
import { runTurn } from '../agent/run-turn.ts'
import { commitAll, dropLeftovers } from '../change/change.ts'
import { advanceBase, bringConflict, findMarkers, rebaseOnto } from '../change/land.ts'
import { runCheck } from '../check/run-check.ts'
import { decidePermission } from '../core/permission-policy.ts'
import { isMet } from '../core/task-state.ts'
import type { ActivityContext, ActivityTable, Engine } from '../engine/contract.ts'
import type { Clock } from '../lib/clock.ts'
import { git, runGit } from '../lib/git.ts'
import { isJobRunning, killJob, loadJob } from '../lib/job.ts'
import { requestIdOf } from '../lib/new-id.ts'
import type { Evidence } from '../model/change.ts'
import { ok, type Result } from '../model/failure.ts'
import type { GitHash, RequestId, TaskId } from '../model/ids.ts'
import { NO_USAGE, type Task } from '../model/task.ts'
import type { Activities } from '../run/activities.ts'
import type { Admission, Slot } from '../run/admission.ts'
import type { Store } from '../store/contract.ts'
import type { Workspaces } from '../workspace/workspace.ts'
import { loadEnvironment, type Environment } from './environments.ts'

export interface Leaves {
  readonly home: string
  readonly clock: Clock
  readonly store: Store
  readonly workspaces: Workspaces
  readonly admission: Admission
  /** The engine calls these activities, so it is made after them. */
  readonly engine: () => Engine
  /** Something about the task has begun that no event tells. */
  readonly touch: (task: TaskId) => void
}

export function bindActivities(leaves: Leaves): ActivityTable<Activities> {
  const { home, clock, store, workspaces } = leaves
  const requireTask = async (id: TaskId): Promise<Task> => {
    const task = await store.loadTask(id)
    if (task === null) throw new Error(`there is no task ${id}`)
    return task
  }
  const sessions = join(home, 'sessions')

  return {
    'task.load': ({ task }) => requireTask(task),
    'event.record': async ({ task, event }, context) => {
      await store.record(task, event, context.attempt)
      return null
    },
    'needs.await': ({ task }, context) => awaitNeeds(store, task, context.signal),
    'workspace.open': async ({ task: id }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      return workspaces.open({ repo: task.repo, name: task.name, branch: task.branch, from: task.base.ref ?? task.base.commit })
    },
    'workspace.close': async ({ task: id, keepBranch }) => {
      const task = await requireTask(id)
      const safe = task.landed !== null ? task.approved : keepBranch ? (task.change?.commit ?? null) : task.baseCommit
      return workspaces.close({ repo: task.repo, name: task.name, branch: task.branch, safe, keepBranch })
    },
    'agent.turn': (input, context) => takeTurn(leaves, sessions, input, context),
    'attempt.end': async ({ task, attempt }) => {
      await endAttempt(sessions, task, attempt, clock)
      return null
    },
    'change.commit': async ({ task: id }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      return commitAll({
        path: requireWorkspace(task),
        branch: task.branch,
        base: task.baseCommit!,
        message: composeMessage(task),
      })
    },
    'check.run': (input, context) => runChecks(leaves, sessions, input, context),
    'landing.rebase': async ({ task: id, commit }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      const scratch = await workspaces.openScratch(task.repo, task.name, commit)
      if (!scratch.ok) return scratch
      return rebaseOnto({
        scratch: scratch.value,
        ref: task.base.ref!,
        from: task.baseCommit!,
        commit,
        message: composeMessage(task),
      })
    },
    'landing.advance': async ({ task: id, rebased }) => {
      leaves.touch(id)
      const task = await requireTask(id)
      return advanceBase({ repo: task.repo, ref: task.base.ref!, rebased })
    },
    'landing.close': async ({ task: id }) => {
      const task = await requireTask(id)
      await workspaces.closeScratch(task.repo, task.name)
      return null
    },
    'landing.conflict': async ({ task: id, commit, onto }) => {
      const task = await requireTask(id)
      const preserved = await workspaces.preserve(task.repo, task.name)
      if (!preserved.ok) return preserved
      return bringConflict({ path: requireWorkspace(task), branch: task.branch, from: task.baseCommit!, commit, onto })
    },
    'landing.markers': async ({ task: id, files }) => {
      const task = await requireTask(id)
      const marked = await findMarkers(requireWorkspace(task), task.baseCommit!)
      return files.filter((file) => marked.includes(file))
    },
    'landing.find': async ({ task: id }) => {
      const task = await requireTask(id)
      if (task.landing === null || task.base.ref === null) return null
      const landed = await runGit(task.repo, ['merge-base', '--is-ancestor', task.landing, task.base.ref])
      return landed.code === 0 ? task.landing : null
    },
    'request.open': async ({ task, kind, text, answers, run }, context) => {
      const id = requestIdOf(context.attempt)
      const request = {
        id,
        task,
        kind,
        text: text.replaceAll('answer ID ', `answer ${id} `),
        answers,
        run,
        openedAt: clock.now(),
        closed: null,
      }
      await store.record(task, { type: 'request-opened', request }, context.attempt)
      return id
    },
    'request.close': async ({ task, request, answer, by }, context) => {
      await store.record(task, { type: 'request-closed', request, closed: { answer, by, at: clock.now() } }, context.attempt)
      return null
    },
    'requests.withdraw': async ({ task }) => {
      for (const request of await store.loadRequests({ task, open: true })) await withdraw(store, clock, task, request.id)
      return null
    },
    'dependents.ask': async ({ task: id, outcome }, context) => {
      if (outcome === 'landed' || outcome === 'reported') return null
      const dependents = await findDependents(store, id)
      if (dependents.length === 0) return null
      const task = await requireTask(id)
      const names = dependents.map((one) => `\`${one.name}\``).join(', ')
      const request = requestIdOf(context.attempt)
      const text = `\`${task.name}\` is ${outcome}, and ${names} ${dependents.length === 1 ? 'waits' : 'wait'} for it: retry it, drop what waits, or go on without it?`
      await store.record(
        id,
        {
          type: 'request-opened',
          request: {
            id: request,
            task: id,
            kind: 'failure',
            text,
            answers: ['retry', 'drop', 'go-on'],
            run: null,
            openedAt: clock.now(),
            closed: null,
          },
        },
        context.attempt,
      )
      return null
    },
    'dependents.find': async ({ task }) => (await findDependents(store, task)).map((one) => one.id),
    'run.cancel': async ({ run }) => {
      await leaves.engine().cancel(run)
      return null
    },
    'run.start': async ({ run, id, input }) => {
      await leaves.engine().start(run, input as never, { id })
      return null
    },
  }
}

function requireWorkspace(task: Task): string {
  if (task.workspace === null) throw new Error(`task ${task.name} has no workspace`)
  return task.workspace
}

/** What the commit says that holds what an agent left: the prompt's first line, or the command. */
function composeMessage(task: Task): string {
  const line =
    task.prompt
      .replaceAll(/<steps>[^]*?<\/steps>/g, '')
      .trim()
      .split('\n')[0]
      ?.trim() ?? ''
  const subject = line.length > 72 ? `${line.slice(0, 71)}…` : line
  return subject === '' ? task.name : `${subject}\n\nHeddle-Task: ${task.name}`
}

function awaitNeeds(store: Store, id: TaskId, signal: AbortSignal): Promise<null> {
  return new Promise((resolve, reject) => {
    let needs: readonly TaskId[] = []
    const look = async (): Promise<void> => {
      const task = await store.loadTask(id)
      needs = task?.needs.filter((need) => !task.waived.includes(need)) ?? []
      const states = await Promise.all(needs.map((need) => store.loadTask(need)))
      if (states.every((need) => need !== null && isMet(need))) {
        stop()
        resolve(null)
      }
    }
    const poke = (): void => void look().catch(reject)
    const unsubscribe = store.subscribe(({ task, event }) => {
      if ((event.type === 'task-ended' && needs.includes(task)) || (event.type === 'need-waived' && task === id)) poke()
    })
    const leave = (): void => {
      stop()
      reject(signal.reason)
    }
    const stop = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', leave)
    }
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) leave()
    else poke()
  })
}

async function findDependents(store: Store, id: TaskId): Promise<Task[]> {
  const open = await store.loadTasks({ open: true })
  return open.filter((task) => task.needs.includes(id) && !task.waived.includes(id))
}

async function takeTurn(
  leaves: Leaves,
  sessions: string,
  input: Activities['agent.turn']['input'],
  context: ActivityContext,
): Promise<Activities['agent.turn']['output']> {
  const { home, clock, store, admission } = leaves
  const task = (await store.loadTask(input.task))!
  const env = await loadEnvironment(home, task.environment)
  const cwd = requireWorkspace(task)
  const program =
    task.argv === null ? resolveAgent(task.agent, task.settings, { path: env.PATH ?? '', cwd }) : ok(commandProgram(task.argv))
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
  let slot: Slot = await admission.take(claim(await isUnderWay(sessions, key)), context.signal)
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
    // What waits for a person holds no slot.
    slot.release()
    const answer = await awaitAnswer(store, id, signal).catch(async (error: unknown) => {
      if (signal.reason !== 'cancelled' && signal.reason !== 'stopping') await withdraw(store, clock, task.id, id)
      throw error
    })
    slot = await admission.take(claim(true), context.signal)
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
    slot.release()
  }
}

const commandProgram = (argv: readonly string[]) =>
  ({
    name: argv[0]!,
    protocol: 'command',
    argv,
    env: {},
    authMethod: null,
    askMode: null,
    wantsGitFolders: false,
    install: '',
  }) as const

/** Whether something of this try runs already: it is adopted, so it needs no leave to begin. */
async function isUnderWay(sessions: string, key: string): Promise<boolean> {
  for (const name of await readdir(sessions).catch(() => [])) {
    if (!name.startsWith(`${key}.`)) continue
    const job = await loadJob(join(sessions, name))
    if (job !== null && (await isJobRunning(job))) return true
  }
  return false
}

function workEnvironment(env: Environment, task: Task, cwd: string): Record<string, string> {
  return { ...env, PWD: cwd, HEDDLE_TASK: task.name, HEDDLE_WORKSPACE: cwd }
}

/** What a commit in a linked worktree writes to, outside of it. */
async function findGitFolders(cwd: string): Promise<string[]> {
  const found = await git(cwd, ['rev-parse', '--path-format=absolute', '--git-dir', '--git-common-dir'])
  return found.ok ? [...new Set(found.value.split('\n'))] : []
}

function awaitAnswer(store: Store, id: RequestId, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (answer: string): void => {
      stop()
      resolve(answer)
    }
    const unsubscribe = store.subscribe(({ event }) => {
      if (event.type === 'request-closed' && event.request === id) settle(event.closed.answer)
    })
    const leave = (): void => {
      stop()
      reject(signal.reason)
    }
    const stop = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', leave)
    }
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) return leave()
    store.loadRequest(id).then((request) => {
      if (request?.closed) settle(request.closed.answer)
    }, reject)
  })
}

async function withdraw(store: Store, clock: Clock, task: TaskId, request: RequestId): Promise<void> {
  await store.record(
    task,
    { type: 'request-closed', request, closed: { answer: 'withdrawn', by: 'heddle', at: clock.now() } },
    `withdrawn/${request}`,
  )
}

async function runChecks(
  leaves: Leaves,
  sessions: string,
  input: Activities['check.run']['input'],
  context: ActivityContext,
): Promise<Result<readonly Evidence[]>> {
  const { home, clock, store, workspaces, admission } = leaves
  const task = (await store.loadTask(input.task))!
  const env = await loadEnvironment(home, task.environment)
  let cwd = requireWorkspace(task)
  if (input.where === 'scratch') cwd = workspaces.scratchOf(task.repo, task.name)
  leaves.touch(task.id)
  const prefix = `${task.id}-${task.attempt}-check-${input.label}`
  const underWay = (await loadJob(join(sessions, `${prefix}-1`))) !== null
  const slot = await admission.take(
    {
      key: context.attempt,
      task: task.id,
      limit: task.settings.concurrency,
      touches: task.touches,
      repo: task.repo,
      underWay,
      since: clock.now(),
    },
    context.signal,
  )
  leaves.touch(task.id)
  try {
    const evidence: Evidence[] = []
    for (const [index, command] of task.checks.entries()) {
      const folder = join(sessions, `${prefix}-${index + 1}`)
      const one = await runCheck(
        {
          folder,
          attempt: `${prefix}-${index + 1}`,
          command,
          cwd,
          env: workEnvironment(env, task, cwd),
          tree: input.tree,
          timeoutMs: task.settings.checkMinutes * 60_000,
        },
        clock,
        context.signal,
      )
      if (one === null) throw context.signal.reason
      const clean = await dropWhatChecksLeft(workspaces, task, cwd, input)
      if (!clean.ok) return clean
      evidence.push(one)
      if (!one.ok) break
    }
    return ok(evidence)
  } finally {
    slot.release()
  }
}

async function dropWhatChecksLeft(
  workspaces: Workspaces,
  task: Task,
  cwd: string,
  { where, commit }: { where: string; commit: GitHash },
): Promise<Result<null>> {
  const status = await git(cwd, ['status', '--porcelain', '-z'])
  if (!status.ok) return status
  const head = await git(cwd, ['rev-parse', 'HEAD'])
  if (status.value === '' && head.ok && head.value === commit) return ok(null)
  // It may be a person's, who works in the worktree while its checks run.
  const preserved = where === 'workspace' ? await workspaces.preserve(task.repo, task.name) : ok(null)
  return preserved.ok ? dropLeftovers(cwd, commit) : preserved
}

async function endAttempt(sessions: string, task: TaskId, attempt: number, clock: Clock): Promise<void> {
  for (const name of await readdir(sessions).catch(() => [])) {
    if (!name.startsWith(`${task}-${attempt}.`) && !name.startsWith(`${task}-${attempt}-`)) continue
    const job = await loadJob(join(sessions, name))
    if (job !== null) await killJob(job, clock)
  }
}
