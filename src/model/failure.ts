/**
 * Everything that can be expected to go wrong, as data. `describeFailure` turns each into words for a person: what was
 * wrong, where, and what to do.
 */
export type Failure =
  // What the user said
  | { readonly kind: 'bad-input'; readonly what: string; readonly todo: string }
  | { readonly kind: 'bad-file'; readonly file: string; readonly problems: readonly FileProblem[] }
  | { readonly kind: 'unknown-task'; readonly ref: string; readonly near: string | null }
  | { readonly kind: 'ambiguous-task'; readonly ref: string; readonly matches: readonly string[] }
  | { readonly kind: 'unknown-request'; readonly id: string }
  | { readonly kind: 'request-closed'; readonly id: string; readonly answer: string }
  | { readonly kind: 'wrong-answer'; readonly id: string; readonly answer: string; readonly answers: readonly string[] }
  | {
      readonly kind: 'wrong-state'
      readonly task: string
      readonly state: string
      readonly wanted: string
      readonly todo: string
    }
  | { readonly kind: 'name-taken'; readonly name: string }
  | { readonly kind: 'unknown-agent'; readonly agent: string; readonly known: readonly string[] }
  // Where the user stands
  | { readonly kind: 'not-a-repository'; readonly path: string }
  | { readonly kind: 'bare-repository'; readonly path: string }
  | { readonly kind: 'no-commit'; readonly path: string }
  | { readonly kind: 'unborn-branch'; readonly branch: string }
  | { readonly kind: 'unknown-ref'; readonly ref: string }
  | { readonly kind: 'has-submodules'; readonly paths: readonly string[] }
  | { readonly kind: 'branch-in-the-way'; readonly branch: string; readonly wanted: string }
  | { readonly kind: 'git-too-old'; readonly found: string; readonly wanted: string }
  | { readonly kind: 'git-failed'; readonly command: string; readonly output: string }
  // Agents
  | { readonly kind: 'agent-not-installed'; readonly agent: string; readonly command: string; readonly todo: string }
  | { readonly kind: 'agent-died'; readonly agent: string; readonly when: string; readonly exit: string; readonly output: string }
  | { readonly kind: 'agent-garbage'; readonly agent: string; readonly sample: string }
  | { readonly kind: 'agent-silent'; readonly agent: string; readonly minutes: number }
  | { readonly kind: 'agent-error'; readonly agent: string; readonly message: string; readonly retry: boolean }
  | { readonly kind: 'agent-refused'; readonly agent: string; readonly stop: string; readonly text: string }
  | { readonly kind: 'nested-repository'; readonly paths: readonly string[] }
  | { readonly kind: 'no-change'; readonly agent: string; readonly text: string }
  | { readonly kind: 'no-report'; readonly agent: string }
  | { readonly kind: 'command-failed'; readonly exit: string; readonly output: string }
  // Checks and landing
  | { readonly kind: 'checks-failed'; readonly rounds: number; readonly check: string; readonly output: string }
  | { readonly kind: 'conflict'; readonly files: readonly string[]; readonly base: string }
  | { readonly kind: 'checkout-in-the-way'; readonly path: string; readonly reason: string; readonly base: string }
  | { readonly kind: 'base-gone'; readonly base: string }
  // The machine and the daemon
  | { readonly kind: 'home-not-writable'; readonly path: string; readonly reason: string }
  | { readonly kind: 'daemon-unreachable'; readonly reason: string; readonly log: string }
  | { readonly kind: 'daemon-not-running' }
  | { readonly kind: 'internal'; readonly message: string }

export interface FileProblem {
  /** Counts from 1; null where the whole file is meant. */
  readonly line: number | null
  readonly message: string
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure }

export const ok = <T>(value: T): Result<T> => ({ ok: true, value })
export const failed = (failure: Failure): { readonly ok: false; readonly failure: Failure } => ({ ok: false, failure })

/** Carries a failure through code that can only throw; whoever stands at the boundary unwraps it. */
export class FailureError extends Error {
  override readonly name = 'FailureError'
  readonly failure: Failure
  constructor(failure: Failure) {
    super(describeFailure(failure))
    this.failure = failure
  }
}

export function requireOk<T>(result: Result<T>): T {
  if (!result.ok) throw new FailureError(result.failure)
  return result.value
}

