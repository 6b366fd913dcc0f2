/** A user's repository in a rig, and what a user does in it. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { RequestView, TaskDetail, TaskView } from '../../src/api/contract.ts'
import { writeSteps, type Step } from '../../src/demo/script.ts'
import type { Rig, Run, RunOptions } from './rig.ts'

export interface RepoOptions {
  /** The folder's name, or a path in the rig's folder. */
  readonly name?: string
  /** Added to `agent: scripted`, and a high `concurrency` unless it is told; null: there is no heddle.yaml. */
  readonly settings?: string | null
  readonly files?: Readonly<Record<string, string>>
}

export interface Repo {
  readonly rig: Rig
  readonly path: string
  heddle(args: readonly string[], options?: RunOptions): Promise<Run>
  /** As `heddle`, but it must succeed. */
  do(...args: string[]): Promise<Run>
  git(...args: string[]): Promise<string>
  write(file: string, content: string): void
  read(file: string): string
  has(file: string): boolean
  /** Commits all there is. */
  commit(message?: string): Promise<void>
  /** Dispatches a task whose agent plays those steps, a list for each turn. */
  start(name: string, turns: readonly (readonly Step[])[], ...options: string[]): Promise<TaskView>
  /** Waits until the task has settled; the exit code must be that one. */
  wait(name: string, code?: number): Promise<TaskView>
  show(name: string): Promise<TaskDetail>
  /** The one open request of a task. */
  request(name: string): Promise<RequestView>
  requests(name: string): Promise<RequestView[]>
  /** Resolves when the task is doing something that fits. */
  until(name: string, fits: RegExp): Promise<TaskView>
}

function writeSettings(settings: string): string {
  const concurrency = /^concurrency:/m.test(settings) ? '' : 'concurrency: 100\n'
  return `agent: scripted\n${concurrency}${settings}\n`
}

/** Steps as the prompt of a task; the name keeps the prompt's first line telling. */
export const steps = (...turns: readonly (readonly Step[])[]): string => turns.map(writeSteps).join('\n')

export async function createRepo(rig: Rig, options: RepoOptions = {}): Promise<Repo> {
  const { name = `repo ${randomBytes(4).toString('hex')}`, settings = '', files = {} } = options
  const path = join(rig.folder, name)
  mkdirSync(path, { recursive: true })
  const write = (file: string, content: string): void => {
    mkdirSync(dirname(join(path, file)), { recursive: true })
    writeFileSync(join(path, file), content)
  }
  const git = (...args: string[]): Promise<string> => rig.git(path, ...args)
  await git('init', '--quiet')
  write('README.md', 'Hello\n')
  if (settings !== null) write('heddle.yaml', writeSettings(settings))
  for (const [file, content] of Object.entries(files)) write(file, content)

  const repo: Repo = {
    rig,
    path,
    git,
    write,
    read: (file) => readFileSync(join(path, file), 'utf8'),
    has: (file) => existsSync(join(path, file)),
    async commit(message = 'Change something') {
      await git('add', '--all')
      await git('commit', '--quiet', '-m', message)
    },
    heddle: (args, more) => rig.heddle(args, { cwd: path, ...more }),
    async do(...args) {
      const run = await repo.heddle(args)
      assert.equal(run.code, 0, `heddle ${args.join(' ')}: ${run.stdout}${run.stderr}`)
      return run
    },
    async start(task, turns, ...more) {
      const run = await repo.do('run', '--json', '--name', task, ...more, `Do ${task}\n${steps(...turns)}`)
      return run.json<TaskView>()
    },
    async wait(task, code = 0) {
      const run = await repo.heddle(['wait', task, '--json', '--timeout', '60'])
      assert.equal(run.code, code, `${run.stdout}${run.stderr}`)
      return run.json<TaskView[]>()[0]!
    },
    async show(task) {
      return (await repo.do('show', task, '--json')).json<TaskDetail>()
    },
    async requests(task) {
      const all = (await repo.do('inbox', '--json')).json<RequestView[]>()
      return all.filter((request) => request.task === task)
    },
    async request(task) {
      const found = await repo.requests(task)
      assert.equal(found.length, 1, JSON.stringify(found))
      return found[0]!
    },
    async until(task, fits) {
      const endMs = Date.now() + 30_000
      for (;;) {
        const now = await repo.show(task)
        if (fits.test(`${now.state}: ${now.doing}`)) return now
        assert.equal(now.endedAt, null, `it has ended: ${now.failure}`)
        assert.ok(Date.now() < endMs, `it stays ${now.state}: ${now.doing}`)
      }
    },
  }
  await repo.commit('Begin')
  return repo
}
