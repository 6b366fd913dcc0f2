/** Serves the contract: JSON-RPC 2.0, one message a line, on a Unix socket that only the user can open. */
import { chmod, mkdir, rm, stat } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { Params, type Method } from '../api/contract.ts'
import { createLineSplitter, parseJson } from '../lib/json-lines.ts'
import { describeFailure, FailureError, type Failure } from '../model/failure.ts'
import type { Handlers } from './handlers.ts'

/** The longest call: a plan of thousands of tasks fits. */
const MAX_LINE = 64 * 1024 * 1024

export async function startServer(path: string, handlers: Handlers): Promise<{ stop(): Promise<void> }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  // In a shared folder for temporary files somebody else may have made it first.
  if ((await stat(dirname(path))).uid !== process.getuid?.()) throw new Error(`${dirname(path)} belongs to another user`)
  // We hold the home's lock, so a socket that is there belongs to nobody.
  await rm(path, { force: true })
  const sockets = new Set<Socket>()
  const calls: OpenCalls = new Set()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, handlers, calls)
  })
  await listen(server, path)
  await chmod(path, 0o600)
  return {
    async stop() {
      server.close()
      // Whoever waits is told, lest it take the lost connection for a crash and start us again.
      for (const call of calls) call.refuse({ kind: 'daemon-not-running' })
      calls.clear()
      // What has been answered still goes out.
      for (const socket of sockets) socket.destroySoon()
      await rm(path, { force: true })
    },
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

interface Call {
  readonly id: number | string
  readonly method: string
  readonly params?: unknown
}

/** Calls that have not been answered. */
type OpenCalls = Set<{ refuse(failure: Failure): void }>

function serve(socket: Socket, handlers: Handlers, calls: OpenCalls): void {
  const gone = new AbortController()
  const send = (message: object): void => {
    if (socket.writable) socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }
  socket.on('error', () => {})
  socket.on('close', () => gone.abort())
  const splitter = createLineSplitter(MAX_LINE, (line) => {
    const call = 'text' in line ? (parseJson(line.text) as Call | undefined) : undefined
    if (typeof call?.method !== 'string') return send({ id: null, error: { code: -32700, message: 'not a JSON-RPC call' } })
    const open = { refuse: (failure: Failure) => send({ id: call.id, error: describeError(failure) }) }
    calls.add(open)
    void answer(call, handlers, gone.signal, (message) => {
      if (calls.has(open)) send(message)
    }).finally(() => calls.delete(open))
  })
  socket.on('data', (chunk) => splitter.push(chunk as Buffer))
}

async function answer(call: Call, handlers: Handlers, signal: AbortSignal, send: (message: object) => void): Promise<void> {
  const { id, method } = call
  try {
    if (!Object.hasOwn(Params, method)) return send({ id, error: { code: -32601, message: `there is no method ${method}` } })
    const parsed = Params[method as Method].safeParse(call.params ?? {})
    if (!parsed.success) {
      const what = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
      return send({
        id,
        error: describeError({
          kind: 'bad-input',
          what: `${method} was called wrongly: ${what}`,
          todo: 'Is the command line of another version than the daemon? Try: heddle daemon stop',
        }),
      })
    }
    const handle = handlers[method as Method] as (params: unknown, context: object) => Promise<unknown>
    const result = await handle(parsed.data, {
      signal,
      send: (item: unknown) => send({ method: 'item', params: { request: id, item } }),
    })
    send({ id, result: result ?? null })
  } catch (error) {
    if (error instanceof FailureError) return send({ id, error: describeError(error.failure) })
    console.error(new Date().toISOString(), method, error)
    send({ id, error: describeError({ kind: 'internal', message: error instanceof Error ? error.message : String(error) }) })
  }
}

const describeError = (failure: Failure): object => ({ code: -32000, message: describeFailure(failure), data: failure })
