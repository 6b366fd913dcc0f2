/**
 * A scripted model on loopback, for real agents: it answers each request with the step that the conversation has come to.
 * By hand: `node test/model/server.ts [PORT]` prints a line a request.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { anthropic } from './anthropic.ts'
import { writeJson } from './dialect.ts'
import type { Dialect, ModelRequest, Reply } from './dialect.ts'
import { responses } from './responses.ts'
import { findPosition, stepAt } from './script.ts'
import type { Step } from './script.ts'
import { findToolCall, sampleOf } from './tool-call.ts'

const dialects: readonly Dialect[] = [anthropic, responses]
const maxBodyBytes = 64 * 1024 * 1024

export interface ModelServer {
  readonly port: number
  readonly url: string
  /** What was asked so far, oldest first. */
  readonly requests: readonly RequestRecord[]
  /** Ends open answers too, those that hang as well. */
  close(): Promise<void>
}

export interface RequestRecord {
  /** Unix time in ms. */
  readonly time: number
  readonly dialect: string
  readonly model: string
  /** Not asked on the user's account: a title, a classifier. Such requests have no place in the script. */
  readonly side: boolean
  readonly block: number | null
  readonly step: number | null
  /** The status when the script made it fail; else the tool that was called, `say` or `hang`. */
  readonly outcome: string
}

/** Resolves when it listens. Port 0 takes a free one. */
export async function startModelServer(
  options: { port?: number; onRequest?: (record: RequestRecord) => void } = {},
): Promise<ModelServer> {
  const requests: RequestRecord[] = []
  const memory: Memory = {
    failures: new Map(),
    record(entry) {
      requests.push(entry)
      options.onRequest?.(entry)
    },
  }
  const server = createServer((request, response) => {
    handleRequest(request, response, memory).catch((error: unknown) => {
      // Almost always a script with a typing error; the agent shows this text to whoever wrote it.
      if (response.headersSent) response.destroy()
      else writeJson(response, 400, { type: 'error', error: { type: 'invalid_request_error', message: String(error) } })
    })
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port, url: `http://127.0.0.1:${port}`, requests, close }
}

/** All that outlasts a request. */
interface Memory {
  /** How often each scripted failure happened, by position. */
  readonly failures: Map<string, number>
  record(entry: RequestRecord): void
}

async function handleRequest(request: IncomingMessage, response: ServerResponse, memory: Memory): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://localhost').pathname
  const body = await readJson(request)
  for (const dialect of dialects) {
    const asked = dialect.readRequest(path, body)
    if (asked) return playStep(dialect, asked, response, memory)
  }
  if (path.endsWith('/models')) return writeJson(response, 200, { object: 'list', data: [], models: [] })
  if (path.endsWith('/count_tokens')) return writeJson(response, 200, { input_tokens: 1000 })
  writeJson(response, 404, { error: { type: 'not_found_error', message: `The scripted model does not serve ${path}` } })
}

async function playStep(dialect: Dialect, asked: ModelRequest, response: ServerResponse, memory: Memory): Promise<void> {
  const position = asked.side ? null : findPosition(asked.turns)
  const step: Step = position ? stepAt(position) : { say: asked.schema ? JSON.stringify(sampleOf(asked.schema)) : 'ok' }
  const reply = replyFor(step, asked)
  const failure = position ? takeFailure(step, position.key, memory) : null
  memory.record({
    time: Date.now(),
    dialect: dialect.name,
    model: asked.model,
    side: position === null,
    block: position?.block ?? null,
    step: position?.step ?? null,
    outcome: failure ? String(failure.status) : (reply.call?.tool.name ?? ('hang' in step ? 'hang' : 'say')),
  })
  if (step.delayMs && !(await isOpenAfter(step.delayMs, response))) return
  if (!failure) return dialect.writeReply(response, asked, reply)
  const headers: Record<string, string> = failure.retryAfter === undefined ? {} : { 'retry-after': String(failure.retryAfter) }
  writeJson(response, failure.status, dialect.errorBody(failure.status, 'a failure that the script asks for'), headers)
}

/** The failure that this request must meet, or null when the step has had them all. */
function takeFailure({ fail }: Step, key: string, { failures }: Memory): Step['fail'] | null {
  const happened = failures.get(key) ?? 0
  if (!fail || happened >= fail.times) return null
  failures.set(key, happened + 1)
  return fail
}

/** Waits, but no longer than the client does. */
async function isOpenAfter(delayMs: number, response: ServerResponse): Promise<boolean> {
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  await sleep(delayMs, null, { signal: closed.signal }).catch(() => null)
  return !closed.signal.aborted
}

function replyFor(step: Step, { tools, cwd }: ModelRequest): Reply {
  const usage = { input: step.usage?.input ?? 1200, cached: 200, output: step.usage?.output ?? 55 }
  if ('say' in step) return { say: step.say, usage }
  if ('hang' in step) return { usage }
  const call = findToolCall(step, tools, cwd)
  const names = tools.map(({ name }) => name).join(', ')
  return call ? { call, usage } : { say: `The scripted model finds no tool for ${JSON.stringify(step)} among ${names}`, usage }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) throw new RangeError('the request is too large')
    chunks.push(chunk)
  }
  return bytes === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

if (import.meta.main) {
  const server = await startModelServer({
    port: Number(process.argv[2] ?? 0),
    onRequest: (entry) => console.log(JSON.stringify(entry)),
  })
  console.log(`A scripted model listens on ${server.url}`)
}
