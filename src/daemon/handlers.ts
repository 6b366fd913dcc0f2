/** What each method of the contract does. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dispatched, LogEntry, Method, ParsedParamsOf, Results, TaskDetail, TaskView, WatchItem } from '../api/contract.ts'
import { formatDiff } from '../change/change.ts'
import { findNotice } from '../core/notice.ts'
import { hasSettled } from '../core/task-state.ts'
import type { Engine } from '../engine/contract.ts'
import type { Clock } from '../lib/clock.ts'
import { isJobRunning, loadJob, type Job } from '../lib/job.ts'
import { FailureError, requireOk } from '../model/failure.ts'
import { closeRunId, taskRunId, type RequestId, type RunId, type TaskId } from '../model/ids.ts'
import type { Request } from '../model/request.ts'
import type { Task } from '../model/task.ts'
import type { Store } from '../store/contract.ts'
import { locateRepository } from '../workspace/repository.ts'
import type { DispatchDesk } from './dispatch.ts'
import type { Feed } from './feed.ts'
import { settleRunId } from './need-activities.ts'
import { describeEvent } from './history.ts'
import { streamLogs } from './logs.ts'
import { formatRequest, formatTime, type Views } from './views.ts'

export interface CallContext {
  /** Aborted when the caller has gone. */
  readonly signal: AbortSignal
  readonly send: (item: LogEntry | WatchItem) => void
}

export type Handlers = { readonly [M in Method]: (params: ParsedParamsOf<M>, context: CallContext) => Promise<Results[M]> }

export interface HandlerLeaves {
  readonly home: string
  readonly version: string
  readonly clock: Clock
  readonly store: Store
  readonly engine: Engine
  readonly views: Views
  readonly desk: DispatchDesk
  readonly feed: Feed
  /** `all`: ends the processes that still run, too. */
  readonly shutDown: (all: boolean) => void
}

const DAY_MS = 24 * 60 * 60 * 1000

