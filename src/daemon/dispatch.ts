/** Turns what a user asked for into tasks: all or none of them, and nothing half made. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { resolveAgent } from '../agent/known-agents.ts'
import type { Dispatched, ParsedParamsOf, PlanFinding, TaskSpec } from '../api/contract.ts'
import { readPlan } from '../config/plan-file.ts'
import { readSettings, SETTINGS_FILE } from '../config/settings-file.ts'
import { checkPlan } from '../core/plan-graph.ts'
import { findNameProblem, freeName, suggestName } from '../core/task-name.ts'
import type { Engine } from '../engine/contract.ts'
import type { Clock } from '../lib/clock.ts'
import { findOnPath } from '../lib/find-on-path.ts'
import { newTaskId } from '../lib/new-id.ts'
import { failed, FailureError, ok, requireOk, type Result } from '../model/failure.ts'
import { taskRunId, type TaskId } from '../model/ids.ts'
import type { PlannedTask } from '../model/plan.ts'
import { DEFAULT_SETTINGS, type Settings } from '../model/settings.ts'
import { NO_USAGE, type Base, type Task } from '../model/task.ts'
import type { Store } from '../store/contract.ts'
import {
  findBranchInTheWay,
  loadBranchesNear,
  findRepository,
  findSubmodules,
  inspectRepository,
  loadFileAt,
  resolveBase,
} from '../workspace/repository.ts'
import { saveEnvironment } from './environments.ts'
import type { Views } from './views.ts'

export interface DispatchDesk {
  dispatchTasks(params: ParsedParamsOf<'tasks.dispatch'>): Promise<Dispatched>
  dispatchPlan(params: ParsedParamsOf<'plan.dispatch'>): Promise<Dispatched>
  checkPlanText(params: ParsedParamsOf<'plan.check'>): Promise<{ findings: PlanFinding[]; tasks: number }>
}

export function createDispatchDesk(leaves: {
  home: string
  clock: Clock
  store: Store
  engine: Engine
  views: Views
}): DispatchDesk {
  const { home, clock, store } = leaves

  const dispatch = async (
    cwd: string,
    specs: readonly TaskSpec[],
    env: Readonly<Record<string, string>>,
  ): Promise<Dispatched> => {
    const repo = requireOk(await findRepository(cwd))
    requireOk(await inspectRepository(repo))
    const environment = await saveEnvironment(home, env)
    const existing = await store.loadTasks({ repo })
    const taken = new Set(existing.map((task) => task.name))
    const ids = new Map<string, TaskId>()
    const notes = new Set<string>()
    const bases = new Map<string, { base: Base; settings: Settings }>()
    const branchesOf = new Map<string, readonly string[]>()
    const tasks: Task[] = []
    for (const spec of specs) {
      requireOk(refuseNul(spec))
      const where = bases.get(spec.base ?? '') ?? requireOk(await loadBase(cwd, repo, spec.base ?? null, notes))
      bases.set(spec.base ?? '', where)
      const { base, settings } = where
      const prefix = settings.branchPrefix
      const branches = branchesOf.get(prefix) ?? requireOk(await loadBranchesNear(repo, prefix))
      branchesOf.set(prefix, branches)
      const name = requireOk(chooseName(spec, taken, prefix, branches))
      taken.add(name)
      const id = newTaskId()
      ids.set(name, id)
      const branch = `${prefix}/${name}`
      const inTheWay = findBranchInTheWay(branches, branch)
      if (inTheWay !== null) throw new FailureError({ kind: 'branch-in-the-way', branch: inTheWay, wanted: branch })
      tasks.push({
        id,
        repo,
        name,
        prompt: spec.prompt,
        acceptance: spec.acceptance,
        argv: spec.argv ?? null,
        agent: requireOk(chooseAgent(spec, settings, env.PATH ?? '', repo, notes)),
        readOnly: spec.readOnly,
        needs: [],
        waived: [],
        touches: spec.touches,
        checks: [...(spec.noChecks ? [] : settings.checks), ...spec.checks],
        base,
        branch,
        settings,
        environment,
        // A millisecond apart, so that lists keep the plan's order.
        createdAt: clock.now() + tasks.length,
        attempt: 1,
        startedAt: null,
        workspace: null,
        baseCommit: null,
        session: null,
        turns: 0,
        usage: NO_USAGE,
        change: null,
        evidence: [],
        approved: null,
        landing: null,
        landed: null,
        preserved: null,
        lastWords: null,
        end: null,
      })
    }
    const whole = tasks.map((task, at) => ({ ...task, needs: requireOk(resolveNeeds(specs[at]!.needs, ids, existing)) }))
    const takenName = await store.addTasks(whole)
    if (takenName !== null) throw new FailureError({ kind: 'name-taken', name: takenName })
    for (const task of whole) await leaves.engine.start('task', { task: task.id, attempt: 1 }, { id: taskRunId(task.id, 1) })
    return { tasks: await leaves.views.viewAll(whole), notes: [...notes] }
  }

  const inspectPlan = async (cwd: string, planned: readonly PlannedTask[]): Promise<PlanFinding[]> => {
    const repo = await findRepository(cwd)
    const existing = repo.ok ? (await store.loadTasks({ repo: repo.value })).map((task) => task.name) : []
    const base = repo.ok ? await loadBase(cwd, repo.value, null, new Set()) : null
    const settings = base?.ok === true ? base.value.settings : DEFAULT_SETTINGS
    const findings: PlanFinding[] = checkPlan(planned, { existing, hasConfiguredChecks: settings.checks.length > 0 })
    for (const task of planned) {
      const problem = findNameProblem(task.name)
      if (problem !== null) findings.push({ line: task.line, severity: 'error', message: `the name \`${task.name}\` ${problem}` })
    }
    return findings.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
  }

  // One after the other, so that two who get a name from us at the same moment get two.
  let before: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = before.then(work)
    before = result.catch(() => {})
    return result
  }

  return {
    dispatchTasks: ({ cwd, tasks, env }) => inTurn(() => dispatch(cwd, tasks, env)),
    async dispatchPlan({ cwd, file, text, env }) {
      const planned = requireOk(readPlan(file, text))
      requireOk(await findRepository(cwd))
      return inTurn(async () => {
        const problems = (await inspectPlan(cwd, planned)).filter((finding) => finding.severity === 'error')
        if (problems.length > 0) throw new FailureError({ kind: 'bad-file', file, problems })
        return dispatch(cwd, planned.map(toSpec), env)
      })
    },
    async checkPlanText({ cwd, file, text }) {
      const planned = readPlan(file, text)
      if (planned.ok) return { findings: await inspectPlan(cwd, planned.value), tasks: planned.value.length }
      if (planned.failure.kind !== 'bad-file') throw new FailureError(planned.failure)
      return { findings: planned.failure.problems.map((problem) => ({ ...problem, severity: 'error' as const })), tasks: 0 }
    },
  }
}

function toSpec(planned: PlannedTask): TaskSpec {
  const { agent, base, line: _line, needsLines: _needsLines, touchesLine: _touchesLine, ...same } = planned
  return {
    ...same,
    needs: [...same.needs],
    touches: [...same.touches],
    acceptance: [...same.acceptance],
    checks: [...same.checks],
    ...(agent === null ? {} : { agent }),
    ...(base === null ? {} : { base }),
  }
}

/** No process takes it as an argument or a variable, and no commit in its message. */
function refuseNul(spec: TaskSpec): Result<null> {
  if (
    !Object.values(spec)
      .flat()
      .some((text) => typeof text === 'string' && text.includes('\0'))
  )
    return ok(null)
  return failed({
    kind: 'bad-input',
    what: 'the task holds a NUL character',
    todo: 'Take it out; was a binary file given as the prompt?',
  })
}

