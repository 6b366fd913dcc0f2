/**
 * The scripted agent: a real ACP agent (wire version 1) in a process of its own, for demonstrations and tests. It has no
 * model; it plays the steps that a prompt holds (`script.ts`).
 *
 * Loads little before it answers `initialize`, because five of them start at once in the demonstration.
 */
import { isAbsolute } from 'node:path'
import type { InitializeResponse, NewSessionResponse, PromptResponse, SessionUpdate } from '@agentclientprotocol/sdk'
import type { PromptResponse as PromptResponseWithUsage } from '@agentclientprotocol/sdk/unstable'
import { createLineSplitter, parseJson, type Line } from '../lib/json-lines.ts'
import type { Step } from './script.ts'
import type { SessionMemory, Turn, TurnEnd } from './turn.ts'

const MAX_LINE_LENGTH = 64 * 1024 * 1024
const PARSE_ERROR = -32700
const INVALID_REQUEST = -32600
const METHOD_NOT_FOUND = -32601
const INVALID_PARAMS = -32602

const HELP = `I am Heddle's scripted agent, for demonstrations and tests. I have no model: I play steps that the prompt holds, for example
<steps>[{"write": {"path": "hello.txt", "content": "Hello\\n"}}, {"run": "cat hello.txt"}, {"say": "Done."}]</steps>
For real work name a real agent: heddle run "…" --agent claude (or codex, or one of your own from heddle.yaml).`
const NOTHING_LEFT = 'There is nothing left in my script for this turn.'

