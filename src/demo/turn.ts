import type { SessionUpdate, StopReason } from '@agentclientprotocol/sdk'

/** One prompt to the scripted agent, as its steps see it. */
export interface Turn {
  readonly cwd: string
  /** Aborted by `session/cancel`, and when the agent ends. */
  readonly cancelled: AbortSignal
  readonly memory: SessionMemory
  readonly used: { input: number; output: number }
  hasSpoken: boolean
  send(update: SessionUpdate): void
  request(method: string, params: Record<string, unknown>): Promise<unknown>
  /** Writes what need not be a message of the protocol. */
  writeRaw(text: string): Promise<void>
}

/** What a session keeps from turn to turn. */
export interface SessionMemory {
  toolCalls: number
  messages: number
  /** How many turns failed because a step said so. */
  failures: number
  tokens: number
  /** Null while no step told a cost. */
  costUsd: number | null
}

export type TurnEnd = { readonly stop: StopReason } | { readonly error: { readonly code: number; readonly message: string } }

/** Sends a text in small parts, as a model's words come. */
export function speak(text: string, turn: Turn): void {
  sendText('agent_message_chunk', turn.hasSpoken ? `\n${text}` : text, turn)
  turn.hasSpoken = true
}

export function think(text: string, turn: Turn): void {
  sendText('agent_thought_chunk', text, turn)
}

function sendText(sessionUpdate: 'agent_message_chunk' | 'agent_thought_chunk', text: string, turn: Turn): void {
  const messageId = `message-${++turn.memory.messages}`
  for (const part of text.match(/[^]{1,40}(?:\s+|$)|[^]{1,40}/g) ?? []) {
    turn.send({ sessionUpdate, messageId, content: { type: 'text', text: part } })
  }
}

/** Resolves when the promise does, or when the turn is cancelled. */
export async function untilCancelled(promise: Promise<unknown>, turn: Turn): Promise<void> {
  if (turn.cancelled.aborted) return
  const listening = new AbortController()
  const cancelled = new Promise((resolve) => turn.cancelled.addEventListener('abort', resolve, { signal: listening.signal }))
  await Promise.race([promise, cancelled]).finally(() => listening.abort())
}
