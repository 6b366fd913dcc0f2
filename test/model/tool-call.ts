/** Turns a step into a call of the tool that the agent at hand has for it. The names and parameters are the agents' own. */
import { isAbsolute, join } from 'node:path'
import type { JsonSchema } from './dialect.ts'
import type { Step } from './script.ts'

export interface Tool {
  readonly name: string
  /** A `text` tool takes free text instead of an object: codex's `apply_patch` and `exec`. */
  readonly kind: 'function' | 'text'
  readonly schema: JsonSchema
  readonly namespace?: string
}

export interface ToolCall {
  readonly tool: Tool
  readonly input: string | Readonly<Record<string, unknown>>
}

const toolNames = {
  write: ['write', 'write_file'],
  edit: ['edit', 'replace'],
  read: ['read', 'read_file'],
  bash: ['bash', 'exec_command', 'shell_command', 'shell', 'run_shell_command'],
}

const parameterNames = {
  path: ['file_path', 'filePath', 'absolute_path', 'path'],
  content: ['content', 'contents'],
  old: ['old_string', 'oldString'],
  new: ['new_string', 'newString'],
  command: ['command', 'cmd'],
}

/** The call for a step, or null when it needs none (it only says something) or no tool fits. */
export function findToolCall(step: Step, tools: readonly Tool[], cwd: string | null): ToolCall | null {
  if ('bash' in step) return callShell(step.bash, step.escalate === true, tools)
  if ('write' in step) {
    const { path, content } = step.write
    return callFileTool('write', { path, content }, tools, cwd) ?? applyPatch(addFile(path, content), tools)
  }
  if ('edit' in step) {
    const { path, old, new: replacement } = step.edit
    return (
      callFileTool('edit', { path, old, new: replacement }, tools, cwd) ?? applyPatch(updateFile(path, old, replacement), tools)
    )
  }
  if ('read' in step) {
    const { path } = step.read
    return callFileTool('read', { path }, tools, cwd) ?? callShell(`cat ${quoteForShell(path)}`, false, tools)
  }
  return null
}

function callShell(command: string, escalate: boolean, tools: readonly Tool[]): ToolCall | null {
  const sandbox = escalate ? { sandbox_permissions: 'require_escalated', justification: 'The script asks for it.' } : {}
  const tool = findTool('bash', tools)
  // codex looks back after ten seconds unless it is told to wait, and then the script would go on too early.
  const wishes = { yield_time_ms: 30_000, ...sandbox }
  if (!tool) return callCode(`tools.exec_command(${JSON.stringify({ cmd: command, ...wishes })})`, tools)
  const name = findParameter('command', tool)
  const value = tool.schema.properties?.[name]?.type === 'array' ? ['bash', '-lc', command] : command
  const known = Object.entries(wishes).filter(([wish]) => tool.schema.properties?.[wish])
  return { tool, input: fillRequired(tool, { [name]: value, ...Object.fromEntries(known) }) }
}

function callFileTool(
  kind: 'write' | 'edit' | 'read',
  values: { readonly path: string; readonly content?: string; readonly old?: string; readonly new?: string },
  tools: readonly Tool[],
  cwd: string | null,
): ToolCall | null {
  const tool = findTool(kind, tools)
  if (!tool) return null
  const path = cwd === null || isAbsolute(values.path) ? values.path : join(cwd, values.path)
  const input: Record<string, unknown> = {}
  for (const [name, value] of Object.entries({ ...values, path })) {
    input[findParameter(name as keyof typeof parameterNames, tool)] = value
  }
  return { tool, input: fillRequired(tool, input) }
}

function applyPatch(patch: string, tools: readonly Tool[]): ToolCall | null {
  const tool = tools.find(({ name }) => name === 'apply_patch')
  if (!tool) return callCode(`tools.apply_patch(${JSON.stringify(patch)})`, tools)
  return { tool, input: tool.kind === 'text' ? patch : { input: patch } }
}

/** Newer models of codex have one tool that runs JavaScript, with the others as functions in it. */
function callCode(expression: string, tools: readonly Tool[]): ToolCall | null {
  const tool = tools.find(({ name, kind }) => kind === 'text' && name === 'exec')
  if (!tool) return null
  return { tool, input: `const result = await ${expression}; text(typeof result === 'string' ? result : JSON.stringify(result))` }
}

// The patch format of codex: https://github.com/openai/codex/blob/main/codex-rs/apply-patch/apply_patch_tool_instructions.md
function addFile(path: string, content: string): string {
  return `*** Begin Patch\n*** Add File: ${path}\n${prefixLines('+', content.replace(/\n$/, ''))}\n*** End Patch\n`
}

function updateFile(path: string, old: string, replacement: string): string {
  const hunk = `${prefixLines('-', old)}\n${prefixLines('+', replacement)}`
  return `*** Begin Patch\n*** Update File: ${path}\n@@\n${hunk}\n*** End Patch\n`
}

function prefixLines(prefix: string, text: string): string {
  return text.replaceAll(/^/gm, prefix)
}

function findTool(kind: keyof typeof toolNames, tools: readonly Tool[]): Tool | null {
  for (const name of toolNames[kind]) {
    const tool = tools.find((candidate) => candidate.kind === 'function' && candidate.name.toLowerCase() === name)
    if (tool) return tool
  }
  return null
}

function findParameter(kind: keyof typeof parameterNames, { schema }: Tool): string {
  return parameterNames[kind].find((name) => schema.properties?.[name]) ?? kind
}

/** Gives a bland value to each required parameter that the step says nothing about, such as a description. */
function fillRequired({ schema }: Tool, input: Record<string, unknown>): Record<string, unknown> {
  const missing = (schema.required ?? []).filter((name) => !(name in input))
  return { ...input, ...Object.fromEntries(missing.map((name) => [name, sampleOf(schema.properties?.[name] ?? {})])) }
}

/** Some value that satisfies a schema, as far as agents' schemas go. */
export function sampleOf({ type, enum: choices, properties = {} }: JsonSchema): unknown {
  if (choices?.length) return choices[0]
  switch (type) {
    case 'object':
      return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, sampleOf(schema)]))
    case 'array':
      return []
    case 'number':
    case 'integer':
      return 1
    case 'boolean':
      return false
    default:
      return 'scripted'
  }
}

function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
