import type { Clock } from '../lib/clock.ts'
import { isAcpTurnUnderWay, runAcpTurn } from './acp-turn.ts'
import { isCommandTurnUnderWay, runCommandTurn } from './command-turn.ts'
import type { AgentProgram, TurnHooks, TurnOutcome, TurnSpec } from './contract.ts'

/**
 * Does one turn. Called again with the same `turn` after a crash it finds the process and goes on: nothing is sent twice.
 * @throws LetGoError when `signal` was aborted; with the reason `cancelled` the agent has been ended.
 */
export function runTurn(spec: TurnSpec, hooks: TurnHooks, clock: Clock, signal: AbortSignal): Promise<TurnOutcome> {
  return spec.program.protocol === 'acp' ? runAcpTurn(spec, hooks, clock, signal) : runCommandTurn(spec, hooks, clock, signal)
}

/** Whether the turn was begun before a restart and its agent lives: it then needs no leave to begin. */
export function isTurnUnderWay(program: AgentProgram, folder: string, key: string, turn: string): Promise<boolean> {
  return program.protocol === 'acp' ? isAcpTurnUnderWay(folder, key, turn) : isCommandTurnUnderWay(folder, key, turn)
}
