/** What the server needs of a dialect, so that one more is one more file and one more line in `server.ts`. */
import type { ServerResponse } from 'node:http'
import type { ToolCall, Tool } from './tool-call.ts'
import type { Turn } from './script.ts'

export interface Dialect {
  readonly name: string
  /** Reads a request's body; null when the path is not one of this dialect. */
  readRequest(path: string, body: unknown): ModelRequest | null
  /** Writes one answer, streamed if the request asks for it. A reply without `say` and `call` begins and never ends. */
  writeReply(response: ServerResponse, request: ModelRequest, reply: Reply): void
  /** The body of an error, in the form that this dialect's clients read. */
  errorBody(status: number, message: string): object
}

export interface ModelRequest {
  readonly model: string
  readonly stream: boolean
  readonly turns: readonly Turn[]
  readonly tools: readonly Tool[]
  /** Folder that relative paths are meant against, if the prompt names it: some file tools want absolute paths. */
  readonly cwd: string | null
  /** The agent asks on its own account (a title, a classifier), not on the user's. */
  readonly side: boolean
  /** JSON schema that the answer's text must satisfy. */
  readonly schema: JsonSchema | null
}

export interface Reply {
  readonly say?: string
  readonly call?: ToolCall
  readonly usage: { readonly input: number; readonly cached: number; readonly output: number }
}

export interface JsonSchema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
}

/** Text as all dialects nest it: a string, a part with a text, or a list of such. */
export function readText(content: unknown): string {
  if (typeof content === 'string') return content
  if (Array.isArray(content)) return content.map(readText).join('\n')
  if (content === null || typeof content !== 'object') return ''
  const part = content as { text?: unknown; content?: unknown }
  return typeof part.text === 'string' ? part.text : readText(part.content)
}

/** The working folder that an agent's own prompt tells the model, as claude and codex word it. */
export function findCwd(texts: readonly string[]): string | null {
  const pattern = /(?:working directory(?: is)?|<cwd>)[:\s*`]*(\/[^\n<`*"',]+)/i
  for (const text of texts) {
    const found = pattern.exec(text)?.[1]?.trimEnd()
    if (found) return found
  }
  return null
}

export function newId(prefix: string): string {
  return prefix + crypto.randomUUID().replaceAll('-', '').slice(0, 20)
}

/** Begins a stream of server-sent events; the returned function writes one. */
export function startEvents(response: ServerResponse): (name: string, data: object) => void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  return (name, data) => void response.write(`event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`)
}

export function writeJson(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
