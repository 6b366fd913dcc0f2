/** Calls the daemon. Only types come from the contract, because loading its schemas would double the start-up time. */
import { connect, type Socket } from 'node:net'
import { createLineSplitter, parseJson } from '../lib/json-lines.ts'
import { FailureError, type Failure } from '../model/failure.ts'
import type { Method, ParamsOf, Results, Streams } from './contract.ts'

/** A diff is the largest answer. Past this the connection is given up, since no string could hold it. */
const LONGEST_MESSAGE = 256 * 1024 * 1024

/** A rejected call throws `FailureError` for what the daemon refuses, and `ConnectionLostError` if the daemon goes away. */
export interface Client {
  call<M extends Method>(method: M, params: ParamsOf<M>): Promise<Results[M]>
  /** Calls `onItem` for each item, in order, until the daemon answers. */
  stream<M extends keyof Streams>(method: M, params: ParamsOf<M>, onItem: (item: Streams[M]) => void): Promise<Results[M]>
  /** Rejects what is under way; the daemon then drops it. Idempotent. */
  close(): void
}

/** The daemon went away in mid-call; what was asked may or may not have been done. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
  constructor(reason: string) {
    super(`the connection to the daemon was lost (${reason})`)
  }
}

interface PendingCall {
  readonly resolve: (result: never) => void
  readonly reject: (error: Error) => void
  readonly onItem: ((item: never) => void) | null
}

/** One message from the daemon: an answer, or an item of a stream. */
interface Message {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Failure }
  readonly method?: string
  readonly params?: { readonly request: number; readonly item: unknown }
}

/** Connects to a daemon's socket. Rejects with the system's error (`ENOENT`, `ECONNREFUSED`) when nothing listens there. */
export function openClient(path: string): Promise<Client> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(createClient(socket))
    })
  })
}

function createClient(socket: Socket): Client {
  const pending = new Map<number, PendingCall>()
  let lastId = 0
  let lost: ConnectionLostError | null = null

  const lose = (reason: string): void => {
    lost ??= new ConnectionLostError(reason)
    socket.destroy()
    for (const call of pending.values()) call.reject(lost)
    pending.clear()
  }
  const receive = (message: Message): void => {
    const id = message.method === 'item' ? message.params?.request : message.id
    const call = id === undefined ? undefined : pending.get(id)
    if (id === undefined || call === undefined) return
    if (message.method === 'item') {
      try {
        call.onItem?.(message.params!.item as never)
      } catch (error) {
        pending.delete(id)
        call.reject(error as Error)
      }
      return
    }
    pending.delete(id)
    if (message.error === undefined) call.resolve(message.result as never)
    else call.reject(new FailureError(message.error.data ?? { kind: 'internal', message: message.error.message }))
  }
  const splitter = createLineSplitter(LONGEST_MESSAGE, (line) => {
    const message = 'text' in line ? parseJson(line.text) : undefined
    if (message === undefined || message === null) lose('it sent what is not a message')
    else receive(message)
  })

  socket.on('data', (chunk) => splitter.push(chunk))
  socket.on('error', (error) => lose(error.message))
  socket.on('close', () => lose('it closed'))

  const send = <T>(method: Method, params: unknown, onItem: PendingCall['onItem']): Promise<T> =>
    new Promise((resolve, reject) => {
      if (lost !== null) return reject(lost)
      const id = ++lastId
      pending.set(id, { resolve, reject, onItem })
      socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`)
    })

  return {
    call: (method, params) => send(method, params, null),
    stream: (method, params, onItem) => send(method, params, onItem),
    close: () => lose('closed by us'),
  }
}
