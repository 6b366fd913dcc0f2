/**
 * A session's two logs. `in` is the channel to the agent: only whole lines are appended to it. `out` is what the agent
 * wrote. Both together are the protocol's state, so whoever reads them can go on where another was killed.
 */
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { loadText } from '../lib/files.ts'
import { followFile } from '../lib/follow-file.ts'
import { createLineSplitter, parseJson, type Line } from '../lib/json-lines.ts'

/** A JSON-RPC message, as far as we look at it. */
export interface Message {
  readonly id?: number | string | null
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown> | null
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/** One of the agent's lines: a message, or something else. */
export type AgentLine = { readonly message: Message } | { readonly garbage: string } | { readonly tooLong: string }

/** A line beyond this is no protocol: real agents stay below a few MB. */
const MAX_LINE = 32 * 1024 * 1024

export interface SessionLog {
  /** All that was sent so far, in order. */
  sent(): readonly Message[]
  /** Appends one message. Calls are carried out one after the other. */
  send(message: Message): Promise<void>
  /** Resolves when everything that the agent has written so far has been handed to `onLine`. */
  drain(): Promise<void>
  stop(): void
}

/** Opens the logs of a session, whoever began it. `onLine` gets every line of the agent's, from the first. */
export async function openSessionLog(folder: string, clock: Clock, onLine: (line: AgentLine) => void): Promise<SessionLog> {
  const sent = await recoverSent(folder)
  let sending = Promise.resolve()
  const splitter = createLineSplitter(MAX_LINE, (line) => {
    const read = readAgentLine(line)
    if (read !== null) onLine(read)
  })
  const follower = followFile(join(folder, 'out'), { clock, onChunk: (chunk) => splitter.push(chunk) })
  return {
    sent: () => sent,
    send(message) {
      const line = `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`
      const sendNow = async (): Promise<void> => {
        // Counted as sent before it is: an agent may answer before we hear that the append is done.
        sent.push(message)
        try {
          // If we die in the middle of the append, the next one completes it from this copy.
          await writeFile(join(folder, 'in.next'), line, { mode: 0o600 })
          await appendFile(join(folder, 'in'), line)
        } catch (error) {
          sent.splice(sent.indexOf(message), 1)
          throw error
        }
      }
      const result = sending.then(sendNow)
      // One that failed must not keep the next from being sent.
      sending = result.catch(() => {})
      return result
    },
    drain: () => follower.drain(),
    stop: () => follower.stop(),
  }
}

/** What was sent before our time; a line that was torn off is completed first. */
async function recoverSent(folder: string): Promise<Message[]> {
  const path = join(folder, 'in')
  let text = await readFile(path, 'utf8')
  if (text !== '' && !text.endsWith('\n')) {
    const torn = text.slice(text.lastIndexOf('\n') + 1)
    const whole = (await loadText(join(folder, 'in.next'))) ?? ''
    // Bytes, because the tear may be within a character.
    const tornBytes = (await readFile(path)).subarray(Buffer.byteLength(text.slice(0, text.length - torn.length)))
    const wholeBytes = Buffer.from(whole)
    const rest = wholeBytes.subarray(0, tornBytes.length).equals(tornBytes)
      ? wholeBytes.subarray(tornBytes.length)
      : Buffer.from('\n')
    await appendFile(path, rest)
    text = await readFile(path, 'utf8')
  }
  return parseMessages(text)
}

/** What was sent in a session, whole lines only; nothing is changed. */
export async function readSent(folder: string): Promise<Message[]> {
  return parseMessages((await loadText(join(folder, 'in'))) ?? '')
}

function parseMessages(text: string): Message[] {
  return text.split('\n').flatMap((line) => {
    const message = parseJson(line) as Message | undefined
    return message === undefined ? [] : [message]
  })
}

export function readAgentLine(line: Line): AgentLine | null {
  if ('tooLong' in line) return { tooLong: line.start }
  if (line.text.trim() === '') return null
  const value = parseJson(line.text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { garbage: line.text.slice(0, 200) }
  return { message: value as Message }
}