export function createHandlers(leaves: HandlerLeaves): Handlers {
  const { home, clock, store, engine, views, desk, feed } = leaves
  const startedAt = clock.now()

  const findTask = async (cwd: string, ref: string): Promise<Task> => {
    const repo = await locateRepository(cwd)
    // In another repository, or in none, a task can still be named by its id, or by a name that only one task has.
    const own = repo !== null ? await store.findTasks(ref, repo) : []
    const found = own.length > 0 ? own : await store.findTasks(ref, null)
    if (found.length === 1) return found[0]!
    if (found.length === 0) throw new FailureError({ kind: 'unknown-task', ref, near: await findNear(ref, repo) })
    throw new FailureError({ kind: 'ambiguous-task', ref, matches: found.map((task) => (own.length > 0 ? task.name : task.id)) })
  }
  const findNear = async (ref: string, repo: string | null): Promise<string | null> => {
    const { closest, distance } = await import('fastest-levenshtein')
    const names = (await store.loadTasks(repo === null ? {} : { repo })).map((task) => task.name)
    const near = names.length === 0 ? null : closest(ref, names)
    return near !== null && distance(near, ref) <= Math.max(2, ref.length / 3) ? near : null
  }
  const viewOf = async (id: TaskId): Promise<TaskView> => views.view((await store.loadTask(id))!)

  /** Resolves once `isDone` holds; looks again after each event of the task, and gives up when the caller has gone. */
  const until = (id: TaskId, signal: AbortSignal, isDone: () => Promise<boolean>): Promise<void> =>
    new Promise((resolve, reject) => {
      const stop = feed.subscribe((task) => {
        if (task === id) look()
      })
      const look = (): void => void isDone().then((done) => (done ? settle() : undefined), fail)
      const settle = (): void => {
        stop()
        signal.removeEventListener('abort', settle)
        resolve()
      }
      const fail = (error: unknown): void => {
        stop()
        reject(error as Error)
      }
      signal.addEventListener('abort', settle, { once: true })
      look()
    })

  const requireReview = async (task: Task): Promise<Request> => {
    const { derived, requests } = await views.derive(task)
    const review = requests.find((request) => request.kind === 'review')
    if (review !== undefined) return review
    const todo =
      derived.state === 'working' ? `Wait for it with: heddle wait ${task.name}` : `See it with: heddle show ${task.name}`
    throw new FailureError({ kind: 'wrong-state', task: task.name, state: derived.state, wanted: 'in review', todo })
  }
  const answerReview = async (task: Task, request: Request, answer: string, signal: AbortSignal): Promise<TaskView> => {
    await engine.signal(request.run as RunId, 'answer', { request: request.id, answer })
    await until(task.id, signal, async () => (await store.loadRequest(request.id))?.closed !== null)
    const closed = (await store.loadRequest(request.id))?.closed
    // Somebody else was quicker, and said something else.
    if (closed && closed.answer !== (answer === 'approve' ? 'approve' : 'revise'))
      throw new FailureError({ kind: 'request-closed', id: request.id, answer: closed.answer })
    return viewOf(task.id)
  }
  const close = async (task: Task, as: 'stopped' | 'discarded', signal: AbortSignal): Promise<TaskView> => {
    if (task.end === null) {
      const id = closeRunId(task.id, task.attempt)
      await engine.start('close', { task: task.id, attempt: task.attempt, as }, { id })
      await until(task.id, signal, async () => {
        if ((await store.loadTask(task.id))?.end !== null) return true
        const run = await engine.status(id)
        if (run.state === 'failed') throw new FailureError({ kind: 'internal', message: run.error })
        return false
      })
    } else if (task.end.outcome !== as) {
      throw new FailureError({
        kind: 'wrong-state',
        task: task.name,
        state: task.end.outcome,
        wanted: 'running',
        todo: `It has ended; see it with: heddle show ${task.name}`,
      })
    }
    return viewOf(task.id)
  }
  /** Work under way is stopped. What waits for a review, or for its turn to land, still waits after the next start. */
  const endWork = async (task: Task, signal: AbortSignal): Promise<void> => {
    const { derived } = await views.derive(task)
    if (derived.state === 'working' || derived.state === 'paused') await close(task, 'stopped', signal)
  }
  const loadAgents = async (task: Task): Promise<Job[]> => {
    const names = (await readdir(join(home, 'sessions'))).filter((name) => name.startsWith(`${task.id}-${task.attempt}.`))
    return (await Promise.all(names.map((name) => loadJob(join(home, 'sessions', name))))).filter((job) => job !== null)
  }
  const settleFailure = async (request: Request, answer: 'retry' | 'drop' | 'go-on'): Promise<void> => {
    const task = (await store.loadTask(request.task))!
    await engine.start(
      'settle-failure',
      { task: task.id, attempt: task.attempt, request: request.id, answer },
      { id: settleRunId(request.id) },
    )
  }
  const countAgents = async (tasks: readonly Task[]): Promise<number> => {
    const jobs = (await Promise.all(tasks.map(loadAgents))).flat()
    return (await Promise.all(jobs.map(isJobRunning))).filter(Boolean).length
  }

  return {
    'daemon.status': async () => {
      const open = await store.loadTasks({ open: true })
      return { pid: process.pid, version: leaves.version, home, startedAt, tasks: open.length, agents: await countAgents(open) }
    },
    'daemon.stop': async ({ all }, { signal }) => {
      const open = await store.loadTasks({ open: true })
      const agents = await countAgents(open)
      if (all) await Promise.all(open.map((task) => endWork(task, signal)))
      // After the answer has gone out.
      setImmediate(leaves.shutDown, all)
      return all ? { agentsLeft: 0, agentsEnded: agents } : { agentsLeft: agents, agentsEnded: 0 }
    },
    'tasks.dispatch': (params): Promise<Dispatched> => desk.dispatchTasks(params),
    'plan.dispatch': (params): Promise<Dispatched> => desk.dispatchPlan(params),
    'plan.check': (params) => desk.checkPlanText(params),

    'tasks.list': async ({ cwd, all }) => {
      const repo = await locateRepository(cwd)
      const here = repo !== null && !all ? { repo } : {}
      return views.viewAll(await store.loadTasks({ ...here, ...(all ? {} : { endedAfter: clock.now() - DAY_MS }) }))
    },
    'tasks.get': async ({ cwd, task: ref }): Promise<TaskDetail> => {
      const task = await findTask(cwd, ref)
      const events = await store.loadEvents(task.id)
      return {
        ...(await views.view(task)),
        prompt: task.prompt,
        acceptance: task.acceptance,
        touches: task.touches,
        checks: task.checks,
        workspace: task.end === null ? task.workspace : null,
        session: task.session,
        turns: task.turns,
        lastWords: task.lastWords,
        requests: (await store.loadRequests({ task: task.id })).map((request) => formatRequest(request, task.name)),
        history: events.flatMap(({ at, event }) => {
          const text = describeEvent(event)
          return text === null ? [] : [{ at: formatTime(at), text }]
        }),
      }
    },
    'tasks.wait': async ({ cwd, tasks: refs, timeoutMs }, { signal }) => {
      const ids: TaskId[] = []
      for (const ref of refs) ids.push((await findTask(cwd, ref)).id)
      const timeout = new AbortController()
      const cancelTimer = timeoutMs === undefined ? (): void => {} : clock.after(timeoutMs, () => timeout.abort())
      const either = AbortSignal.any([signal, timeout.signal])
      const pending = new Set(ids)
      const isSettled = async (id: TaskId): Promise<boolean> => {
        const { derived, requests } = await views.derive((await store.loadTask(id))!)
        return hasSettled(derived, requests)
      }
      await new Promise<void>((resolve, reject) => {
        let looking = false
        let again = false
        const look = async (): Promise<void> => {
          if (looking) {
            again = true
            return
          }
          looking = true
          do {
            again = false
            for (const id of pending) if (await isSettled(id)) pending.delete(id)
          } while (again)
          looking = false
          if (pending.size === 0) finish()
        }
        const finish = (): void => {
          stop()
          either.removeEventListener('abort', finish)
          resolve()
        }
        const stop = feed.subscribe(() => void look().catch(reject))
        either.addEventListener('abort', finish, { once: true })
        void look().catch(reject)
      })
      cancelTimer()
      const found = await Promise.all(ids.map((id) => store.loadTask(id)))
      return { tasks: await views.viewAll(found.filter((task) => task !== null)), timedOut: pending.size > 0 }
    },
    'tasks.diff': async ({ cwd, task: ref, stat }) => {
      const task = await findTask(cwd, ref)
      if (task.change === null) return { text: '' }
      return { text: requireOk(await formatDiff(task.repo, task.change.base, task.change.commit, stat)) }
    },
    'tasks.send': async ({ cwd, task: ref, text }) => {
      const task = await findTask(cwd, ref)
      const { derived } = await views.derive(task)
      if (derived.state === 'review')
        throw new FailureError({
          kind: 'wrong-state',
          task: task.name,
          state: 'in review',
          wanted: 'working',
          todo: `Send your comments with: heddle revise ${task.name} "…"`,
        })
      if (derived.state !== 'queued' && derived.state !== 'working') {
        throw new FailureError({
          kind: 'wrong-state',
          task: task.name,
          state: derived.state,
          wanted: 'queued or working',
          todo: `See it with: heddle show ${task.name}`,
        })
      }
      if (task.argv !== null)
        throw new FailureError({
          kind: 'bad-input',
          what: `\`${task.name}\` is a plain command, which reads no messages`,
          todo: `Stop it with: heddle stop ${task.name}`,
        })
      await engine.signal(taskRunId(task.id, task.attempt), 'message', { text })
      await store.record(task.id, { type: 'message-sent', text }, `message/${task.id}/${clock.now()}/${Math.random()}`)
      return viewOf(task.id)
    },
    'tasks.stop': async ({ cwd, task }, { signal }) => close(await findTask(cwd, task), 'stopped', signal),
    'tasks.discard': async ({ cwd, task: ref }, { signal }) => close(await findTask(cwd, ref), 'discarded', signal),
    'tasks.approve': async ({ cwd, task: ref }, { signal }) => {
      const task = await findTask(cwd, ref)
      return answerReview(task, await requireReview(task), 'approve', signal)
    },
    'tasks.revise': async ({ cwd, task: ref, comments }, { signal }) => {
      const task = await findTask(cwd, ref)
      const request = await requireReview(task)
      if (comments.trim() === '')
        throw new FailureError({
          kind: 'bad-input',
          what: 'there are no comments',
          todo: `Say what is to be different: heddle revise ${task.name} "…"`,
        })
      return answerReview(task, request, comments, signal)
    },
    'tasks.logs': async ({ cwd, task: ref, follow }, { signal, send }) => {
      const task = await findTask(cwd, ref)
      await streamLogs(leaves, task, { follow, signal, onEntry: send })
      return null
    },

    'inbox.list': async ({ cwd, all }) => {
      const here = all ? null : await locateRepository(cwd)
      const requests = await store.loadRequests({ open: true })
      const tasks = new Map<TaskId, Task | null>()
      for (const { task } of requests) if (!tasks.has(task)) tasks.set(task, await store.loadTask(task))
      return requests.flatMap((request) => {
        const task = tasks.get(request.task)
        if (here !== null && task?.repo !== here) return []
        return [formatRequest(request, task?.name ?? request.task)]
      })
    },
    'inbox.answer': async ({ id, answer }, { signal }) => {
      const request = await findRequest(store, id)
      const task = (await store.loadTask(request.task))!
      const done = async (): Promise<Results['inbox.answer']> => formatRequest((await store.loadRequest(request.id))!, task.name)
      if (request.closed !== null)
        throw new FailureError({ kind: 'request-closed', id: request.id, answer: request.closed.answer })
      if (request.kind === 'review') {
        const word = normalizeAnswer(answer)
        if (word === 'deny') throw new FailureError({ kind: 'wrong-answer', id: request.id, answer, answers: request.answers })
        if (word === 'discard') await close(task, 'discarded', signal)
        else if (word === 'revise')
          throw new FailureError({
            kind: 'bad-input',
            what: 'a revision needs comments',
            todo: `Say what is to be different: heddle revise ${task.name} "…"`,
          })
        else await answerReview(task, request, word === 'approve' || word === 'allow' ? 'approve' : answer, signal)
        return done()
      }
      const given = normalizeAnswer(answer)
      if (request.answers.length > 0 && !request.answers.includes(given))
        throw new FailureError({ kind: 'wrong-answer', id: request.id, answer, answers: request.answers })
      if (request.kind === 'failure') await settleFailure(request, given as 'retry' | 'drop' | 'go-on')
      else if (request.run !== null)
        await engine.signal(request.run, 'answer', { request: request.id, answer: request.answers.length > 0 ? given : answer })
      else
        await store.record(
          task.id,
          { type: 'request-closed', request: request.id, closed: { answer: given, by: 'person', at: clock.now() } },
          `answered/${request.id}`,
        )
      await until(task.id, signal, async () => (await store.loadRequest(request.id))?.closed !== null)
      return done()
    },

    watch: async ({ cwd, tasks: refs, all }, { signal, send }) => {
      const repo = all || refs !== undefined ? null : await locateRepository(cwd)
      const wanted = refs === undefined ? null : new Set<TaskId>()
      for (const ref of refs ?? []) wanted!.add((await findTask(cwd, ref)).id)
      await new Promise<void>((resolve) => {
        // One after the other, so that a later state never comes before an earlier one.
        let queue = Promise.resolve()
        const stop = feed.subscribe((id, recorded) => {
          if (wanted !== null && !wanted.has(id)) return
          queue = queue
            .then(async () => {
              const task = await store.loadTask(id)
              if (task === null || signal.aborted || (repo !== null && task.repo !== repo)) return
              send({ task: await views.view(task), notice: recorded === null ? null : findNotice(task, recorded.event) })
            })
            .catch(() => {})
        })
        signal.addEventListener('abort', () => {
          stop()
          resolve()
        })
        if (signal.aborted) resolve()
      })
      return null
    },
  }
}

/** By id, or a unique prefix of one that is open. */
async function findRequest(store: Store, id: string): Promise<Request> {
  const exact = await store.loadRequest(id as RequestId)
  if (exact !== null) return exact
  const open = (await store.loadRequests({ open: true })).filter((request) => id !== '' && request.id.startsWith(id))
  if (open.length !== 1) throw new FailureError({ kind: 'unknown-request', id })
  return open[0]!
}

const normalizeAnswer = (answer: string): string =>
  ({ yes: 'allow', y: 'allow', no: 'deny', n: 'deny' })[answer.toLowerCase()] ?? answer.toLowerCase().trim()
