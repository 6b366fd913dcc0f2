/** Plays the steps of a turn in order. */
import { watch } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { exists } from '../lib/files.ts'
import type { Fail, Step, Tokens } from './script.ts'
import { ask, commit, edit, run, write } from './tool-steps.ts'
import { speak, think, untilCancelled, type Turn, type TurnEnd } from './turn.ts'

const CONTEXT_TOKENS = 200_000
const GARBAGE_PART_BYTES = 1 << 20

/** Null: all steps are done, and none of them ended the turn. */
export async function playSteps(steps: readonly Step[], turn: Turn): Promise<TurnEnd | null> {
  for (const step of steps) {
    if (turn.cancelled.aborted) break
    const end = await playStep(step, turn)
    if (end) return end
  }
  return turn.cancelled.aborted ? { stop: 'cancelled' } : null
}

async function playStep(step: Step, turn: Turn): Promise<TurnEnd | null | void> {
  if ('say' in step) return speak(step.say, turn)
  if ('think' in step) return think(step.think, turn)
  if ('write' in step) return write(step.write, turn)
  if ('edit' in step) return edit(step.edit, turn)
  if ('run' in step) return run(step.run, turn)
  if ('commit' in step) return commit(step.commit, turn)
  if ('ask' in step) return askAndGoOn(step, turn)
  if ('waitFor' in step) return waitForFile(resolve(turn.cwd, step.waitFor.file), turn)
  if ('sleep' in step) return untilCancelled(pause(step.sleep), turn)
  if ('fail' in step) return fail(step.fail, turn)
  if ('hang' in step) return untilCancelled(never(), turn)
  if ('silent' in step) return never()
  if ('tokens' in step) return useTokens(step.tokens, turn)
  if ('garbage' in step) return writeGarbage(step.garbage, turn)
  if ('exit' in step) process.exit(step.exit)
  return { stop: step.stop }
}

async function askAndGoOn(step: Extract<Step, { ask: unknown }>, turn: Turn): Promise<TurnEnd | null> {
  const allowed = await ask(step.ask, turn)
  if (allowed === null) return { stop: 'cancelled' }
  if (allowed) return playSteps(step.ask.ifAllowed ?? [], turn)
  return step.ask.orElse === 'stop' ? { stop: 'end_turn' } : playSteps(step.ask.orElse ?? [], turn)
}

/** Watches the nearest folder that exists; looks again now and then, because its folders may have to be made first. */
async function waitForFile(path: string, turn: Turn): Promise<void> {
  while (!turn.cancelled.aborted && !(await exists(path))) {
    let folder = dirname(path)
    while (!(await exists(folder))) folder = dirname(folder)
    const looking = new AbortController()
    const changed = new Promise<void>((resolve) => {
      watch(folder, { signal: looking.signal }, () => resolve()).on('error', () => {})
    })
    // The file may have come between the look and the watch.
    const seen = (await exists(path)) ? Promise.resolve() : Promise.race([changed, pause(200)])
    await untilCancelled(seen, turn).finally(() => looking.abort())
  }
}

function fail(step: Fail, turn: Turn): TurnEnd | null {
  if (step.times !== undefined && turn.memory.failures >= step.times) return null
  turn.memory.failures++
  const message = step.message ?? 'the script says that this turn fails'
  if (step.as === 'text') speak(message, turn)
  return step.as === 'text' || step.as === 'empty' ? { stop: 'end_turn' } : { error: { code: step.code ?? -32603, message } }
}

function useTokens({ input, output, costUsd }: Tokens, turn: Turn): void {
  turn.used.input += input
  turn.used.output += output
  turn.memory.tokens += input + output
  if (costUsd !== undefined) turn.memory.costUsd = (turn.memory.costUsd ?? 0) + costUsd
  const cost = turn.memory.costUsd === null ? {} : { cost: { amount: turn.memory.costUsd, currency: 'USD' } }
  turn.send({ sessionUpdate: 'usage_update', used: turn.memory.tokens, size: CONTEXT_TOKENS, ...cost })
}

async function writeGarbage(garbage: string | { readonly bytes: number }, turn: Turn): Promise<void> {
  if (typeof garbage === 'string') return turn.writeRaw(`${garbage}\n`)
  const part = 'x'.repeat(GARBAGE_PART_BYTES)
  for (let left = garbage.bytes; left > 0; left -= part.length) await turn.writeRaw(part.slice(0, left))
  await turn.writeRaw('\n')
}

const never = (): Promise<never> => new Promise(() => {})
