/** What a task's agent, checks and Heddle did, in order; the agents' part comes straight from their session logs. */
import { join } from 'node:path'
import { readTurn } from '../agent/transcript.ts'
import type { LogEntry } from '../api/contract.ts'
import type { Clock } from '../lib/clock.ts'
import type { RecordedEvent } from '../model/event.ts'
import type { Task } from '../model/task.ts'
import type { Store } from '../store/contract.ts'
import type { Feed } from './feed.ts'
import { describeEvent } from './history.ts'

/** Hands on what there is, and with `follow` what comes, until the task has ended or `signal` is aborted. */
export async function streamLogs(
  leaves: { home: string; clock: Clock; store: Store; feed: Feed },
  task: Task,
  options: { readonly follow: boolean; readonly signal: AbortSignal; readonly onEntry: (entry: LogEntry) => void },
): Promise<void> {
  const { store, clock } = leaves
  let seen = 0
  let current: { stop(): void; done: Promise<void> } | null = null
  let wake = (): void => {}
  const unsubscribe = leaves.feed.subscribe((id, event) => {
    if (id === task.id && event !== null) wake()
  })
  const abort = (): void => wake()
  options.signal.addEventListener('abort', abort)

  const show = async (recorded: RecordedEvent): Promise<void> => {
    const { event } = recorded
    if (event.type === 'turn-started') {
      const folder = join(leaves.home, 'sessions', event.session)
      current = await readTurn(folder, event.go, {
        follow: true,
        clock,
        onEntry: (entry) => options.onEntry({ at: null, ...entry }),
      })
      return
    }
    // These come between a turn's lines. Permissions are in its own log, at their place; a message is the next turn's prompt.
    if (event.type === 'message-sent' || (event.type === 'request-opened' && event.request.kind === 'permission')) return
    if (event.type === 'request-closed' && current !== null) return
    if (current !== null) {
      current.stop()
      await current.done
      current = null
    }
    const text = describeEvent(event)
    if (text !== null) options.onEntry({ at: recorded.at, kind: 'heddle', text })
    if (event.type === 'checks-ended') {
      for (const one of event.evidence)
        if (!one.ok) options.onEntry({ at: recorded.at, kind: 'output', text: one.output.trimEnd() })
    }
  }

  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve
      })
      const events = (await store.loadEvents(task.id)).filter((event) => event.seq > seen)
      for (const event of events) {
        if (options.signal.aborted) return
        seen = event.seq
        await show(event)
      }
      const now = await store.loadTask(task.id)
      if (!options.follow || now?.end !== null || options.signal.aborted) return
      await woken
    }
  } finally {
    unsubscribe()
    options.signal.removeEventListener('abort', abort)
    const left = current as { stop(): void; done: Promise<void> } | null
    left?.stop()
    await left?.done
  }
}
