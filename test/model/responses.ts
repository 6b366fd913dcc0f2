/** OpenAI Responses: what codex speaks. https://platform.openai.com/docs/api-reference/responses-streaming */
import type { ServerResponse } from 'node:http'
import { findCwd, newId, readText, startEvents, writeJson } from './dialect.ts'
import type { Dialect, JsonSchema, ModelRequest, Reply } from './dialect.ts'
import type { Turn } from './script.ts'
import type { Tool } from './tool-call.ts'

interface Body {
  readonly model?: string
  readonly stream?: boolean
  readonly instructions?: string
  readonly input?: string | readonly Item[]
  readonly tools?: readonly ToolEntry[]
  readonly text?: { readonly format?: { readonly type: string; readonly schema?: JsonSchema } }
}

interface Item {
  readonly type?: string
  readonly role?: string
  readonly content?: unknown
  readonly output?: unknown
  readonly tools?: readonly ToolEntry[]
}

interface ToolEntry {
  readonly type: string
  readonly name?: string
  readonly parameters?: JsonSchema
  readonly tools?: readonly ToolEntry[]
}

export const responses: Dialect = {
  name: 'responses',

  readRequest(path, json) {
    if (!path.endsWith('/responses')) return null
    const body = json as Body
    const items = typeof body.input === 'string' ? [{ role: 'user', content: body.input }] : (body.input ?? [])
    const turns = readTurns(items)
    // Newer models of codex are told of their tools in the input.
    const tools = [
      ...(body.tools ?? []),
      ...items.flatMap((item) => (item.type === 'additional_tools' ? (item.tools ?? []) : [])),
    ]
    const format = body.text?.format
    return {
      model: body.model ?? '',
      stream: body.stream === true,
      turns,
      tools: readTools(tools),
      cwd: findCwd(turns.map((turn) => turn.text)),
      // codex-acp asks for a title with all tools present, and the user's prompt quoted: the format gives it away.
      side: tools.length === 0 || format?.type === 'json_schema',
      schema: format?.schema ?? null,
    }
  },

  writeReply(response, request, reply) {
    if (request.stream) streamReply(response, request, reply)
    else if (reply.call ?? reply.say !== undefined) {
      writeJson(response, 200, responseObject(newId('resp_'), request, reply, [itemOf(reply)]))
    }
  },

  errorBody(status, message) {
    const type = status === 429 ? 'rate_limit_exceeded' : status >= 500 ? 'server_error' : 'invalid_request_error'
    return { error: { message, type, code: status === 401 ? 'invalid_api_key' : type, param: null } }
  },
}

/** Text and calls of one answer are items of their own here; between two results of tools they are one turn. */
function readTurns(items: readonly Item[]): Turn[] {
  const turns: Turn[] = []
  for (const item of items) {
    const type = item.type ?? 'message'
    if (type.endsWith('_call_output')) turns.push({ role: 'tool', text: readText(item.output) })
    else if (type.endsWith('_call')) addAnswer(turns, '', 1)
    else if (type !== 'message') continue
    else if (item.role === 'assistant') addAnswer(turns, readText(item.content), 0)
    else if (item.role === 'user') turns.push({ role: 'user', text: readText(item.content) })
  }
  return turns
}

function addAnswer(turns: Turn[], text: string, calls: number): void {
  const last = turns.at(-1)
  if (last?.role === 'assistant')
    turns[turns.length - 1] = { role: 'assistant', text: last.text + text, calls: last.calls + calls }
  else turns.push({ role: 'assistant', text, calls })
}

function readTools(entries: readonly ToolEntry[], namespace?: string): Tool[] {
  return entries.flatMap((entry): Tool[] => {
    if (entry.type === 'namespace') return readTools(entry.tools ?? [], entry.name)
    if (entry.type !== 'function' && entry.type !== 'custom') return []
    const place = namespace === undefined ? {} : { namespace }
    return [
      { name: entry.name ?? '', kind: entry.type === 'custom' ? 'text' : 'function', schema: entry.parameters ?? {}, ...place },
    ]
  })
}

function streamReply(response: ServerResponse, request: ModelRequest, reply: Reply): void {
  let sequence = 0
  const send = startEvents(response)
  const write = (name: string, data: object): void => send(name, { sequence_number: sequence++, ...data })
  const id = newId('resp_')
  write('response.created', { response: responseObject(id, request, null, []) })
  if (reply.say === undefined && !reply.call) return
  const item = itemOf(reply)
  write('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress' } })
  if (!reply.call)
    write('response.output_text.delta', { item_id: item['id'], output_index: 0, content_index: 0, delta: reply.say })
  write('response.output_item.done', { output_index: 0, item })
  write('response.completed', { response: responseObject(id, request, reply, [item]) })
  response.end()
}

function itemOf({ call, say }: Reply): Record<string, unknown> {
  const status = 'completed'
  if (!call) {
    const content = [{ type: 'output_text', text: say, annotations: [] }]
    return { type: 'message', id: newId('msg_'), status, role: 'assistant', content }
  }
  const place = {
    call_id: newId('call_'),
    name: call.tool.name,
    ...(call.tool.namespace ? { namespace: call.tool.namespace } : {}),
  }
  return call.tool.kind === 'text'
    ? { type: 'custom_tool_call', id: newId('ctc_'), status, ...place, input: call.input }
    : { type: 'function_call', id: newId('fc_'), status, ...place, arguments: JSON.stringify(call.input) }
}

function responseObject(id: string, { model }: ModelRequest, reply: Reply | null, output: readonly object[]): object {
  const base = { id, object: 'response', created_at: Math.floor(Date.now() / 1000), model, output }
  if (!reply) return { ...base, status: 'in_progress' }
  const { input, cached, output: produced } = reply.usage
  const usage = {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached },
    output_tokens: produced,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input + produced,
  }
  return { ...base, status: 'completed', usage }
}