function chooseName(spec: TaskSpec, taken: ReadonlySet<string>, prefix: string, branches: readonly string[]): Result<string> {
  if (spec.name === undefined) {
    const isOfBranch = (name: string): boolean => branches.some((one) => `${one}/`.startsWith(`${prefix}/${name}/`))
    return ok(freeName(suggestName(spec.prompt), (name) => taken.has(name) || isOfBranch(name)))
  }
  const problem = findNameProblem(spec.name)
  if (problem !== null)
    return failed({
      kind: 'bad-input',
      what: `the name \`${spec.name}\` ${problem}`,
      todo: 'Choose another with --name, or leave it out to get one.',
    })
  return taken.has(spec.name) ? failed({ kind: 'name-taken', name: spec.name }) : ok(spec.name)
}

function chooseAgent(spec: TaskSpec, settings: Settings, path: string, repo: string, notes: Set<string>): Result<string> {
  if (spec.argv !== undefined) {
    if (findOnPath(spec.argv[0]!, { path, folders: [repo] }) !== null) return ok('command')
    return failed({
      kind: 'bad-input',
      what: `the command \`${spec.argv[0]}\` was not found`,
      todo: 'Name a program on PATH or in the repository; for shell syntax: heddle run -- sh -c "…"',
    })
  }
  if (spec.prompt.trim() === '')
    return failed({
      kind: 'bad-input',
      what: 'the prompt is empty',
      todo: 'Say what is to be done, for example: heddle run "Fix the login test"',
    })
  const program = resolveAgent(spec.agent ?? null, settings, { path, folders: [repo] })
  if (!program.ok) return program
  if (program.value.name === 'scripted')
    notes.add('the agent `scripted` only plays the steps written in the prompt; it is for demonstrations and tests')
  return ok(program.value.name)
}

async function loadBase(
  cwd: string,
  repo: string,
  name: string | null,
  notes: Set<string>,
): Promise<Result<{ base: Base; settings: Settings }>> {
  const base = await resolveBase(cwd, repo, name)
  if (!base.ok) return base
  const submodules = await findSubmodules(repo, base.value.commit)
  if (!submodules.ok) return submodules
  if (submodules.value.length > 0) return failed({ kind: 'has-submodules', paths: submodules.value })
  const committed = await loadFileAt(repo, base.value.commit, SETTINGS_FILE)
  const settings = readSettings(committed)
  if (!settings.ok) return settings
  const here = await readFile(join(repo, SETTINGS_FILE), 'utf8').catch(() => null)
  if (here !== null && here !== committed)
    notes.add(
      `your ${SETTINGS_FILE} has changes that ${base.value.name} does not have; what is committed there governs these tasks`,
    )
  return ok({ base: base.value, settings: settings.value })
}

function resolveNeeds(needs: readonly string[], batch: ReadonlyMap<string, TaskId>, existing: readonly Task[]): Result<TaskId[]> {
  const ids: TaskId[] = []
  for (const need of needs) {
    const matches = existing.filter((task) => task.name === need || task.id === need)
    const wider = matches.length > 0 ? matches : existing.filter((task) => task.name.startsWith(need) || task.id.startsWith(need))
    const id = batch.get(need) ?? (wider.length === 1 ? wider[0]!.id : undefined)
    if (id === undefined) {
      if (wider.length > 1) return failed({ kind: 'ambiguous-task', ref: need, matches: wider.map((task) => task.name) })
      return failed({ kind: 'unknown-task', ref: need, near: null })
    }
    if (!ids.includes(id)) ids.push(id)
  }
  return ok(ids)
}
