/** Opening a conversation: initialize, authenticate, then a session resumed, loaded or new, in the mode that asks. */
import type { Job } from '../lib/job.ts'
import { failed, ok, type Result } from '../model/failure.ts'
import type { AcpSession } from './acp-session.ts'
import type { TurnSpec } from './contract.ts'
import { readSent, type Message } from './session-log.ts'

/** How long an agent may take to start: seen to take 18 s with eight at once on two cores. */
const START_MS = 120_000

export interface Conversation {
  readonly sessionId: string
  /** Whether it knows what was said in earlier turns. */
  readonly remembers: boolean
}

/** Idempotent: what was asked before is not asked again. `earlier`: sessions of the same conversation that have died. */
export async function openAcpConversation(
  spec: TurnSpec,
  session: AcpSession,
  earlier: readonly Job[],
): Promise<Result<Conversation>> {
  const { program } = spec
  const limits = { silentMs: Math.min(START_MS, spec.stallMs), when: 'while it started' }
  const call = async (tag: string, method: string, params: Record<string, unknown>): Promise<Result<Message>> => {
    const answer = await session.answer(await session.request(tag, method, params), limits)
    return answer
  }
  const require = async (
    tag: string,
    method: string,
    params: Record<string, unknown>,
  ): Promise<Result<Record<string, unknown>>> => {
    const answer = await call(tag, method, params)
    if (!answer.ok) return answer
    if (answer.value.error === undefined) return ok(answer.value.result ?? {})
    const { message, code } = answer.value.error
    return failed({ kind: 'agent-error', agent: program.name, message: `${method}: ${message} (${code})`, retry: false })
  }

  const initialized = await require('initialize', 'initialize', {
    protocolVersion: 1,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    clientInfo: { name: 'heddle', title: 'Heddle', version: '0.1.0' },
  })
  if (!initialized.ok) return initialized
  const capabilities = (initialized.value.agentCapabilities ?? {}) as {
    loadSession?: boolean
    sessionCapabilities?: Record<string, unknown>
  }
  if (program.authMethod !== null) {
    const authenticated = await require('authenticate', 'authenticate', { methodId: program.authMethod })
    if (!authenticated.ok) return authenticated
  }

  const where = {
    cwd: spec.cwd,
    mcpServers: [],
    ...(program.wantsGitFolders && capabilities.sessionCapabilities?.additionalDirectories !== undefined
      ? { additionalDirectories: spec.gitFolders }
      : {}),
  }
  const isFirst = session.sent().every((message) => message.method !== 'session/prompt')
  const before = isFirst ? await findConversation(earlier) : null
  let opened: { readonly sessionId: string; readonly result: Record<string, unknown>; readonly remembers: boolean } | null = null
  if (before !== null) {
    // `resume` replays nothing and is the quicker one; `load` sends the whole history again.
    const method =
      capabilities.sessionCapabilities?.resume !== undefined
        ? 'session/resume'
        : capabilities.loadSession === true
          ? 'session/load'
          : null
    const answer = method === null ? null : await call('continue', method, { ...where, sessionId: before })
    if (answer !== null && !answer.ok) return answer
    if (answer !== null && answer.value.error === undefined)
      opened = { sessionId: before, result: answer.value.result ?? {}, remembers: true }
  }
  if (opened === null) {
    const continued = continuedId(session)
    if (continued !== null && !isFirst) opened = { sessionId: continued, result: {}, remembers: true }
    else {
      const created = await require('new', 'session/new', where)
      if (!created.ok) return created
      if (typeof created.value.sessionId !== 'string')
        return failed({
          kind: 'agent-garbage',
          agent: program.name,
          sample: `session/new answered without a sessionId: ${JSON.stringify(created.value).slice(0, 200)}`,
        })
      opened = { sessionId: created.value.sessionId, result: created.value, remembers: earlier.length === 0 || !isFirst }
    }
  }
  const modes = (opened.result.modes as { availableModes?: readonly { id?: string }[] } | undefined)?.availableModes ?? []
  if (program.askMode !== null && modes.some((mode) => mode.id === program.askMode)) {
    const moved = await require('mode', 'session/set_mode', { sessionId: opened.sessionId, modeId: program.askMode })
    if (!moved.ok) return moved
  }
  return ok({ sessionId: opened.sessionId, remembers: opened.remembers })
}

/** The id of the session that this process took over, if it did. */
function continuedId(session: AcpSession): string | null {
  const request = session.sent().find((message) => message.method === 'session/resume' || message.method === 'session/load')
  if (typeof request?.id !== 'number' || session.state().answers.get(request.id)?.error !== undefined) return null
  return typeof request.params?.sessionId === 'string' ? request.params.sessionId : null
}

/** The agent's own id of the conversation that the dead sessions were about; null when none got that far. */
async function findConversation(earlier: readonly Job[]): Promise<string | null> {
  for (const job of earlier.toReversed()) {
    const sent = await readSent(job.folder)
    const prompt = sent.find((message) => message.method === 'session/prompt')
    if (typeof prompt?.params?.sessionId === 'string') return prompt.params.sessionId
  }
  return null
}
