/** What an agent did in a turn, in readable pieces, from its session's logs. */
import { join } from 'node:path'
import type { Clock } from '../lib/clock.ts'
import { followFile, watchFolder } from '../lib/follow-file.ts'
import { hasRelay } from '../lib/job.ts'
import { createLineSplitter } from '../lib/json-lines.ts'
import { loadText } from '../lib/files.ts'
import { tagOf } from './acp-session.ts'
import { readAsk } from './permission-ask.ts'
import { readSent, readAgentLine, type Message } from './session-log.ts'
import { readUpdate, textOf, type Update } from './protocol-state.ts'

export interface TranscriptEntry {
  readonly kind: 'prompt' | 'say' | 'think' | 'tool' | 'output' | 'heddle'
  readonly text: string
}

export interface TurnTranscript {
  /** Resolves when the turn's end has been read, or what there is so far where it is not followed. */
  readonly done: Promise<void>
  stop(): void
}

/** Hands on what happened in a turn; with `follow` until the turn has ended. */
export async function readTurn(
  folder: string,
  turn: string,
  options: { readonly follow: boolean; readonly clock: Clock; readonly onEntry: (entry: TranscriptEntry) => void },
): Promise<TurnTranscript> {
  if (!(await hasRelay(folder))) return readCommandTurn(folder, options)
  const find = async (): Promise<TurnTranscript | null> => {
    const sent = await readSent(folder)
    const prompt = sent.find((message) => message.method === 'session/prompt' && tagOf(message) === turn)
    return prompt === undefined ? null : readAcpTurn(folder, sent, prompt, options)
  }
  return (await find()) ?? (options.follow ? awaitTurn(folder, find, options.clock) : { done: Promise.resolve(), stop: () => {} })
}

/** Begins as soon as the prompt has been sent: until then the agent is starting. */
function awaitTurn(folder: string, find: () => Promise<TurnTranscript | null>, clock: Clock): TurnTranscript {
  let found: TurnTranscript | null = null
  let finish = (): void => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  let looking = false
  const look = async (): Promise<void> => {
    if (looking || found !== null) return
    looking = true
    found = await find()
    looking = false
    if (found === null) return
    stopWatching()
    void found.done.then(finish)
  }
  const stopWatching = watchFolder(folder, clock, 250, () => void look().catch(finish))
  return {
    done,
    stop() {
      stopWatching()
      if (found === null) finish()
      else found.stop()
    },
  }
}

async function readCommandTurn(
  folder: string,
  { follow, clock, onEntry }: Parameters<typeof readTurn>[2],
): Promise<TurnTranscript> {
  const input = (await loadText(join(folder, 'in'))) ?? ''
  if (input !== '') onEntry({ kind: 'prompt', text: input })
  let finish = (): void => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const splitter = createLineSplitter(1024 * 1024, (line) =>
    onEntry({ kind: 'output', text: 'text' in line ? line.text : `${line.start}… [a line of more than 1 MiB]` }),
  )
  const follower = followFile(join(folder, 'out'), { clock, onChunk: (chunk) => splitter.push(chunk) })
  const end = (): void => {
    follower.stop()
    if (splitter.rest() !== '') onEntry({ kind: 'output', text: splitter.rest() })
    finish()
  }
  if (!follow) void follower.drain().then(end, end)
  return { done, stop: () => void follower.drain().then(end, end) }
}

