/** Drives the real process over pipes, as a client would. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { runCommand } from '../lib/exec.ts'
import { git } from '../lib/git.ts'
import { loadProcess } from '../lib/process-tree.ts'
import { writeSteps, type Step } from './script.ts'

const AGENT = join(import.meta.dirname, 'agent.ts')

interface Message {
  id?: number
  method?: string
  params?: { update: Update; toolCall: Update; options: { optionId: string }[] }
  result?: { stopReason: string; usage?: unknown } & Record<string, unknown>
  error?: { code: number; message: string }
}

interface Update {
  sessionUpdate: string
  toolCallId: string
  status: string
  kind: string
  title: string
  used: number
  cost: unknown
  content: { text: string } & { type: string; content: { text: string } }[]
  rawInput: Record<string, unknown>
  locations: unknown
}

class Client {
  readonly child
  readonly cwd: string
  readonly updates: Update[] = []
  /** Lines that are no JSON, by their length. */
  readonly garbage: string[] = []
  onAsk: (message: Message) => string = () => 'allow_once'
  onUpdate: (update: Update) => void = () => {}
  sessionId = ''
  #nextId = 1
  readonly #answers = new Map<number, (message: Message) => void>()

  constructor(cwd: string, args: string[] = [], env: Record<string, string> = {}) {
    this.cwd = cwd
    this.child = spawn(process.execPath, [AGENT, ...args], { env: { ...process.env, ...env }, stdio: 'pipe' })
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#receive(line))
  }

  #receive(line: string): void {
    let message: Message
    try {
      message = JSON.parse(line)
    } catch {
      this.garbage.push(line)
      return
    }
    if (message.method === 'session/update' && message.params) {
      this.updates.push(message.params.update)
      this.onUpdate(message.params.update)
    } else if (message.method === 'session/request_permission') {
      const optionId = this.onAsk(message)
      this.write({
        id: message.id,
        result: { outcome: optionId === 'none' ? { outcome: 'cancelled' } : { outcome: 'selected', optionId } },
      })
    } else if (message.id !== undefined) {
      this.#answers.get(message.id)?.(message)
    }
  }

  write(message: object): void {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  }

  call(method: string, params: object): Promise<Message> {
    const id = this.#nextId++
    const answer = new Promise<Message>((resolve) => this.#answers.set(id, resolve))
    this.write({ id, method, params })
    return answer
  }

  async open(): Promise<this> {
    await this.call('initialize', { protocolVersion: 1, clientCapabilities: {} })
    const answer = await this.call('session/new', { cwd: this.cwd, mcpServers: [] })
    this.sessionId = String(answer.result?.sessionId)
    return this
  }

  prompt(text: string): Promise<Message> {
    this.updates.length = 0
    return this.call('session/prompt', { sessionId: this.sessionId, prompt: [{ type: 'text', text }] })
  }

  play(...steps: Step[]): Promise<Message> {
    return this.prompt(`Do this.\n${writeSteps(steps)}\nThank you.`)
  }

  cancel(): void {
    this.write({ method: 'session/cancel', params: { sessionId: this.sessionId } })
  }

  text(kind = 'agent_message_chunk'): string {
    return this.updates.flatMap((update) => (update.sessionUpdate === kind ? [update.content.text] : [])).join('')
  }

  tools(): { title: string; kind: string; status: string; output: string; rawInput: Record<string, unknown> }[] {
    return this.updates
      .filter((update) => update.sessionUpdate === 'tool_call')
      .map(({ toolCallId, title, kind, rawInput }) => {
        const end = this.updates.findLast((update) => update.toolCallId === toolCallId)
        const output = end?.content?.map((part) => part.content?.text ?? part.type).join('') ?? ''
        return { title, kind, status: end?.status ?? '', output, rawInput }
      })
  }

  waitForExit(): Promise<unknown[]> {
    return once(this.child, 'exit')
  }
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle agent-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function startAgent(t: TestContext): Promise<Client> {
  const client = new Client(await makeFolder(t))
  t.after(() => client.child.kill('SIGKILL'))
  return client.open()
}

test('it tells who it is, refuses what it has not, and ends with its input', async (t) => {
  const client = new Client(await makeFolder(t))
  const { result } = await client.call('initialize', { protocolVersion: 1 })
  assert.equal(result?.protocolVersion, 1)
  assert.equal((result?.agentCapabilities as { loadSession?: boolean } | undefined)?.loadSession, false)
  assert.equal((await client.call('session/load', {})).error?.code, -32601)
  assert.equal((await client.call('session/new', { cwd: 'relative' })).error?.code, -32602)
  assert.equal((await client.call('session/prompt', { sessionId: 'none', prompt: [] })).error?.code, -32602)
  client.child.stdin.end()
  assert.deepEqual(await client.waitForExit(), [0, null])
})

test('say and think come as chunks of messages and of thoughts', async (t) => {
  const client = await startAgent(t)
  const long = 'A sentence that is long enough to be sent in several parts, as a model would send it.'
  const { result } = await client.play({ think: 'Hm.' }, { say: long }, { say: 'And more.' })
  assert.equal(result?.stopReason, 'end_turn')
  assert.equal(client.text(), `${long}\nAnd more.`)
  assert.equal(client.text('agent_thought_chunk'), 'Hm.')
  assert.ok(client.updates.filter((update) => update.sessionUpdate === 'agent_message_chunk').length > 2)
})

test('write and edit change files and show the difference', async (t) => {
  const client = await startAgent(t)
  const content = 'one <steps> two </steps> "three"\n'
  await client.play({ write: { path: 'a/b c.txt', content } }, { edit: { path: 'a/b c.txt', old: '"three"', new: 'four' } })
  assert.equal(await readFile(join(client.cwd, 'a/b c.txt'), 'utf8'), 'one <steps> two </steps> four\n')
  const tools = client.tools()
  assert.deepEqual(
    tools.map(({ title, kind, status, output }) => [title, kind, status, output]),
    [
      ['Write a/b c.txt', 'edit', 'completed', 'diff'],
      ['Edit a/b c.txt', 'edit', 'completed', 'diff'],
    ],
  )
  assert.deepEqual(client.updates[0]?.locations, [{ path: join(client.cwd, 'a/b c.txt') }])
})

test('an edit of what is not there is a failed tool call, and the turn goes on', async (t) => {
  const client = await startAgent(t)
  await writeFile(join(client.cwd, 'twice'), 'x x')
  await client.play(
    { edit: { path: 'none', old: 'a', new: 'b' } },
    { edit: { path: 'twice', old: 'x', new: 'y' } },
    { say: 'on' },
  )
  assert.deepEqual(
    client.tools().map((tool) => tool.status),
    ['failed', 'failed'],
  )
  assert.equal(client.text(), 'on')
})

test('run gives the output, also of a command that fails', async (t) => {
  const client = await startAgent(t)
  await client.play({ run: 'pwd; echo oops >&2' }, { run: 'echo bad; exit 3' }, { say: 'on' })
  const [good, bad] = client.tools()
  assert.equal(good?.status, 'completed')
  assert.equal(good?.kind, 'execute')
  assert.deepEqual(good?.rawInput, { command: 'pwd; echo oops >&2' })
  assert.equal(good?.output, `${client.cwd}\noops\n`)
  assert.equal(bad?.status, 'failed')
  assert.equal(bad?.output, 'bad\n')
  assert.equal(client.text(), 'on')
})

test('run returns although the command left a process in the background', async (t) => {
  const client = await startAgent(t)
  await client.play({ run: 'sleep 300 & echo $!' })
  const pid = Number(client.tools()[0]?.output)
  t.after(() => process.kill(pid))
  assert.equal(client.tools()[0]?.status, 'completed')
})

test('commit commits all, as the scripted agent', async (t) => {
  const client = await startAgent(t)
  await git(client.cwd, ['init', '-q'])
  await client.play({ write: { path: 'new', content: 'x' } }, { commit: 'Add new' }, { commit: 'Nothing' })
  const log = await git(client.cwd, ['log', '--format=%an <%ae> %s'])
  assert.deepEqual(log, { ok: true, value: 'Scripted Agent <agent@example.com> Add new' })
  assert.deepEqual(
    client.tools().map((tool) => tool.status),
    ['completed', 'completed', 'failed'],
  )
})

test('ask asks, says the answer, and goes on as it was answered', async (t) => {
  const client = await startAgent(t)
  const asked: Message[] = []
  client.onAsk = (message) => {
    asked.push(message)
    return asked.length === 1 ? 'allow_always' : 'reject_once'
  }
  const step = {
    title: 'Push it',
    kind: 'execute' as const,
    command: 'git push',
    ifAllowed: [{ say: 'pushed' }],
    orElse: [{ say: 'kept' }],
  }
  await client.play({ ask: step })
  assert.equal(client.text(), '"Push it" was allowed (allow_always).\npushed')
  assert.deepEqual(
    asked[0]?.params?.options.map((option) => option.optionId),
    ['allow_once', 'allow_always', 'reject_once'],
  )
  assert.deepEqual(asked[0]?.params?.toolCall.rawInput, { command: 'git push' })
  await client.play({ ask: step })
  assert.equal(client.text(), '"Push it" was rejected (reject_once).\nkept')
  const { result } = await client.play({ ask: { title: 'Push it', orElse: 'stop' } }, { say: 'never said' })
  assert.equal(result?.stopReason, 'end_turn')
  assert.equal(client.text(), '"Push it" was rejected (reject_once).')
})

test('a request that the client cancels ends the turn as cancelled', async (t) => {
  const client = await startAgent(t)
  client.onAsk = () => 'none'
  const { result } = await client.play({ ask: { title: 'Push it' } }, { say: 'never said' })
  assert.equal(result?.stopReason, 'cancelled')
  assert.equal(client.text(), '')
})

test('waitFor waits until the file is there, also in a folder yet to be made', async (t) => {
  const client = await startAgent(t)
  const turn = client.play({ say: 'waiting' }, { waitFor: { file: 'deep/er/go' } }, { say: 'seen' })
  await new Promise<void>((resolve) => (client.onUpdate = () => resolve()))
  // The answer to a later call shows that it has had the time to go on.
  for (let calls = 0; calls < 5; calls++) await client.call('session/new', { cwd: client.cwd })
  assert.equal(client.text(), 'waiting')
  await mkdir(join(client.cwd, 'deep/er'), { recursive: true })
  await writeFile(join(client.cwd, 'deep/er/go'), '')
  await turn
  assert.equal(client.text(), 'waiting\nseen')
})

test('sleep lasts as long as it says', async (t) => {
  const client = await startAgent(t)
  const from = performance.now()
  await client.play({ sleep: 120 })
  assert.ok(performance.now() - from >= 119)
})

test('fail fails in the way that it says', async (t) => {
  const client = await startAgent(t)
  const { error } = await client.play({ fail: { message: 'Authentication required', code: -32000 } })
  assert.deepEqual(error, { code: -32000, message: 'Authentication required' })
  const text = await client.play({ fail: { as: 'text', message: 'API Error: 529' } }, { say: 'never said' })
  assert.equal(text.result?.stopReason, 'end_turn')
  assert.equal(client.text(), 'API Error: 529')
  const empty = await client.play({ fail: { as: 'empty' } })
  assert.equal(empty.result?.stopReason, 'end_turn')
  assert.equal(client.updates.length, 0)
})

test('fail with times fails so often, and then the same turn succeeds, whatever its words', async (t) => {
  const client = await startAgent(t)
  const steps: Step[] = [{ fail: { message: 'Overloaded', times: 2 } }, { say: 'done' }]
  assert.equal((await client.play(...steps)).error?.message, 'Overloaded')
  assert.equal((await client.play(...steps)).error?.message, 'Overloaded')
  assert.equal((await client.prompt('Go on.')).result?.stopReason, 'end_turn')
  assert.equal(client.text(), 'done')
})

test('hang obeys a cancel, after which the session is usable', async (t) => {
  const client = await startAgent(t)
  const turn = client.play({ say: 'now' }, { hang: true })
  client.onUpdate = () => client.cancel()
  assert.equal((await turn).result?.stopReason, 'cancelled')
  client.onUpdate = () => {}
  assert.equal((await client.play({ say: 'again' })).result?.stopReason, 'end_turn')
})

test('silent does not obey a cancel, but ends with its input', async (t) => {
  const client = await startAgent(t)
  let answered = false
  void client.play({ say: 'now' }, { silent: true }).then(() => (answered = true))
  await new Promise<void>((resolve) => (client.onUpdate = () => resolve()))
  client.cancel()
  // The answer to a later call shows that the cancel was read.
  await client.call('session/new', { cwd: client.cwd })
  assert.equal(answered, false)
  client.child.stdin.end()
  assert.deepEqual(await client.waitForExit(), [0, null])
})

for (const way of ['a cancel', 'the end of its input']) {
  test(`${way} kills a running shell command with its children`, async (t) => {
    const client = await startAgent(t)
    const turn = client.play({ run: 'sleep 300 & echo $! > inner; sleep 300' }, { say: 'never said' })
    await once(client.child.stdout, 'data')
    const seen = await runCommand('sh', ['-c', 'while ! [ -s inner ]; do sleep 0.02; done; cat inner'], { cwd: client.cwd })
    const pid = Number(seen.stdout)
    assert.doesNotThrow(() => process.kill(pid, 0))
    if (way === 'a cancel') {
      client.cancel()
      assert.equal((await turn).result?.stopReason, 'cancelled')
      assert.equal(client.text(), '')
    } else {
      client.child.stdin.end()
      await client.waitForExit()
    }
    // Until the test's own time limit.
    while (await loadProcess(pid)) await pause(10)
  })
}

test('tokens are told in an update and with the end of the turn', async (t) => {
  const client = await startAgent(t)
  const steps: Step[] = [{ tokens: { input: 100, output: 20, costUsd: 0.5 } }, { tokens: { input: 10, output: 2 } }]
  const { result } = await client.play(...steps)
  assert.deepEqual(result?.usage, { inputTokens: 110, outputTokens: 22, totalTokens: 132 })
  await client.play({ tokens: { input: 1, output: 1, costUsd: 0.25 } })
  const update = client.updates.find((one) => one.sessionUpdate === 'usage_update')
  assert.equal(update?.used, 134)
  assert.deepEqual(update?.cost, { amount: 0.75, currency: 'USD' })
})

test('garbage is a line that is no JSON, as long as was asked', async (t) => {
  const client = await startAgent(t)
  const { result } = await client.play({ garbage: 'Segmentation fault' }, { garbage: { bytes: 5_000_001 } }, { say: 'on' })
  assert.equal(result?.stopReason, 'end_turn')
  assert.deepEqual([client.garbage[0], client.garbage[1]?.length], ['Segmentation fault', 5_000_001])
})

test('exit ends the process in mid-turn', async (t) => {
  const client = await startAgent(t)
  void client.play({ say: 'bye' }, { exit: 7 })
  assert.deepEqual(await client.waitForExit(), [7, null])
})

test('stop sets the stop reason and ends the turn', async (t) => {
  const client = await startAgent(t)
  const { result } = await client.play({ stop: 'refusal' }, { say: 'never said' })
  assert.equal(result?.stopReason, 'refusal')
  assert.equal(client.text(), '')
})

test('further blocks are for the turns after, and a new script takes their place', async (t) => {
  const client = await startAgent(t)
  await client.prompt(`${writeSteps([{ say: 'one' }])} and then ${writeSteps([{ say: 'two' }])}`)
  assert.equal(client.text(), 'one')
  await client.prompt('The check failed.')
  assert.equal(client.text(), 'two')
  await client.prompt('It failed again.')
  assert.match(client.text(), /nothing left in my script/)
  await client.play({ say: 'new' })
  assert.equal(client.text(), 'new')
})

test('without a script it says what it is and names the way to a real agent', async (t) => {
  const client = await startAgent(t)
  const { result } = await client.prompt('Please fix the bug.')
  assert.equal(result?.stopReason, 'end_turn')
  assert.match(client.text(), /scripted agent.*<steps>.*--agent claude/s)
})

const malformed = {
  '<steps>[{"say": "x"}': /no closing <\/steps>/,
  '<steps>[{"say": }]</steps>': /not JSON/,
  '<steps>{"say": "x"}</steps>': /must be a JSON array/,
  '<steps>[{"say": "x"}, {"shout": "x"}]</steps>': /step 2 .* no known kind; known are say, think/,
  '<steps>[{"say": "x", "think": "y"}]</steps>': /exactly one key/,
  '<steps>[{"write": {"path": "x"}}]</steps>': /must look like \{"write": \{"path"/,
  '<steps>[{"write": {"path": "x", "content": "", "mode": 1}}]</steps>': /must look like/,
  '<steps>[{"ask": {"title": "x", "ifAllowed": [{"shout": 1}]}}]</steps>': /must look like \{"ask"/,
}
test('a script that is wrong is told as text, and nothing of it is played', async (t) => {
  const client = await startAgent(t)
  for (const [script, problem] of Object.entries(malformed)) {
    const { result } = await client.prompt(script)
    assert.equal(result?.stopReason, 'end_turn', script)
    assert.match(client.text(), /^I cannot play this script\./)
    assert.match(client.text(), problem)
  }
})

test('a second prompt at once is refused', async (t) => {
  const client = await startAgent(t)
  void client.play({ hang: true })
  assert.equal((await client.play({ say: 'x' })).error?.code, -32600)
})

test('a line that is no JSON is answered as such', async (t) => {
  const client = await startAgent(t)
  client.child.stdin.write('hello\n')
  const [data] = await once(client.child.stdout, 'data')
  assert.match(String(data), /-32700/)
})

for (const [way, args, env] of [
  ['an argument', ['--die-at-start'], {}],
  ['the environment', [], { HEDDLE_SCRIPTED_AGENT: 'die-at-start' }],
] as const) {
  test(`it dies at its start when told so by ${way}`, async (t) => {
    const client = new Client(await makeFolder(t), [...args], env)
    let stderr = ''
    client.child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
    client.child.stdin.on('error', () => {})
    const [code] = await once(client.child, 'close')
    assert.equal(code, 3)
    assert.match(stderr, /told to die at start/)
  })
}
