import { requireOk, type Result } from '../model/failure.ts'
import { ConnectionLostError, type Client } from './client.ts'
import type { Method, ParamsOf, Results, Streams } from './contract.ts'

/**
 * A client that connects when it is first needed. When the daemon goes away in mid-call (killed, upgraded), it starts
 * the next one and asks again what may be asked twice; other calls fail.
 */
export interface SteadyClient extends Client {
  /** A function is asked for the params of each try. */
  call<M extends Method>(method: M, params: ParamsOf<M> | (() => ParamsOf<M>)): Promise<Results[M]>
  /** `onAgain` tells that the stream starts anew, so what happened in between may be missing. */
  stream<M extends keyof Streams>(
    method: M,
    params: ParamsOf<M>,
    onItem: (item: Streams[M]) => void,
    onAgain?: () => void,
  ): Promise<Results[M]>
}

/** These change nothing. */
const REPEATABLE: ReadonlySet<Method> = new Set<Method>([
  'daemon.status',
  'plan.check',
  'tasks.list',
  'tasks.get',
  'tasks.wait',
  'tasks.diff',
  'tasks.logs',
  'inbox.list',
  'watch',
])

/** A daemon that keeps dying is not started for ever: so many losses, each within that time of the one before, are the end. */
const MOST_LOSSES = 5
const CALM_MS = 30_000

export function createSteadyClient(connect: () => Promise<Result<Client>>): SteadyClient {
  let current: Promise<Client> | null = null
  let closed = false

  const open = (): Promise<Client> => (current ??= connect().then(requireOk))
  const repeat = async <T>(method: Method, ask: (client: Client, again: boolean) => Promise<T>): Promise<T> => {
    let lostAtMs = 0
    for (let losses = 0; ;) {
      const opening = open()
      try {
        return await ask(await opening, losses > 0)
      } catch (error) {
        if (!(error instanceof ConnectionLostError)) throw error
        if (current === opening) current = null
        losses = Date.now() - lostAtMs > CALM_MS ? 1 : losses + 1
        if (closed || losses > MOST_LOSSES || !REPEATABLE.has(method)) throw error
        lostAtMs = Date.now()
      }
    }
  }
  return {
    call: (method, params) => repeat(method, (client) => client.call(method, typeof params === 'function' ? params() : params)),
    stream: (method, params, onItem, onAgain) =>
      repeat(method, (client, again) => {
        if (again) onAgain?.()
        return client.stream(method, params, onItem)
      }),
    close() {
      closed = true
      void current?.then(
        (client) => client.close(),
        () => {},
      )
    },
  }
}
