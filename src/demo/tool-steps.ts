/** The steps that a real agent would do with its tools: each is told as a tool call with its start and its end. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { PermissionOption, RequestPermissionResponse, ToolCall, ToolCallContent } from '@agentclientprotocol/sdk'
import { spawnDetached } from '../lib/exec.ts'
import { loadText } from '../lib/files.ts'
import { describeOutcome, runGit } from '../lib/git.ts'
import type { Ask, Step } from './script.ts'
import { speak, untilCancelled, type Turn } from './turn.ts'

const KEPT_OUTPUT_LENGTH = 64 * 1024
/** For a shell's last words, when something that it left behind holds its output open. */
const OUTPUT_GRACE_MS = 100

type StepOf<Kind extends string> = Extract<Step, Record<Kind, unknown>>[Kind & keyof Extract<Step, Record<Kind, unknown>>]
type ToolResult = { readonly ok: boolean; readonly content: ToolCallContent[]; readonly rawOutput?: unknown }

const OPTIONS: PermissionOption[] = [
  { optionId: 'allow_once', name: 'Allow', kind: 'allow_once' },
  { optionId: 'allow_always', name: 'Always allow', kind: 'allow_always' },
  { optionId: 'reject_once', name: 'Reject', kind: 'reject_once' },
]

export async function write({ path, content }: StepOf<'write'>, turn: Turn): Promise<void> {
  const file = resolve(turn.cwd, path)
  await callTool(
    { title: `Write ${path}`, kind: 'edit', locations: [{ path: file }], rawInput: { path: file, content } },
    turn,
    async () => {
      const oldText = await loadText(file)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content)
      return { ok: true, content: [{ type: 'diff', path: file, oldText, newText: content }] }
    },
  )
}

export async function edit(step: StepOf<'edit'>, turn: Turn): Promise<void> {
  const file = resolve(turn.cwd, step.path)
  const rawInput = { path: file, old: step.old, new: step.new }
  await callTool({ title: `Edit ${step.path}`, kind: 'edit', locations: [{ path: file }], rawInput }, turn, async () => {
    const oldText = await readFile(file, 'utf8')
    const [before, after, ...more] = oldText.split(step.old)
    if (before === undefined || after === undefined || more.length > 0)
      return failWith(`${step.path} must hold the old text exactly once`)
    const newText = before + step.new + after
    await writeFile(file, newText)
    return { ok: true, content: [{ type: 'diff', path: file, oldText, newText }] }
  })
}

export async function run(command: string, turn: Turn): Promise<void> {
  await callTool({ title: command, kind: 'execute', rawInput: { command } }, turn, async () => {
    const { output, exit } = await runShell(command, turn)
    return { ok: exit === 0, content: [textContent(output)], rawOutput: { output, exitCode: exit } }
  })
}

export async function commit(message: string, turn: Turn): Promise<void> {
  const author = { NAME: 'Scripted Agent', EMAIL: 'agent@example.com' }
  const env = Object.fromEntries(
    Object.entries(author).flatMap(([key, value]) => [
      [`GIT_AUTHOR_${key}`, value],
      [`GIT_COMMITTER_${key}`, value],
    ]),
  )
  const command = `git add -A && git commit -m ${JSON.stringify(message)}`
  await callTool({ title: command, kind: 'execute', rawInput: { command } }, turn, async () => {
    const added = await runGit(turn.cwd, ['add', '-A'])
    const result = added.code === 0 ? await runGit(turn.cwd, ['commit', '-m', message], { env }) : added
    return { ok: result.code === 0, content: [textContent(describeOutcome(result))], rawOutput: { exitCode: result.code } }
  })
}

/** Whether it was allowed; null when the turn is cancelled. */
export async function ask({ title, kind = 'other', command, path }: Ask, turn: Turn): Promise<boolean | null> {
  const toolCall = {
    toolCallId: nextId(turn),
    title,
    kind,
    status: 'pending' as const,
    ...(path === undefined ? {} : { locations: [{ path: resolve(turn.cwd, path) }] }),
    rawInput: { ...(command === undefined ? {} : { command }), ...(path === undefined ? {} : { path: resolve(turn.cwd, path) }) },
  }
  turn.send({ sessionUpdate: 'tool_call', ...toolCall })
  let answer = 'cancelled'
  const answered = turn.request('session/request_permission', { toolCall, options: OPTIONS }).then(
    (response) => (answer = readAnswer(response)),
    (error: Error) => (answer = `error: ${error.message}`),
  )
  await untilCancelled(answered, turn)
  const allowed = answer.startsWith('allow')
  turn.send({ sessionUpdate: 'tool_call_update', toolCallId: toolCall.toolCallId, status: allowed ? 'completed' : 'failed' })
  if (answer === 'cancelled') return null
  speak(`"${title}" was ${allowed ? 'allowed' : 'rejected'} (${answer}).`, turn)
  return allowed
}

function readAnswer(response: unknown): string {
  const { outcome } = response as RequestPermissionResponse
  return outcome.outcome === 'selected' ? outcome.optionId : 'cancelled'
}

/** A tool that throws has failed; the turn goes on, as it does with a real agent. */
async function callTool(
  about: Omit<ToolCall, 'toolCallId' | 'status'>,
  turn: Turn,
  act: () => Promise<ToolResult>,
): Promise<void> {
  const toolCallId = nextId(turn)
  turn.send({ sessionUpdate: 'tool_call', toolCallId, status: 'in_progress', ...about })
  const { ok, ...told } = await act().catch((error: Error) => failWith(error.message))
  turn.send({ sessionUpdate: 'tool_call_update', toolCallId, status: ok ? 'completed' : 'failed', ...told })
}

/** Runs in a session of its own, as the shells of real agents do; a cancel kills all that is in it. */
async function runShell(command: string, turn: Turn): Promise<{ output: string; exit: number | null }> {
  const options = { cwd: turn.cwd, env: process.env, errorLog: '/dev/null' }
  const child = spawnDetached('/bin/sh', ['-c', 'exec 2>&1; eval "$1"', 'sh', command], options)
  let output = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-KEPT_OUTPUT_LENGTH)
  })
  const kill = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
  turn.cancelled.addEventListener('abort', kill)
  const closed = new Promise((resolve) => child.once('close', resolve))
  const exit = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  }).finally(() => turn.cancelled.removeEventListener('abort', kill))
  await Promise.race([closed, pause(OUTPUT_GRACE_MS)])
  child.stdout?.destroy()
  return { output, exit }
}

const nextId = (turn: Turn): string => `call-${++turn.memory.toolCalls}`
const textContent = (text: string): ToolCallContent => ({ type: 'content', content: { type: 'text', text } })
const failWith = (message: string): ToolResult => ({ ok: false, content: [textContent(message)] })
