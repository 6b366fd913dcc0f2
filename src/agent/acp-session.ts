/**
 * A session with an ACP agent (wire version 1), held over its two logs. What was asked and answered is read from the logs,
 * so it makes no difference whether this process began the session or found it.
 */
import type { Clock } from '../lib/clock.ts'
import { describeExit, findExit, type Job } from '../lib/job.ts'
import { loadTail } from '../lib/files.ts'
import { join } from 'node:path'
import { watchFolder } from '../lib/follow-file.ts'
import { failed, ok, type Failure, type Result } from '../model/failure.ts'
import { LetGoError, type AgentProgram } from './contract.ts'
import { foldAgentLine, NEW_PROTOCOL_STATE, type ProtocolState } from './protocol-state.ts'
import { openSessionLog, type Message } from './session-log.ts'

export interface AcpSession {
  readonly state: () => ProtocolState
  readonly sent: () => readonly Message[]
  /** Sends a request unless one with the same `tag` was sent before, and gives its id. */
  request(tag: string, method: string, params: Record<string, unknown>): Promise<number>
  reply(id: number | string, result: Record<string, unknown> | null, error?: Message['error']): Promise<void>
  /** Calls back after each line of the agent's, and each second at least. */
  onProgress(callback: () => void): () => void
  /** When the agent last wrote something, as far as we saw. */
  lastHeardMs(): number
  /** The answer to a request; fails when the agent ends, writes what no protocol is, or is silent for too long. */
  answer(
    id: number,
    limits: { readonly silentMs: number; readonly isExcused?: () => boolean; readonly when: string },
  ): Promise<Result<Message>>
  close(): void
}

export async function openAcpSession(program: AgentProgram, job: Job, clock: Clock, signal: AbortSignal): Promise<AcpSession> {
  let state = NEW_PROTOCOL_STATE
  let heardMs = clock.now()
  const callbacks = new Set<() => void>()
  const tell = (): void => {
    for (const callback of callbacks) callback()
  }
  const log = await openSessionLog(job.folder, clock, (line) => {
    state = foldAgentLine(state, line)
    heardMs = clock.now()
    tell()
  })
  await log.drain()
  const stopWatching = watchFolder(job.folder, clock, 1000, tell)
  const nextId = (): number =>
    log.sent().filter((message) => message.method !== undefined && typeof message.id === 'number').length + 1

  const findProblem = async (when: string, silentMs: number, isExcused: boolean): Promise<Failure | null> => {
    if (state.tooLong !== null)
      return {
        kind: 'agent-garbage',
        agent: program.name,
        sample: `a line of more than 32 MiB that begins with: ${state.tooLong}`,
      }
    if (state.messages === 0 && state.garbage.length >= 20)
      return { kind: 'agent-garbage', agent: program.name, sample: state.garbage.join('\n') }
    const exit = await findExit(job)
    if (exit !== null) {
      await log.drain()
      const output = [...state.garbage.slice(-5), await loadTail(join(job.folder, 'err'), 2000)].join('\n').trim()
      return { kind: 'agent-died', agent: program.name, when, exit: describeExit(exit), output }
    }
    if (!isExcused && clock.now() - heardMs >= silentMs) {
      if (state.garbage.length > 0) return { kind: 'agent-garbage', agent: program.name, sample: state.garbage.join('\n') }
      return { kind: 'agent-silent', agent: program.name, minutes: Math.round((silentMs / 60_000) * 100) / 100 }
    }
    return null
  }

  return {
    state: () => state,
    sent: log.sent,
    lastHeardMs: () => heardMs,
    onProgress(callback) {
      callbacks.add(callback)
      return () => callbacks.delete(callback)
    },

    async request(tag, method, params) {
      const earlier = log.sent().find((message) => message.method === method && tagOf(message) === tag)
      if (typeof earlier?.id === 'number') return earlier.id
      const id = nextId()
      heardMs = clock.now()
      await log.send({ id, method, params: { ...params, _meta: { heddle: tag } } })
      return id
    },

    async reply(id, result, error) {
      if (log.sent().some((message) => message.method === undefined && message.id === id)) return
      await log.send(error === undefined ? { id, result } : { id, error })
      heardMs = clock.now()
    },

    answer(id, { silentMs, isExcused = () => false, when }) {
      return new Promise((resolve, reject) => {
        let looking = false
        const settle = (result: Result<Message>): void => {
          stop()
          resolve(result)
        }
        const look = async (): Promise<void> => {
          const answer = state.answers.get(id)
          if (answer !== undefined) return settle(ok(answer))
          if (looking) return
          looking = true
          if (isExcused()) heardMs = clock.now()
          const problem = await findProblem(when, silentMs, isExcused())
          looking = false
          const late = state.answers.get(id)
          if (late !== undefined) settle(ok(late))
          else if (problem !== null) settle(failed(problem))
        }
        const poke = (): void => void look().catch(reject)
        const letGo = (): void => {
          stop()
          reject(new LetGoError())
        }
        callbacks.add(poke)
        const cancelSilence = repeat(clock, Math.max(10, Math.min(silentMs, 5000)), poke)
        const stop = (): void => {
          callbacks.delete(poke)
          cancelSilence()
          signal.removeEventListener('abort', letGo)
        }
        signal.addEventListener('abort', letGo, { once: true })
        if (signal.aborted) letGo()
        else poke()
      })
    },

    close() {
      stopWatching()
      log.stop()
    },
  }
}

export const tagOf = (message: Message): string | undefined => (message.params?._meta as { heddle?: string } | undefined)?.heddle

function repeat(clock: Clock, everyMs: number, callback: () => void): () => void {
  let cancel = clock.after(everyMs, function again() {
    cancel = clock.after(everyMs, again)
    callback()
  })
  return () => cancel()
}
