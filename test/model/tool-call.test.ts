import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findToolCall, sampleOf } from './tool-call.ts'
import type { Tool } from './tool-call.ts'

const text = { type: 'string' }
const claude: Tool[] = [
  {
    name: 'Bash',
    kind: 'function',
    schema: { properties: { command: text, description: text }, required: ['command', 'description'] },
  },
  {
    name: 'Write',
    kind: 'function',
    schema: { properties: { file_path: text, content: text }, required: ['file_path', 'content'] },
  },
  { name: 'Edit', kind: 'function', schema: { properties: { file_path: text, old_string: text, new_string: text } } },
]
const codex: Tool[] = [
  {
    name: 'exec_command',
    kind: 'function',
    schema: { properties: { cmd: text, yield_time_ms: { type: 'number' }, sandbox_permissions: text, justification: text } },
  },
  { name: 'apply_patch', kind: 'text', schema: {} },
]
const codexInCodeMode: Tool[] = [{ name: 'exec', kind: 'text', schema: {} }]

test('a file tool gets an absolute path, and the names that it asks for', () => {
  assert.deepEqual(findToolCall({ write: { path: 'a.txt', content: 'hi' } }, claude, '/work')?.input, {
    file_path: '/work/a.txt',
    content: 'hi',
  })
  assert.deepEqual(findToolCall({ edit: { path: '/b', old: 'x', new: 'y' } }, claude, '/work')?.input, {
    file_path: '/b',
    old_string: 'x',
    new_string: 'y',
  })
})

test('required parameters that a step does not know are filled', () => {
  assert.deepEqual(findToolCall({ bash: 'ls' }, claude, null)?.input, { command: 'ls', description: 'scripted' })
})

test('codex writes with patches, and waits for its shell', () => {
  const patch = '*** Begin Patch\n*** Add File: a.txt\n+hi\n+you\n*** End Patch\n'
  assert.equal(findToolCall({ write: { path: 'a.txt', content: 'hi\nyou\n' } }, codex, '/work')?.input, patch)
  assert.deepEqual(findToolCall({ bash: 'ls' }, codex, null)?.input, { cmd: 'ls', yield_time_ms: 30_000 })
  assert.match(
    JSON.stringify(findToolCall({ bash: 'ls' }, codexInCodeMode, null)?.input),
    /await tools\.exec_command\(\{\\"cmd\\":\\"ls/,
  )
})

test('only a tool that knows the sandbox is asked to leave it', () => {
  const escalated = findToolCall({ bash: 'git push', escalate: true }, codex, null)?.input as Record<string, unknown>
  assert.equal(escalated['sandbox_permissions'], 'require_escalated')
  assert.deepEqual(findToolCall({ bash: 'ls', escalate: true }, claude, null)?.input, { command: 'ls', description: 'scripted' })
})

test('reading falls back on the shell; a step without a tool is no call', () => {
  assert.deepEqual(findToolCall({ read: { path: "it's" } }, codex, null)?.input, { cmd: "cat 'it'\\''s'", yield_time_ms: 30_000 })
  assert.equal(findToolCall({ say: 'x' }, claude, null), null)
  assert.equal(findToolCall({ bash: 'ls' }, [], null), null)
})

test('a sample satisfies the schemas that agents ask with', () => {
  const schema = {
    type: 'object',
    properties: { outcome: { enum: ['allow', 'deny'] }, count: { type: 'integer' }, list: { type: 'array' } },
  }
  assert.deepEqual(sampleOf(schema), { outcome: 'allow', count: 1, list: [] })
})
