/** A throwaway user whose claude and codex talk to a scripted model. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { breakingRig, type AnyRepo, type BreakingRig } from '../durable/rig.ts'
import { startModelServer, type ModelServer } from '../model/server.ts'
import type { Step } from '../model/script.ts'
import { createRig, type Rig } from '../rig/rig.ts'
import { seedAgents, type RealAgentName } from './agents.ts'
import { installAgents } from './install.ts'

export interface RealRig extends BreakingRig {
  readonly model: ModelServer
  /** Starts a task of that agent; each block is for a turn. */
  start(name: string, agent: RealAgentName, turns: readonly (readonly Step[])[], ...options: readonly string[]): Promise<void>
}

type Ender = Parameters<typeof createRig>[0]

/** `clone`: of the repository at that path, in place of a small one. */
export async function createRealRig(
  t: Ender,
  options: { readonly settings?: string; readonly clone?: string } = {},
): Promise<RealRig> {
  await installAgents()
  const model = await startModelServer()
  const home = await mkdtemp(path.join(tmpdir(), 'heddle-agents-'))
  await writeFile(
    path.join(home, '.gitconfig'),
    '[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n',
  )
  const rig = createRig(t, await seedAgents(home, model.url))
  t.after(async () => {
    await model.close()
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  })
  const repo =
    options.clone === undefined
      ? await rig.makeRepo({ name: 'repo', settings: options.settings ?? '' })
      : await cloneRepo(rig, options.clone, options.settings ?? '')
  const traces = path.join(rig.folder, 'traces')
  await mkdir(traces)
  const breaking = breakingRig(repo, traces)
  return {
    ...breaking,
    model,
    async start(name, agent, turns, ...more) {
      await breaking.heddle(['run', prompt(name, turns), '--name', name, '--agent', agent, ...more])
    },
  }
}

async function cloneRepo(rig: Rig, from: string, settings: string): Promise<AnyRepo> {
  const folder = path.join(rig.folder, 'clone')
  await rig.git(rig.folder, 'clone', '--quiet', `file://${encodeURI(from)}`, folder)
  // What is checked out may be no branch, as it is in CI.
  await rig.git(folder, 'switch', '--quiet', '--force-create', 'main')
  await writeFile(path.join(folder, 'heddle.yaml'), settings)
  await rig.git(folder, 'add', 'heddle.yaml')
  await rig.git(folder, 'commit', '--quiet', '-m', 'Say how Heddle works here')
  return {
    rig,
    path: folder,
    heddle: (args, more) => rig.heddle(args, { cwd: folder, ...more }),
    git: (...args) => rig.git(folder, ...args),
  }
}

export const prompt = (name: string, turns: readonly (readonly Step[])[]): string =>
  `Do ${name}.\n${turns.map((steps) => `<steps>${JSON.stringify(steps)}</steps>`).join('\n')}`