function readAcpTurn(
  folder: string,
  sent: readonly Message[],
  prompt: Message,
  { follow, clock, onEntry }: Parameters<typeof readTurn>[2],
): TurnTranscript {
  const printer = createPrinter(onEntry)
  // Updates belong to this turn when they come after the answer to the request that was sent before this one.
  const before = sent[sent.indexOf(prompt) - 1]
  const requestBefore =
    sent.slice(0, sent.indexOf(prompt)).findLast((message) => message.method !== undefined && typeof message.id === 'number') ??
    before
  let inTurn = requestBefore === undefined
  let ended = false
  let finish = (): void => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  const end = (): void => {
    if (ended) return
    ended = true
    follower.stop()
    printer.flush()
    finish()
  }
  onEntry({ kind: 'prompt', text: promptText(prompt) })
  const splitter = createLineSplitter(32 * 1024 * 1024, (line) => {
    const read = readAgentLine(line)
    if (read === null || ended) return
    if (!('message' in read)) {
      if (inTurn) printer.print({ kind: 'output', text: 'garbage' in read ? read.garbage : `${read.tooLong}…` })
      return
    }
    const { message } = read
    if (message.method === undefined && message.id === requestBefore?.id) inTurn = true
    else if (message.method === undefined && message.id === prompt.id) end()
    else if (inTurn && message.method === 'session/update') printer.update(readUpdate(message))
    else if (inTurn && message.method === 'session/request_permission') {
      const ask = readAsk(message.params ?? {}, '')
      printer.print({ kind: 'heddle', text: `asks permission: ${ask.command ?? ask.title}` })
    }
  })
  const follower = followFile(join(folder, 'out'), { clock, onChunk: (chunk) => splitter.push(chunk) })
  if (!follow) void follower.drain().then(end, end)
  return { done, stop: () => void follower.drain().then(end, end) }
}

function promptText(message: Message): string {
  const blocks = message.params?.prompt
  return Array.isArray(blocks) ? blocks.map(textOf).join('\n') : ''
}

/** Joins the chunks of a text, and shows a tool call when its title and input are known. */
function createPrinter(onEntry: (entry: TranscriptEntry) => void): {
  update(update: Update): void
  print(entry: TranscriptEntry): void
  flush(): void
} {
  let kind: 'say' | 'think' = 'say'
  let text = ''
  const titles = new Map<string, string>()
  const flush = (): void => {
    if (text.trim() !== '') onEntry({ kind, text: text.trimEnd() })
    text = ''
  }
  const say = (what: 'say' | 'think', chunk: string): void => {
    if (kind !== what) flush()
    kind = what
    text += chunk
    const end = text.lastIndexOf('\n')
    if (end === -1) return
    const whole = text.slice(0, end)
    if (whole.trim() !== '') onEntry({ kind, text: whole })
    text = text.slice(end + 1)
  }
  const print = (entry: TranscriptEntry): void => {
    flush()
    onEntry(entry)
  }
  return {
    flush,
    print,
    update(update) {
      switch (update.sessionUpdate) {
        case 'agent_message_chunk':
          return say('say', textOf(update.content))
        case 'agent_thought_chunk':
          return say('think', textOf(update.content))
        case 'tool_call':
        case 'tool_call_update': {
          const id = update.toolCallId ?? ''
          const title = describeTool(update)
          if (title !== null && titles.get(id) !== title) {
            titles.set(id, title)
            print({ kind: 'tool', text: title })
          }
          if (update.status === 'completed' || update.status === 'failed') {
            const output = describeOutput(update)
            if (output !== '' || update.status === 'failed') print({ kind: 'output', text: output === '' ? 'failed' : output })
          }
          return undefined
        }
        case 'plan':
          return print({
            kind: 'tool',
            text: `plan: ${(update.entries ?? []).map((entry) => `${entry.status === 'completed' ? '✓' : '·'} ${entry.content ?? ''}`).join('; ')}`,
          })
        default:
          return undefined
      }
    },
  }
}

function describeTool(update: Update): string | null {
  const raw = update.rawInput as { command?: unknown } | undefined
  if (typeof raw?.command === 'string') return `$ ${raw.command}`
  if (update.title === undefined) return null
  // claude names a call before it knows its input; the update that follows has the better title.
  if (
    update.sessionUpdate === 'tool_call' &&
    update.rawInput !== undefined &&
    Object.keys(update.rawInput as object).length === 0
  )
    return null
  return update.title
}

function describeOutput(update: Update): string {
  const output = update.rawOutput as
    | { output?: unknown; stdout?: unknown; formatted_output?: unknown }
    | string
    | null
    | undefined
  const text =
    typeof output === 'string'
      ? output
      : [output?.formatted_output, output?.output, output?.stdout].find((part): part is string => typeof part === 'string')
  if (text !== undefined) return text.trimEnd().slice(0, 16 * 1024)
  if (!Array.isArray(update.content)) return ''
  return (update.content as readonly { content?: unknown }[])
    .map((part) => textOf(part.content))
    .join('\n')
    .trimEnd()
    .slice(0, 16 * 1024)
}
