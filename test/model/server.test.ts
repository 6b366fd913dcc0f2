import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startModelServer } from './server.ts'

const server = await startModelServer()
after(() => server.close())

const tool = { type: 'function', name: 'exec_command', parameters: { properties: { cmd: { type: 'string' } } } }
const post = (path: string, body: object): Promise<Response> =>
  fetch(server.url + path, { method: 'POST', body: JSON.stringify({ model: 'm', ...body }) })
const postMessage = (content: string, more: object = {}): Promise<Response> =>
  post('/v1/messages', { messages: [{ role: 'user', content }], tools: [{ name: 'Bash', input_schema: {} }], ...more })
const postInput = (content: string, more: object = {}): Promise<Response> =>
  post('/v1/responses', { input: [{ role: 'user', content }], tools: [tool], ...more })

test('Anthropic Messages: whole and streamed', async () => {
  const whole = (await (await postMessage('<steps>[{"bash":"ls"}]</steps>')).json()) as { content: object[]; stop_reason: string }
  assert.equal(whole.stop_reason, 'tool_use')
  assert.partialDeepStrictEqual(whole.content[0], { type: 'tool_use', name: 'Bash', input: { command: 'ls' } })
  const streamed = await (await postMessage('<steps>[{"say":"hi"}]</steps>', { stream: true })).text()
  assert.match(streamed, /"text_delta","text":"hi"[\s\S]*event: message_stop/)
})

test('Anthropic Messages: texts after a cancel are turns of their own', async () => {
  const content = ['<steps>[{"hang":true}]</steps><steps>[{"say":"two"}]</steps>', '[Request interrupted by user]', 'go on']
  const parts = content.map((text) => ({ type: 'text', text }))
  const body = { messages: [{ role: 'user', content: parts }], tools: [{ name: 'Bash' }] }
  assert.match(await (await post('/v1/messages', body)).text(), /"text":"two"/)
})

test('OpenAI Responses: whole and streamed', async () => {
  const whole = (await (await postInput('<steps>[{"bash":"ls"}]</steps>')).json()) as { output: object[] }
  assert.partialDeepStrictEqual(whole.output[0], { type: 'function_call', name: 'exec_command', arguments: '{"cmd":"ls"}' })
  const streamed = await (await postInput('<steps>[{"say":"hi"}]</steps>', { stream: true })).text()
  assert.match(streamed, /"delta":"hi"[\s\S]*event: response.completed/)
})

test('OpenAI Responses: text and call of one answer are one step', async () => {
  const input = [
    { role: 'user', content: '<steps>[{"bash":"ls"},{"say":"end"}]</steps>' },
    { role: 'assistant', content: [{ type: 'output_text', text: 'I look.' }] },
    { type: 'function_call', name: 'exec_command' },
    { type: 'function_call_output', output: 'a.txt' },
  ]
  assert.match(await (await post('/v1/responses', { input, tools: [tool] })).text(), /"text":"end"/)
})

test('a side request has no place in the script', async () => {
  const schema = { type: 'object', properties: { title: { type: 'string' } } }
  const answer = await postInput('A title for <steps>[{"hang":true}]</steps>', {
    text: { format: { type: 'json_schema', schema } },
  })
  assert.match(await answer.text(), /\\"title\\":\\"scripted\\"/)
  assert.partialDeepStrictEqual(server.requests.at(-1), { dialect: 'responses', side: true, step: null, outcome: 'say' })
})

test('a step fails as often as the script says, with the status and the wait', async () => {
  const script = '<steps>[{"say":"through","fail":{"status":429,"times":2,"retryAfter":1}}]</steps>'
  for (let n = 0; n < 2; n++) {
    const failed = await postMessage(script)
    assert.equal(failed.status, 429)
    assert.equal(failed.headers.get('retry-after'), '1')
    assert.match(await failed.text(), /rate_limit_error/)
  }
  assert.match(await (await postMessage(script)).text(), /through/)
})

test('a step waits as long as the script says', async () => {
  const startedMs = performance.now()
  await (await postMessage('<steps>[{"say":"late","delayMs":100}]</steps>')).text()
  assert.ok(performance.now() - startedMs >= 99)
})

test('a script with a typing error is a 400 that says so', async () => {
  const answer = await postMessage('<steps>[{"say":}]</steps>')
  assert.equal(answer.status, 400)
  assert.match(await answer.text(), /SyntaxError/)
})

test('an answer that hangs ends with the server', async () => {
  const other = await startModelServer()
  const body = JSON.stringify({
    messages: [{ role: 'user', content: '<steps>[{"hang":true}]</steps>' }],
    tools: [{ name: 'x' }],
    stream: true,
  })
  const answer = await fetch(`${other.url}/v1/messages`, { method: 'POST', body })
  const text = answer.text()
  await other.close()
  await assert.rejects(text)
  assert.equal(other.requests[0]?.outcome, 'hang')
})
