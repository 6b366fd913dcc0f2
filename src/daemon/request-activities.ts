/** Waiting for a person's answer, and taking a question back. */
import type { Clock } from '../lib/clock.ts'
import type { RequestId, TaskId } from '../model/ids.ts'
import type { Store } from '../store/contract.ts'

export function awaitAnswer(store: Store, id: RequestId, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const settle = (answer: string): void => {
      stop()
      resolve(answer)
    }
    const unsubscribe = store.subscribe(({ event }) => {
      if (event.type === 'request-closed' && event.request === id) settle(event.closed.answer)
    })
    const leave = (): void => {
      stop()
      reject(signal.reason)
    }
    const stop = (): void => {
      unsubscribe()
      signal.removeEventListener('abort', leave)
    }
    signal.addEventListener('abort', leave, { once: true })
    if (signal.aborted) return leave()
    store.loadRequest(id).then((request) => {
      if (request?.closed) settle(request.closed.answer)
    }, reject)
  })
}

export async function withdraw(store: Store, clock: Clock, task: TaskId, request: RequestId): Promise<void> {
  await store.record(
    task,
    { type: 'request-closed', request, closed: { answer: 'withdrawn', by: 'heddle', at: clock.now() } },
    `withdrawn/${request}`,
  )
}
