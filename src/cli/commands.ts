import type { ParseArgsOptionsConfig } from 'node:util'

export interface Command {
  /** Usage, what it does, options, examples. */
  readonly help: string
  /** As `parseArgs` takes them; each also has `--help`. */
  readonly options: ParseArgsOptionsConfig
  /** Resolves to the exit code. Throws `FailureError` for what can be expected to go wrong. */
  run(args: readonly string[]): Promise<number>
}

interface CommandEntry {
  readonly summary: string
  readonly group: 'Dispatch' | 'Look' | 'Decide' | 'Steer' | 'Daemon'
  load(): Promise<Command>
}

/** Each command with a line about it. Only the one that is asked for is loaded. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    group: 'Dispatch',
    summary: 'Give an agent a task, in the background',
    load: () => import('./commands/run.ts'),
  },
  'check-plan': {
    group: 'Dispatch',
    summary: 'Find what is wrong with a plan before it runs',
    load: () => import('./commands/check-plan.ts'),
  },
  ps: { group: 'Look', summary: 'List tasks and what they are doing', load: () => import('./commands/ps.ts') },
  show: { group: 'Look', summary: 'Tell all about one task', load: () => import('./commands/show.ts') },
  logs: { group: 'Look', summary: 'Read what an agent said and did', load: () => import('./commands/logs.ts') },
  diff: { group: 'Look', summary: 'Show what a task changed', load: () => import('./commands/diff.ts') },
  wait: { group: 'Look', summary: 'Wait until tasks have ended or need you', load: () => import('./commands/wait.ts') },
  inbox: { group: 'Decide', summary: 'List what waits for you', load: () => import('./commands/inbox.ts') },
  answer: {
    group: 'Decide',
    summary: 'Answer a question or a request for permission',
    load: () => import('./commands/answer.ts'),
  },
  approve: { group: 'Decide', summary: 'Accept a reviewed change and land it', load: () => import('./commands/approve.ts') },
  revise: {
    group: 'Decide',
    summary: 'Send a reviewed change back with comments',
    load: () => import('./commands/revise.ts'),
  },
  discard: {
    group: 'Decide',
    summary: 'Give up a task; its work is preserved',
    load: () => import('./commands/discard.ts'),
  },
  send: { group: 'Steer', summary: 'Write to an agent', load: () => import('./commands/send.ts') },
  stop: {
    group: 'Steer',
    summary: 'Stop tasks and their processes; their work is preserved',
    load: () => import('./commands/stop.ts'),
  },
  daemon: {
    group: 'Daemon',
    summary: 'Start, stop or look at the background process',
    load: () => import('./commands/daemon.ts'),
  },
}
