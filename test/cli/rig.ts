/** Runs the real command line, against a stand-in for the daemon whose answers a test decides. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { Method, Results, Streams, TaskView } from '../../src/api/contract.ts'
import { createLineSplitter } from '../../src/lib/json-lines.ts'

export const HEDDLE = join(import.meta.dirname, '../../bin/heddle.mjs')

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder that is its own state folder too, deleted after the test. */
export function makeHome(t: TestContext): string {
  const home = mkdtempSync(join(tmpdir(), 'heddle cli '))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  return home
}

export function spawnCli(home: string, args: readonly string[]): ChildProcess {
  const env = { ...process.env, HEDDLE_HOME: home, NO_COLOR: '1', FORCE_COLOR: undefined, HEDDLE_DEBUG: undefined }
  return spawn(process.execPath, [HEDDLE, ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
}

export function runCli(home: string, args: readonly string[], input = ''): Promise<CliRun> {
  const child = spawnCli(home, args)
  // A command that does not read its input is no fault.
  child.stdin!.on('error', () => {})
  child.stdin!.end(input)
  return collectRun(child)
}

export async function collectRun(child: ChildProcess): Promise<CliRun> {
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'close')])
  return { code: code as number | null, stdout, stderr }
}

export interface Call {
  readonly method: Method
  readonly params: Record<string, unknown>
  answer(result: unknown): void
  refuse(failure: object): void
  send(item: Streams[keyof Streams]): void
  /** As when the daemon is killed. */
  hangUp(): void
}

/** Listens where the daemon of that home would. */
export async function startStandIn(t: TestContext, home: string, onCall: (call: Call) => void): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const write = (message: object): void => void socket.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
    const lines = createLineSplitter(1024 * 1024, (line) => {
      if (!('text' in line)) throw new Error('a request is too long')
      const { id, method, params } = JSON.parse(line.text) as { id: number; method: Method; params: Record<string, unknown> }
      onCall({
        method,
        params,
        answer: (result) => write({ id, result }),
        refuse: (failure) => write({ id, error: { code: -32000, message: 'refused', data: failure } }),
        send: (item) => write({ method: 'item', params: { request: id, item } }),
        hangUp: () => socket.destroy(),
      })
    })
    socket.on('data', (chunk) => lines.push(chunk))
    socket.on('error', () => {})
  })
  server.listen(join(home, 'daemon.sock'))
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
}

export const STATUS: Results['daemon.status'] = { pid: 1, version: '0.0.0', home: '', startedAt: 0, tasks: 0, agents: 0 }

export function makeTask(fields: Partial<TaskView> = {}): TaskView {
  return {
    id: 't000000001',
    name: 'mend',
    state: 'working',
    doing: 'working',
    waitsForPerson: null,
    agent: 'scripted',
    branch: 'heddle/mend',
    base: 'main',
    needs: [],
    attempt: 1,
    change: null,
    evidence: [],
    usage: { inputTokens: 0, outputTokens: 0, costUsd: null },
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: null,
    endedAt: null,
    failure: null,
    repo: '/repo',
    preserved: null,
    report: null,
    ...fields,
  }
}