interface Message {
  readonly id?: number | string | null
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

interface Session {
  readonly id: string
  readonly cwd: string
  readonly memory: SessionMemory
  /** The blocks for turns to come; null until a prompt held one. */
  queue: (readonly Step[])[] | null
  turn: AbortController | null
}

class RpcError extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

const sessions = new Map<string, Session>()
const asked = new Map<number, (answer: Message) => void>()

if (process.argv.includes('--die-at-start') || process.env.HEDDLE_SCRIPTED_AGENT === 'die-at-start') {
  console.error('scripted agent: told to die at start')
  process.exit(3)
}
const lines = createLineSplitter(MAX_LINE_LENGTH, (line) => void receive(line))
process.stdin.on('data', (chunk: Buffer) => lines.push(chunk))
process.stdin.on('end', endWithClient)
process.stdin.on('error', endWithClient)
process.stdout.on('error', endWithClient)

async function receive(line: Line): Promise<void> {
  const message = 'text' in line ? (parseJson(line.text) as Message | undefined) : undefined
  if (typeof message !== 'object' || message === null)
    return send({ id: null, error: { code: PARSE_ERROR, message: 'this line is not a JSON object' } })
  if (message.method === undefined) return receiveAnswer(message)
  if (message.id === undefined) return receiveNotification(message)
  try {
    send({ id: message.id, result: await answer(message.method, message.params ?? {}) })
  } catch (error) {
    const code = error instanceof RpcError ? error.code : -32603
    send({ id: message.id, error: { code, message: (error as Error).message } })
  }
}

function receiveAnswer(message: Message): void {
  asked.get(Number(message.id))?.(message)
  asked.delete(Number(message.id))
}

function receiveNotification({ method, params }: Message): void {
  if (method === 'session/cancel') sessions.get((params as { sessionId: string }).sessionId)?.turn?.abort()
}

async function answer(method: string, params: object): Promise<object> {
  switch (method) {
    case 'initialize':
      return initialize()
    case 'session/new':
      return startSession(params)
    case 'session/prompt':
      return prompt(params)
    default:
      throw new RpcError(METHOD_NOT_FOUND, `the scripted agent has no method ${method}`)
  }
}

function initialize(): InitializeResponse {
  return {
    protocolVersion: 1,
    agentInfo: { name: 'heddle-scripted', title: 'Scripted agent', version: '1' },
    agentCapabilities: { loadSession: false, promptCapabilities: { image: false, audio: false, embeddedContext: false } },
    authMethods: [],
  }
}

function startSession({ cwd }: { cwd?: unknown }): NewSessionResponse {
  if (typeof cwd !== 'string' || !isAbsolute(cwd)) throw new RpcError(INVALID_PARAMS, 'session/new needs cwd, an absolute path')
  const id = `scripted-${process.pid}-${sessions.size + 1}`
  const memory = { toolCalls: 0, messages: 0, failures: 0, tokens: 0, costUsd: null }
  sessions.set(id, { id, cwd, memory, queue: null, turn: null })
  return { sessionId: id }
}

async function prompt(params: { sessionId?: unknown; prompt?: unknown }): Promise<PromptResponse> {
  const session = sessions.get(String(params.sessionId))
  if (!session) throw new RpcError(INVALID_PARAMS, `there is no session ${String(params.sessionId)}`)
  if (session.turn) throw new RpcError(INVALID_REQUEST, 'this session is still at its last prompt')
  session.turn = new AbortController()
  try {
    return await playTurn(session, readText(params.prompt), session.turn.signal)
  } finally {
    session.turn = null
  }
}

async function playTurn(session: Session, text: string, cancelled: AbortSignal): Promise<PromptResponseWithUsage> {
  // Loaded here, so that the answer to `initialize` does not wait for it.
  const [{ readScript }, { playSteps }, { speak }] = await Promise.all([
    import('./script.ts'),
    import('./play.ts'),
    import('./turn.ts'),
  ])
  const turn = makeTurn(session, cancelled)
  const failuresBefore = session.memory.failures
  const script = readScript(text)
  if (script.ok && script.turns.length > 0) session.queue = [...script.turns]
  const steps = session.queue?.shift()

  let end: TurnEnd | null = null
  if (!script.ok) speak(`I cannot play this script. ${script.problem}`, turn)
  else if (session.queue === null) speak(HELP, turn)
  else if (steps === undefined) speak(NOTHING_LEFT, turn)
  else end = await playSteps(steps, turn)

  // The client may ask the same again with other words.
  if (steps !== undefined && session.memory.failures > failuresBefore) session.queue?.unshift(steps)
  if (end !== null && 'error' in end) throw new RpcError(end.error.code, end.error.message)
  const { input, output } = turn.used
  const usage = input + output > 0 ? { usage: { inputTokens: input, outputTokens: output, totalTokens: input + output } } : {}
  return { stopReason: end?.stop ?? 'end_turn', ...usage }
}

function makeTurn({ id, cwd, memory }: Session, cancelled: AbortSignal): Turn {
  return {
    cwd,
    cancelled,
    memory,
    used: { input: 0, output: 0 },
    hasSpoken: false,
    send: (update: SessionUpdate) => send({ method: 'session/update', params: { sessionId: id, update } }),
    request: (method, params) => request(method, { sessionId: id, ...params }),
    writeRaw,
  }
}

function readText(prompt: unknown): string {
  if (!Array.isArray(prompt)) throw new RpcError(INVALID_PARAMS, 'session/prompt needs prompt, a list of content blocks')
  return (prompt as { text?: unknown }[]).flatMap((block) => (typeof block.text === 'string' ? [block.text] : [])).join('\n')
}

let lastRequestId = 0
async function request(method: string, params: object): Promise<unknown> {
  const id = ++lastRequestId
  const answer = new Promise<Message>((resolve) => asked.set(id, resolve))
  send({ id, method, params })
  const { result, error } = await answer
  if (error) throw new Error(error.message)
  return result
}

function send(message: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
}

async function writeRaw(text: string): Promise<void> {
  if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve))
}

/** Without its client nobody would ever stop it. The cancels kill the shells that still run. */
function endWithClient(): void {
  for (const session of sessions.values()) session.turn?.abort()
  process.exit(0)
}
