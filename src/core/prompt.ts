/** What an agent is told. The user's own words come first and verbatim. */
import type { Evidence } from '../model/change.ts'
import type { Task } from '../model/task.ts'

export function composeFirstPrompt(task: Task): string {
  return [
    task.prompt,
    ...(task.acceptance.length === 0 ? [] : [`Acceptance criteria:\n${bullets(task.acceptance)}`]),
    ...(task.touches.length === 0 ? [] : [`Expected to touch only: ${task.touches.join(', ')}`]),
    ...(task.checks.length === 0 || task.readOnly
      ? []
      : [`These checks must pass when you are done:\n${bullets(task.checks.map((check) => `\`${check}\``))}`]),
    composeRole(task),
  ].join('\n\n')
}

function composeRole(task: Task): string {
  const where = 'You work alone and unattended, in a git worktree of your own that nobody else touches; stay inside it.'
  if (task.readOnly) return `${where} Change nothing: what is wanted is your report, as your last message.`
  return `${where} What you leave in the worktree is committed for you, then checked and reviewed, so neither push nor switch branches. End with a short summary of what you did.`
}

export function composeCheckFeedback(evidence: readonly Evidence[], round: number, rounds: number): string {
  const failing = evidence.filter((one) => !one.ok)
  const outputs = failing.map((one) => `$ ${one.check}\n${one.output.trimEnd()}`).join('\n\n')
  return `${failing.length === 1 ? 'This check fails' : 'These checks fail'} on what you left (round ${round} of ${rounds}). Find the cause and mend it; do not weaken the check.\n\n${outputs}`
}

export function composeRevision(comments: string): string {
  return `Your change was reviewed. Please revise it:\n\n${comments}`
}

/** The worktree then holds the merge of both sides on top of the new base, with conflict markers. */
export function composeConflict(base: string, files: readonly string[]): string {
  return `While your change waited, ${base} moved on, and the two conflict. Your worktree now stands on the new ${base} with your change applied; these files hold conflict markers:\n${bullets(files)}\n\nResolve them so that both sides' intent is kept, remove every marker, and check that the result works. Do not run git rebase or git merge.`
}

/** For a command or a new session, which remembers nothing of the turns before: the task verbatim, then what came since. */
export function composeHandOver(task: Task, later: string | null): string {
  const note = 'This task was begun before; what was done so far is in the worktree and its commits.'
  return `${composeFirstPrompt(task)}\n\n---\n${note}${later === null ? ' Go on from there.' : ` What comes next:\n\n${later}`}`
}

const bullets = (items: readonly string[]): string => items.map((item) => `- ${item}`).join('\n')
