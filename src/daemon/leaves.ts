import type { Engine } from '../engine/contract.ts'
import type { Clock } from '../lib/clock.ts'
import type { TaskId } from '../model/ids.ts'
import type { Task } from '../model/task.ts'
import type { Admission } from '../run/admission.ts'
import type { Store } from '../store/contract.ts'
import type { Workspaces } from '../workspace/workspace.ts'
import type { Environment } from './environments.ts'

/** What activities act through. */
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

export function requireWorkspace(task: Task): string {
  if (task.workspace === null) throw new Error(`task ${task.name} has no workspace`)
  return task.workspace
}

/** What a task's agent and checks run with. */
export function workEnvironment(env: Environment, task: Task, cwd: string): Record<string, string> {
  return { ...env, PWD: cwd, HEDDLE_TASK: task.name, HEDDLE_WORKSPACE: cwd }
}
