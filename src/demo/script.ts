/**
 * The script of the scripted agent: steps, written as JSON between `<steps>` and `</steps>` in a prompt. A prompt may hold
 * several such blocks; the first is for this turn, the others are for the turns after it.
 */
import type { StopReason, ToolKind } from '@agentclientprotocol/sdk'

export type Step =
  | { readonly say: string }
  | { readonly think: string }
  | { readonly write: { readonly path: string; readonly content: string } }
  /** `old` must occur exactly once. */
  | { readonly edit: { readonly path: string; readonly old: string; readonly new: string } }
  /** A shell command. If it fails, the turn goes on. */
  | { readonly run: string }
  /** Commits all there is, as an author of its own. */
  | { readonly commit: string }
  | { readonly ask: Ask }
  /** Waits until the file exists. */
  | { readonly waitFor: { readonly file: string } }
  /** In milliseconds. */
  | { readonly sleep: number }
  | { readonly fail: Fail }
  /** Never answers, but obeys a cancel. */
  | { readonly hang: true }
  /** Never answers, and does not obey a cancel. */
  | { readonly silent: true }
  | { readonly tokens: Tokens }
  /** A line that is not JSON, or one of that many bytes. */
  | { readonly garbage: string | { readonly bytes: number } }
  /** Dies in mid-turn. */
  | { readonly exit: number }
  | { readonly stop: StopReason }

/** A request for permission. Says as text what the answer was. */
export interface Ask {
  readonly title: string
  readonly kind?: ToolKind
  readonly command?: string
  readonly path?: string
  /** Played only when it is allowed. */
  readonly ifAllowed?: readonly Step[]
  /** Played only when it is rejected; `stop` ends the turn. */
  readonly orElse?: 'stop' | readonly Step[]
}

export interface Fail {
  readonly message?: string
  /** Of the JSON-RPC error; -32603 if absent. */
  readonly code?: number
  /** How the failure looks from outside: a JSON-RPC error if absent, the message as text, or a turn that ends with nothing. */
  readonly as?: 'error' | 'text' | 'empty'
  /** Fails only so many turns of a session, so that a retry succeeds. */
  readonly times?: number
}

export interface Tokens {
  readonly input: number
  readonly output: number
  readonly costUsd?: number
}

export type Script =
  | { readonly ok: true; readonly turns: readonly (readonly Step[])[] }
  | { readonly ok: false; readonly problem: string }

/** Writes steps as a block that `readScript` reads, one step a line. */
export function writeSteps(steps: readonly Step[]): string {
  // What a step writes may itself hold these marks.
  const lines = steps.map((step) => `  ${JSON.stringify(step).replaceAll(/<(?=\/?steps>)/g, '\\u003c')}`)
  return `<steps>[\n${lines.join(',\n')}\n]</steps>`
}

/** Finds the blocks of a prompt; there may be none. */
export function readScript(prompt: string): Script {
  const turns: (readonly Step[])[] = []
  for (const part of prompt.split('<steps>').slice(1)) {
    const end = part.indexOf('</steps>')
    if (end === -1) return { ok: false, problem: `Block ${turns.length + 1} has no closing </steps>.` }
    const block = readBlock(part.slice(0, end))
    if (!block.ok) return { ok: false, problem: `Block ${turns.length + 1}: ${block.problem}` }
    turns.push(block.steps)
  }
  return { ok: true, turns }
}

type Block = { readonly ok: true; readonly steps: readonly Step[] } | { readonly ok: false; readonly problem: string }

function readBlock(text: string): Block {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { ok: false, problem: `this is not JSON: ${(error as Error).message}` }
  }
  if (!Array.isArray(value)) return { ok: false, problem: 'steps must be a JSON array.' }
  const problem = findProblem(value)
  return problem === null ? { ok: true, steps: value as Step[] } : { ok: false, problem }
}

