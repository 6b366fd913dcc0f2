/** The lines are literal: claude-agent-acp 0.49 and codex-acp 2.6 wrote them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldAgentLine, NEW_PROTOCOL_STATE, readUsage, type ProtocolState } from './protocol-state.ts'
import { readAgentLine } from './session-log.ts'

const fold = (...lines: string[]): ProtocolState =>
  lines.reduce((state, line) => {
    const read = readAgentLine({ text: line })
    return read === null ? state : foldAgentLine(state, read)
  }, NEW_PROTOCOL_STATE)

const update = (fields: string): string =>
  `{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":{${fields}}}}`
const say = (text: string): string =>
  update(`"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":${JSON.stringify(text)}},"messageId":"m"`)

test('the last words are what came behind the last tool call', () => {
  const state = fold(
    say('I will '),
    say('look.'),
    update('"sessionUpdate":"tool_call","toolCallId":"t","title":"Terminal","rawInput":{}'),
    say('Do'),
    say('ne.'),
    '{"jsonrpc":"2.0","id":5,"result":{"stopReason":"end_turn"}}',
  )
  assert.deepEqual(state.turns.get(5), { text: 'Done.', toolCalls: 1, stray: false, sessionCostUsd: null })
  assert.equal(state.turn.text, '')
})

test('what a load replays is no part of the next turn', () => {
  const state = fold(say('old words'), '{"jsonrpc":"2.0","id":2,"result":{}}', say('new'))
  assert.equal(state.turn.text, 'new')
})

test("an agent's requests have ids of their own, from 0, and can be withdrawn", () => {
  const ask =
    '{"jsonrpc":"2.0","id":0,"method":"session/request_permission","params":{"sessionId":"s","toolCall":{"toolCallId":"t"},"options":[]}}'
  assert.deepEqual([...fold(ask).asked.keys()], [0])
  assert.deepEqual([...fold(ask, '{"jsonrpc":"2.0","method":"$/cancel_request","params":{"requestId":0}}').asked.keys()], [])
  assert.equal(fold('{"jsonrpc":"2.0","id":0,"result":{}}').asked.size, 0)
})

test('lines that are no protocol are kept as garbage, a bounded number of them', () => {
  const state = fold('Welcome!', '[1]', '', 'null', ...Array.from({ length: 50 }, (_, at) => `noise ${at}`))
  assert.equal(state.messages, 0)
  assert.equal(state.garbage.length, 20)
  assert.equal(state.garbage.at(-1), 'noise 49')
})

test('notifications and updates that are not known are passed over', () => {
  const state = fold(
    '{"jsonrpc":"2.0","method":"_auth/status_update","params":{"authStatus":{"kind":"gateway"}}}',
    update('"sessionUpdate":"something_new"'),
  )
  assert.equal(state.messages, 2)
  assert.equal(state.asked.size, 0)
})

test('usage is what the answer tells, the cost what the session cost more than before', () => {
  const state = fold(
    update('"sessionUpdate":"usage_update","used":1455,"size":1000000,"cost":{"amount":0.05,"currency":"USD"}'),
    '{"jsonrpc":"2.0","id":6,"result":{"stopReason":"end_turn","usage":{"inputTokens":4800,"outputTokens":220,"cachedReadTokens":800,"cachedWriteTokens":0,"totalTokens":5820}}}',
  )
  const usage = readUsage(state.answers.get(6)!, state.turns.get(6)!, 0.02)
  assert.deepEqual({ ...usage, costUsd: usage.costUsd?.toFixed(3) }, { inputTokens: 5600, outputTokens: 220, costUsd: '0.030' })
  const none = fold('{"jsonrpc":"2.0","id":7,"result":{"stopReason":"end_turn","usage":null}}')
  assert.deepEqual(readUsage(none.answers.get(7)!, none.turns.get(7)!, null), { inputTokens: 0, outputTokens: 0, costUsd: null })
})
