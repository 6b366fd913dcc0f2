/** The state of an ACP session as a fold over what the agent wrote. Pure. */
import { NO_USAGE, type Usage } from '../model/task.ts'
import type { AgentLine, Message } from './session-log.ts'

/** What an agent did in one turn, or in the turn that is under way. */
export interface TurnRecord {
  /** What it said since its last tool call. */
  readonly text: string
  readonly toolCalls: number
  /** Text came that belongs to no message: agents tell errors and warnings so. */
  readonly stray: boolean
  /** Cost of the session so far in USD, as last told; null when never told. */
  readonly sessionCostUsd: number | null
}

export interface ProtocolState {
  /** Answers to our requests, by id. */
  readonly answers: ReadonlyMap<number, Message>
  /** The agent's requests in their order, without those that it has withdrawn. */
  readonly asked: ReadonlyMap<number | string, Message>
  readonly turn: TurnRecord
  /** What the turns were that have been answered, by the id of the prompt. */
  readonly turns: ReadonlyMap<number, TurnRecord>
  readonly messages: number
  readonly garbage: readonly string[]
  readonly tooLong: string | null
}

const NEW_TURN: TurnRecord = { text: '', toolCalls: 0, stray: false, sessionCostUsd: null }

export const NEW_PROTOCOL_STATE: ProtocolState = {
  answers: new Map(),
  asked: new Map(),
  turn: NEW_TURN,
  turns: new Map(),
  messages: 0,
  garbage: [],
  tooLong: null,
}

/** Longer texts keep their end. */
const MAX_TEXT = 256 * 1024
const MAX_GARBAGE = 20

export function foldAgentLine(state: ProtocolState, line: AgentLine): ProtocolState {
  if ('tooLong' in line) return { ...state, tooLong: line.tooLong }
  if ('garbage' in line) return { ...state, garbage: [...state.garbage, line.garbage].slice(-MAX_GARBAGE) }
  return foldMessage({ ...state, messages: state.messages + 1 }, line.message)
}

function foldMessage(state: ProtocolState, message: Message): ProtocolState {
  if (message.method === undefined) {
    if (typeof message.id !== 'number') return state
    const answers = new Map(state.answers).set(message.id, message)
    // A turn ends with an answer, and what `session/load` replays is no part of the next one.
    const turn = { ...NEW_TURN, sessionCostUsd: state.turn.sessionCostUsd }
    return { ...state, answers, turn, turns: new Map(state.turns).set(message.id, state.turn) }
  }
  if (message.method === 'session/update') return { ...state, turn: foldUpdate(state.turn, readUpdate(message)) }
  if (message.method === '$/cancel_request') {
    const asked = new Map(state.asked)
    asked.delete(message.params?.requestId as number | string)
    return { ...state, asked }
  }
  if (message.id !== undefined && message.id !== null) return { ...state, asked: new Map(state.asked).set(message.id, message) }
  return state
}

/** The fields of updates that are looked at; kinds that are not known are kept in the log and ignored here. */
export interface Update {
  readonly sessionUpdate?: string
  readonly content?: unknown
  readonly messageId?: string
  readonly toolCallId?: string
  readonly title?: string
  readonly kind?: string
  readonly status?: string
  readonly rawInput?: unknown
  readonly rawOutput?: unknown
  readonly entries?: readonly { readonly content?: string; readonly status?: string }[]
  readonly cost?: { readonly amount?: number; readonly currency?: string } | null
}

export const readUpdate = (message: Message): Update => (message.params?.update ?? {}) as Update

export function textOf(content: unknown): string {
  const block = content as { type?: string; text?: string } | null | undefined
  return typeof block?.text === 'string' ? block.text : ''
}

function foldUpdate(turn: TurnRecord, update: Update): TurnRecord {
  switch (update.sessionUpdate) {
    case 'agent_message_chunk':
      return { ...turn, text: keepEnd(turn.text + textOf(update.content)), stray: turn.stray || update.messageId === undefined }
    case 'tool_call':
      return { ...turn, text: '', toolCalls: turn.toolCalls + 1 }
    case 'usage_update':
      return typeof update.cost?.amount === 'number' && (update.cost.currency ?? 'USD') === 'USD'
        ? { ...turn, sessionCostUsd: update.cost.amount }
        : turn
    default:
      return turn
  }
}

const keepEnd = (text: string): string => (text.length > 2 * MAX_TEXT ? text.slice(-MAX_TEXT) : text)

/** Tokens of one turn, as the answer to its prompt tells them; what came from a cache counts as input. */
export function readUsage(answer: Message, turn: TurnRecord, costBefore: number | null): Usage {
  const usage = answer.result?.usage as
    | Partial<Record<'inputTokens' | 'outputTokens' | 'cachedReadTokens' | 'cachedWriteTokens', number>>
    | null
    | undefined
  const costUsd = turn.sessionCostUsd === null ? null : Math.max(0, turn.sessionCostUsd - (costBefore ?? 0))
  if (usage === null || usage === undefined) return { ...NO_USAGE, costUsd }
  return {
    inputTokens: (usage.inputTokens ?? 0) + (usage.cachedReadTokens ?? 0) + (usage.cachedWriteTokens ?? 0),
    outputTokens: usage.outputTokens ?? 0,
    costUsd,
  }
}
