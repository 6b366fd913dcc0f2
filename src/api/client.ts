/** JSON-RPC 2.0 with the daemon over one connection, one message a line, as `contract.ts` says. */
import type { Socket } from 'node:net'
import { createLineSplitter, parseJson, type Line } from '../lib/json-lines.ts'
import { FailureError, type Failure } from '../model/failure.ts'
import type { Method, ParamsOf, Results, Streams } from './contract.ts'

/** What the daemon answers with a failure is thrown as a `FailureError`; a connection that ends first as `ConnectionLostError`. */
export interface Client {
  call<M extends Method>(method: M, params: ParamsOf<M>): Promise<Results[M]>
  /** Hands on the items of a streaming method. Resolves with its answer. */
  stream<M extends keyof Streams>(method: M, params: ParamsOf<M>, onItem: (item: Streams[M]) => void): Promise<Results[M]>
  /** Calls under way fail. Idempotent. */
  close(): void
}

/** The daemon went away before it answered, so whether it did what was asked is not known. */
export class ConnectionLostError extends FailureError {}

/** A diff is one message, so this is also the largest diff. */
const MAX_MESSAGE_LENGTH = 256 * 1024 * 1024

interface PendingCall {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
  readonly onItem: ((item: unknown) => void) | null
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: { readonly request: number; readonly item: unknown }
  readonly result?: unknown
  readonly error?: { readonly message: string; readonly data?: Failure }
}

/** `log` is the daemon's log, for the message when the connection is lost. */
export function createClient(socket: Socket, log: string): Client {
  const pending = new Map<number, PendingCall>()
  let lastId = 0
  let lost: ConnectionLostError | null = null

  const lose = (reason: string): void => {
    lost ??= new ConnectionLostError({ kind: 'daemon-unreachable', reason, log })
    socket.destroy()
    for (const call of pending.values()) call.reject(lost)
    pending.clear()
  }
  const send = (method: Method, params: object, onItem: PendingCall['onItem']): Promise<unknown> => {
    if (lost !== null) return Promise.reject(lost)
    const id = ++lastId
    return new Promise((resolve, reject) => {
      pending.set(id, { resolve, reject, onItem })
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    })
  }
  const receive = (line: Line): void => {
    const message = 'text' in line ? parseMessage(line.text) : null
    if (message === null) return lose('it sent what is no message of its protocol')
    if (message.method !== undefined) {
      if (message.params !== undefined) pending.get(message.params.request)?.onItem?.(message.params.item)
      return
    }
    const call = pending.get(Number(message.id))
    pending.delete(Number(message.id))
    if (message.error === undefined) call?.resolve(message.result)
    else call?.reject(new FailureError(message.error.data ?? { kind: 'internal', message: message.error.message }))
  }

  const lines = createLineSplitter(MAX_MESSAGE_LENGTH, receive)
  socket.on('data', (chunk: Buffer) => lines.push(chunk))
  socket.on('error', (error) => lose(`the connection broke before it answered (${error.message})`))
  socket.on('close', () => lose('it ended before it answered; see with `heddle ps` whether it did what you asked'))
  return {
    call: <M extends Method>(method: M, params: ParamsOf<M>) => send(method, params, null) as Promise<Results[M]>,
    stream: <M extends keyof Streams>(method: M, params: ParamsOf<M>, onItem: (item: Streams[M]) => void) =>
      send(method, params, onItem as (item: unknown) => void) as Promise<Results[M]>,
    close: () => lose('the connection was closed here'),
  }
}

function parseMessage(text: string): Message | null {
  const value = parseJson(text)
  return typeof value === 'object' && value !== null ? (value as Message) : null
}
