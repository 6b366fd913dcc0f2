/** Tasks and requests as callers see them. */
import type { RequestView, TaskView } from '../api/contract.ts'
import { deriveState, isMet, isUnmet, type DerivedState } from '../core/task-state.ts'
import type { Engine } from '../engine/contract.ts'
import { describeFailure } from '../model/failure.ts'
import { taskRunId, type RunId, type TaskId } from '../model/ids.ts'
import type { Request } from '../model/request.ts'
import type { Task, TaskState } from '../model/task.ts'
import type { Admission } from '../run/admission.ts'
import type { Store } from '../store/contract.ts'

export interface Views {
  view(task: Task): Promise<TaskView>
  viewAll(tasks: readonly Task[]): Promise<TaskView[]>
  derive(task: Task): Promise<{ readonly derived: DerivedState; readonly requests: readonly Request[] }>
}

export function createViews(store: Store, engine: Engine, admission: Admission): Views {
  /** Loads each task once in a call, because the tasks of a plan share their needs. */
  const createLoader = (known: readonly Task[]) => {
    const tasks = new Map<TaskId, Task>(known.map((task) => [task.id, task]))
    const states = new Map<TaskId, TaskState>()
    const load = async (id: TaskId): Promise<Task | null> => {
      const task = tasks.get(id) ?? (await store.loadTask(id))
      if (task !== null) tasks.set(id, task)
      return task
    }
    /** Enough of a need's state to tell whether what waits for it is blocked. */
    const stateOf = async (id: TaskId): Promise<TaskState> => {
      const known = states.get(id)
      if (known !== undefined) return known
      const task = await load(id)
      let state: TaskState = task?.end?.outcome ?? ((task?.startedAt ?? null) === null ? 'queued' : 'working')
      if (task !== null && task.end === null && task.startedAt === null) {
        for (const need of task.needs) {
          if (task.waived.includes(need) || !isUnmet(await stateOf(need))) continue
          state = 'blocked'
          break
        }
      }
      states.set(id, state)
      return state
    }
    return { load, stateOf }
  }

  const findActivities = async (task: Task): Promise<string[]> => {
    if (task.end !== null) return []
    const names: string[] = []
    const look = async (id: RunId): Promise<void> => {
      const status = await engine.status(id)
      if (status.state !== 'running') return
      for (const step of status.steps) {
        if (step.activity !== null && step.kind !== 'child') names.push(step.activity)
        if (step.kind === 'child') await look(`${id}/${step.key}` as RunId)
      }
    }
    await look(taskRunId(task.id, task.attempt))
    return names
  }

  const deriveWith = async (
    task: Task,
    loader: ReturnType<typeof createLoader>,
    requests: readonly Request[],
  ): Promise<{ derived: DerivedState; needs: string[] }> => {
    const needs: { name: string; state: TaskState; isMet: boolean }[] = []
    const names: string[] = []
    for (const id of task.needs) {
      const need = await loader.load(id)
      if (need === null) continue
      names.push(need.name)
      if (task.end === null && !task.waived.includes(id))
        needs.push({ name: need.name, state: await loader.stateOf(id), isMet: isMet(need) })
    }
    const hold = admission.holdOf(task.id)
    const holder = hold?.for === 'touches' ? ((await loader.load(hold.task))?.name ?? null) : null
    return {
      derived: deriveState({ task, openRequests: requests, needs, activities: await findActivities(task), hold, holder }),
      needs: names,
    }
  }

  const viewWith = async (
    task: Task,
    loader: ReturnType<typeof createLoader>,
    requests: readonly Request[],
  ): Promise<TaskView> => {
    const { derived, needs } = await deriveWith(task, loader, requests)
    return formatTask(task, derived, needs, requests)
  }

  return {
    async view(task) {
      return viewWith(task, createLoader([task]), await store.loadRequests({ task: task.id, open: true }))
    },
    async viewAll(tasks) {
      const loader = createLoader(tasks)
      const open = Map.groupBy(await store.loadRequests({ open: true }), (request) => request.task)
      const views: TaskView[] = []
      for (const task of tasks) views.push(await viewWith(task, loader, open.get(task.id) ?? []))
      return views
    },
    async derive(task) {
      const requests = await store.loadRequests({ task: task.id, open: true })
      const { derived } = await deriveWith(task, createLoader([task]), requests)
      return { derived, requests }
    },
  }
}

function formatTask(task: Task, { state, doing }: DerivedState, needs: string[], requests: readonly Request[]): TaskView {
  const waiting = requests.find((request) => request.kind !== 'failure') ?? null
  return {
    id: task.id,
    name: task.name,
    state,
    doing,
    waitsForPerson: task.end !== null ? null : (waiting?.kind ?? null),
    agent: task.agent,
    branch: task.branch,
    base: task.base.name,
    needs,
    attempt: task.attempt,
    change:
      task.change === null
        ? null
        : {
            commit: task.landed ?? task.change.commit,
            files: task.change.files,
            insertions: task.change.insertions,
            deletions: task.change.deletions,
          },
    evidence: task.evidence,
    usage: task.usage,
    createdAt: formatTime(task.createdAt),
    startedAt: task.startedAt === null ? null : formatTime(task.startedAt),
    endedAt: task.end === null ? null : formatTime(task.end.at),
    failure: task.end !== null && task.end.failure !== null ? describeFailure(task.end.failure) : null,
    repo: task.repo,
    preserved: task.preserved,
    report: state === 'reported' ? task.lastWords : null,
  }
}

export function formatRequest(request: Request, taskName: string): RequestView {
  return {
    id: request.id,
    task: taskName,
    kind: request.kind,
    text: request.text,
    answers: request.answers,
    openedAt: formatTime(request.openedAt),
    answer: request.closed?.answer ?? null,
  }
}

export const formatTime = (ms: number): string => new Date(ms).toISOString()