function findProblem(steps: readonly unknown[]): string | null {
  for (const [index, step] of steps.entries()) {
    const problem = findStepProblem(step)
    if (problem !== null) return `step ${index + 1} (${JSON.stringify(step).slice(0, 80)}) ${problem}`
  }
  return null
}

function findStepProblem(step: unknown): string | null {
  const [kind, ...more] = isObject(step) ? Object.keys(step) : []
  if (!isObject(step) || kind === undefined || more.length > 0) return 'must be an object with exactly one key.'
  if (!isKind(kind)) return `is of no known kind; known are ${Object.keys(WANTED).join(', ')}.`
  const { form, fits } = WANTED[kind]
  return fits(step[kind]) ? null : `must look like {"${kind}": ${form}}.`
}

type Kind = Step extends infer S ? (S extends S ? keyof S : never) : never

const isKind = (name: string): name is Kind => Object.hasOwn(WANTED, name)
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0
const isOneOf =
  (...words: readonly unknown[]) =>
  (value: unknown): boolean =>
    words.includes(value)
const isTrue = isOneOf(true)
const isSteps = (value: unknown): boolean => Array.isArray(value) && findProblem(value) === null
const maybe =
  (fits: (value: unknown) => boolean) =>
  (value: unknown): boolean =>
    value === undefined || fits(value)
const has =
  (fields: Record<string, (value: unknown) => boolean>) =>
  (value: unknown): boolean =>
    isObject(value) &&
    Object.keys(value).every((key) => key in fields) &&
    Object.entries(fields).every(([key, fits]) => fits(value[key]))

const WANTED: Readonly<Record<Kind, { readonly form: string; readonly fits: (value: unknown) => boolean }>> = {
  say: { form: '"text"', fits: isText },
  think: { form: '"text"', fits: isText },
  write: { form: '{"path": "…", "content": "…"}', fits: has({ path: isText, content: isText }) },
  edit: { form: '{"path": "…", "old": "…", "new": "…"}', fits: has({ path: isText, old: isText, new: isText }) },
  run: { form: '"shell command"', fits: isText },
  commit: { form: '"message"', fits: isText },
  ask: {
    form: '{"title": "…", "kind"?: "execute", "command"?: "…", "path"?: "…", "ifAllowed"?: [steps], "orElse"?: "stop" or [steps]}',
    fits: has({
      title: isText,
      kind: isOneOf(undefined, 'read', 'edit', 'delete', 'move', 'search', 'execute', 'think', 'fetch', 'switch_mode', 'other'),
      command: maybe(isText),
      path: maybe(isText),
      ifAllowed: maybe(isSteps),
      orElse: maybe((value) => value === 'stop' || isSteps(value)),
    }),
  },
  waitFor: { form: '{"file": "path"}', fits: has({ file: isText }) },
  sleep: { form: 'milliseconds', fits: isCount },
  fail: {
    form: '{"message"?: "…", "code"?: -32603, "as"?: "error", "text" or "empty", "times"?: 1}',
    fits: has({
      message: maybe(isText),
      code: maybe(Number.isInteger),
      as: isOneOf(undefined, 'error', 'text', 'empty'),
      times: maybe(isCount),
    }),
  },
  hang: { form: 'true', fits: isTrue },
  silent: { form: 'true', fits: isTrue },
  tokens: {
    form: '{"input": 1, "output": 1, "costUsd"?: 0.01}',
    fits: has({ input: isCount, output: isCount, costUsd: maybe((value) => typeof value === 'number') }),
  },
  garbage: { form: '"text" or {"bytes": 1000}', fits: (value) => isText(value) || has({ bytes: isCount })(value) },
  exit: { form: 'exit code', fits: isCount },
  stop: {
    form: '"end_turn", "max_tokens", "max_turn_requests", "refusal" or "cancelled"',
    fits: isOneOf('end_turn', 'max_tokens', 'max_turn_requests', 'refusal', 'cancelled'),
  },
}