/** One message: what was wrong, where, and what to do. Several lines where something is quoted. */
export function describeFailure(failure: Failure): string {
  switch (failure.kind) {
    case 'bad-input':
      return `${failure.what}\n${failure.todo}`
    case 'bad-file':
      return failure.problems
        .map((problem) => `${failure.file}${problem.line === null ? '' : `:${problem.line}`}: ${problem.message}`)
        .join('\n')
    case 'unknown-task':
      return `no task is called \`${failure.ref}\`${failure.near === null ? '' : `; did you mean \`${failure.near}\`?`}\nSee them all with: heddle ps`
    case 'ambiguous-task':
      return `\`${failure.ref}\` could be ${list(failure.matches)}\nType more of the name.`
    case 'unknown-request':
      return `nothing in the inbox has the id \`${failure.id}\`\nSee what waits for you with: heddle inbox`
    case 'request-closed':
      return `request ${failure.id} is closed already: ${failure.answer}`
    case 'wrong-answer':
      return `request ${failure.id} cannot be answered with \`${failure.answer}\`\nAnswer one of: ${failure.answers.join(', ')}`
    case 'wrong-state':
      return `task \`${failure.task}\` is ${failure.state}, not ${failure.wanted}\n${failure.todo}`
    case 'name-taken':
      return `a task of this repository is already called \`${failure.name}\`\nChoose another name with --name, or leave it out to get one.`
    case 'unknown-agent':
      return `no agent is called \`${failure.agent}\`\nKnown: ${failure.known.join(', ')}. Add your own under \`agents:\` in heddle.yaml.`
    case 'not-a-repository':
      return `${failure.path} is not in a git repository\nGo to one, or make one with: git init`
    case 'bare-repository':
      return `${failure.path} is a bare repository, which has no files to work on\nRun Heddle in a clone of it.`
    case 'no-commit':
      return `the repository ${failure.path} has no commit yet, so there is nothing to start from\nMake one first, for example: git add -A && git commit -m "Start"`
    case 'unborn-branch':
      return `the branch \`${failure.branch}\` that is checked out has no commit yet\nCommit to it first, or name another base with --base.`
    case 'unknown-ref':
      return `no branch, tag or commit is called \`${failure.ref}\`\nSee the branches with: git branch --all`
    case 'has-submodules':
      return `this repository has submodules (${failure.paths.join(', ')}), which Heddle's workspaces cannot hold yet\nNothing was started.`
    case 'branch-in-the-way':
      return `the branch \`${failure.branch}\` exists, so git cannot make \`${failure.wanted}\`\nRename it, or set another branchPrefix in heddle.yaml.`
    case 'git-too-old':
      return `git ${failure.found} is too old: Heddle needs ${failure.wanted} or later`
    case 'git-failed':
      return `git failed: ${failure.command}\n${failure.output}`
    case 'agent-not-installed':
      return `the agent ${failure.agent} is not installed: \`${failure.command}\` is not on PATH\n${failure.todo}`
    case 'agent-died':
      return `the agent ${failure.agent} ended ${failure.when} (${failure.exit})${quote(failure.output)}`
    case 'agent-garbage':
      return `the agent ${failure.agent} wrote what is not its protocol${quote(failure.sample)}`
    case 'agent-silent':
      return `the agent ${failure.agent} said nothing for ${failure.minutes} minutes (stallMinutes)`
    case 'agent-error':
      return `the agent ${failure.agent} reported an error${quote(failure.message)}`
    case 'agent-refused':
      return `the agent ${failure.agent} stopped its turn: ${failure.stop}${quote(failure.text)}`
    case 'nested-repository':
      return `the agent made a git repository within its worktree (${list(failure.paths)}), whose files git cannot take into the change\nTell it to remove the \`.git\` in there, and try again.`
    case 'no-change':
      return `the agent ${failure.agent} changed nothing${failure.text === '' ? ', and said nothing' : `; its last words:${quote(failure.text)}`}`
    case 'no-report':
      return `the agent ${failure.agent} ended without a report`
    case 'command-failed':
      return `the command failed (${failure.exit})${quote(failure.output)}`
    case 'checks-failed':
      return `the check \`${failure.check}\` still fails after ${failure.rounds} ${failure.rounds === 1 ? 'round' : 'rounds'}${quote(failure.output)}`
    case 'conflict':
      return `the change conflicts with ${failure.base} in ${list(failure.files)}`
    case 'checkout-in-the-way':
      return `${failure.base} cannot move forward in your checkout ${failure.path}: ${failure.reason}`
    case 'base-gone':
      return `the branch ${failure.base} is gone, so there is nothing to land on`
    case 'home-not-writable':
      return `Heddle cannot write its state folder ${failure.path} (${failure.reason})\nMake it writable, or set HEDDLE_HOME to a folder that is.`
    case 'daemon-unreachable':
      return `the daemon could not be started or reached: ${failure.reason}\nIts log: ${failure.log}`
    case 'daemon-not-running':
      return 'no daemon is running; the next heddle command starts one'
    case 'internal':
      return `Heddle itself failed: ${failure.message}\nThis is a bug; please report it.`
  }
}

/** What `describeFailure` says, on one line: the first line, and the first that it quotes. */
export function summarizeFailure(description: string): string {
  const [first = '', second] = description.split('\n')
  const quoted = second?.startsWith('  | ') === true ? second.slice(4).trim() : ''
  return quoted === '' ? first : `${first.replace(/[:;]$/, '')}: ${quoted.length > 100 ? `${quoted.slice(0, 99)}…` : quoted}`
}

const quote = (text: string): string => (text.trim() === '' ? '' : `\n${text.trimEnd().replaceAll(/^/gm, '  | ')}`)
const list = (items: readonly string[]): string => items.map((item) => `\`${item}\``).join(', ')

export const EXIT = { done: 0, failed: 1, words: 2, noDaemon: 3, person: 4, timedOut: 124 } as const

/** The exit code of a command that ended with this failure; documented in the README. */
export function exitCodeOf(failure: Failure): number {
  switch (failure.kind) {
    case 'bad-input':
    case 'bad-file':
    case 'unknown-task':
    case 'ambiguous-task':
    case 'unknown-request':
    case 'wrong-answer':
    case 'unknown-agent':
    case 'unknown-ref':
      return EXIT.words
    case 'home-not-writable':
    case 'daemon-unreachable':
    case 'daemon-not-running':
      return EXIT.noDaemon
    default:
      return EXIT.failed
  }
}
