import type { Clock } from '../lib/clock.ts'
import { runAcpTurn } from './acp-turn.ts'
import { runCommandTurn } from './command-turn.ts'
import type { TurnHooks, TurnOutcome, TurnSpec } from './contract.ts'

/**
 * Does one turn. Called again with the same `turn` after a crash it finds the process and goes on: nothing is sent twice.
 * @throws LetGoError when `signal` was aborted; with the reason `cancelled` the agent has been ended.
 */
export function runTurn(spec: TurnSpec, hooks: TurnHooks, clock: Clock, signal: AbortSignal): Promise<TurnOutcome> {
  return spec.program.protocol === 'acp' ? runAcpTurn(spec, hooks, clock, signal) : runCommandTurn(spec, hooks, clock, signal)
}
