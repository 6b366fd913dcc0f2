/** Anthropic Messages: what claude speaks. https://docs.anthropic.com/en/api/messages-streaming */
import type { ServerResponse } from 'node:http'
import { findCwd, newId, readText, startEvents, writeJson } from './dialect.ts'
import type { Dialect, JsonSchema, ModelRequest, Reply } from './dialect.ts'
import type { Turn } from './script.ts'

interface Body {
  readonly model?: string
  readonly stream?: boolean
  readonly system?: unknown
  readonly messages?: readonly Message[]
  readonly tools?: readonly { readonly name: string; readonly input_schema?: JsonSchema }[]
}

interface Message {
  readonly role: string
  readonly content: string | readonly Part[]
}

interface Part {
  readonly type: string
  readonly text?: string
  readonly content?: unknown
}

const errorTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

export const anthropic: Dialect = {
  name: 'anthropic',

  readRequest(path, json) {
    if (!path.endsWith('/messages')) return null
    const body = json as Body
    const turns = (body.messages ?? []).flatMap(readMessage)
    return {
      model: body.model ?? '',
      stream: body.stream === true,
      turns,
      tools: (body.tools ?? []).map(({ name, input_schema: schema }) => ({ name, kind: 'function', schema: schema ?? {} })),
      cwd: findCwd([readText(body.system), ...turns.map((turn) => turn.text)]),
      // Titles and classifiers come without tools.
      side: (body.tools ?? []).length === 0,
      schema: null,
    }
  },

  writeReply(response, request, reply) {
    if (request.stream) streamReply(response, request, reply)
    else if (reply.call ?? reply.say !== undefined) {
      const message = {
        ...newMessage(request),
        content: [contentOf(reply)],
        stop_reason: stopReasonOf(reply),
        usage: usageOf(reply),
      }
      writeJson(response, 200, message)
    }
  },

  errorBody: (status, message) => ({ type: 'error', error: { type: errorTypes[status] ?? 'api_error', message } }),
}

/**
 * One message can hold several turns: the results of tools, then texts. claude puts all that was said since the last answer
 * into one message, so after a cancel each text is a turn of its own.
 */
function readMessage({ role, content }: Message): Turn[] {
  const parts = typeof content === 'string' ? [{ type: 'text', text: content }] : content
  if (role === 'assistant')
    return [{ role, text: readText(parts), calls: parts.filter((part) => part.type === 'tool_use').length }]
  if (role !== 'user') return []
  return parts.flatMap((part): Turn[] => {
    if (part.type === 'tool_result') return [{ role: 'tool', text: readText(part.content) }]
    return part.type === 'text' ? [{ role: 'user', text: readText(part) }] : []
  })
}

function streamReply(response: ServerResponse, request: ModelRequest, reply: Reply): void {
  const write = startEvents(response)
  const usage = usageOf(reply)
  write('message_start', { message: { ...newMessage(request), usage: { ...usage, output_tokens: 1 } } })
  if (reply.call) {
    write('content_block_start', { index: 0, content_block: { ...contentOf(reply), input: {} } })
    write('content_block_delta', {
      index: 0,
      delta: { type: 'input_json_delta', partial_json: JSON.stringify(reply.call.input) },
    })
  } else {
    write('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
    if (reply.say === undefined) return
    write('content_block_delta', { index: 0, delta: { type: 'text_delta', text: reply.say } })
  }
  write('content_block_stop', { index: 0 })
  write('message_delta', { delta: { stop_reason: stopReasonOf(reply), stop_sequence: null }, usage })
  write('message_stop', {})
  response.end()
}

function newMessage({ model }: ModelRequest): object {
  return { id: newId('msg_'), type: 'message', role: 'assistant', model, content: [], stop_reason: null, stop_sequence: null }
}

function contentOf({ call, say }: Reply): object {
  return call ? { type: 'tool_use', id: newId('toolu_'), name: call.tool.name, input: call.input } : { type: 'text', text: say }
}

function stopReasonOf(reply: Reply): string {
  return reply.call ? 'tool_use' : 'end_turn'
}

function usageOf({ usage: { input, cached, output } }: Reply): object {
  return { input_tokens: input, cache_creation_input_tokens: 0, cache_read_input_tokens: cached, output_tokens: output }
}
