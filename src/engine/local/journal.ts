/**
 * The journal's writes and reads.
 *
 * Writes are queued, and committed together once per turn of the event loop. The rule that makes this safe: a run's code
 * is pure, so it may go on with what is not committed yet; whatever can be seen from outside (an activity is called, a
 * promise of the engine resolves) waits in `afterCommit`. So a sequential step costs one commit, not two (its
 * start goes with the end of the step before), and steps of concurrent runs share one. No transaction stays open between
 * turns.
 */
import type { SQLInputValue, StatementSync } from 'node:sqlite'
import type { RunId } from '../../model/ids.ts'
import type { EndedRun, StepUnderWay } from '../contract.ts'
import { openDatabase } from './schema.ts'

export interface RunRow {
  readonly seq: number
  readonly id: RunId
  readonly name: string
  readonly input: string
  readonly priority: number
  readonly parent: RunId | null
  readonly cancelRequested: boolean
}

export interface StepRow {
  /** Grows with the order of asking over all runs: it is the step's place in its lane. */
  readonly id: number
  readonly key: string
  readonly kind: StepUnderWay['kind']
  /** The name of the activity, signal or child run. */
  readonly what: string | null
  /** See `describeInput`. */
  readonly input: string | null
  readonly lane: string | null
  readonly sinceMs: number
  readonly dueMs: number | null
  /** False while the step waits for its lane: its effect has not begun. */
  readonly begun: boolean
}

/** What a step came to: JSON text, or the message of what was thrown. */
export type Outcome = { readonly output: string } | { readonly error: string }
/** `order` counts the ends within the run. */
export interface EndedStep {
  readonly row: StepRow
  readonly order: number
  readonly outcome: Outcome
}
/** `order` is null for a step that has not ended. */
export type JournalledStep = EndedStep | { readonly row: StepRow; readonly order: null }
export interface SignalRow {
  readonly id: number
  readonly run: RunId
  readonly name: string
  readonly value: string
}
export interface LaneRow {
  readonly step: number
  readonly lane: string
}

export type Journal = ReturnType<typeof openJournal>

/** `onBroken` is called once, when a commit fails: nothing is written from then on. */
export function openJournal(path: string, onBroken: (error: unknown) => void, atCommit?: (moment: 'before' | 'after') => void) {
  const database = openDatabase(path)
  const prepare = (sql: string) => database.prepare(sql)
  const insertRun = prepare('INSERT INTO runs (seq, id, name, input, priority, parent) VALUES (?, ?, ?, ?, ?, ?)')
  const requestCancel = prepare('UPDATE runs SET cancel_requested = 1 WHERE seq = ?')
  const endRun = prepare('UPDATE runs SET state = ?, outcome = ? WHERE seq = ?')
  const insertStep = prepare(
    'INSERT INTO steps (id, run, key, kind, what, input, lane, since_ms, due_ms, begun) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const beginStep = prepare('UPDATE steps SET begun = 1 WHERE id = ?')
  const endStep = prepare('UPDATE steps SET ended = ?, output = ?, error = ? WHERE id = ?')
  const insertSignal = prepare('INSERT INTO signals (id, run, name, value) VALUES (?, ?, ?, ?)')
  const deleteSignal = prepare('DELETE FROM signals WHERE id = ?')
  const deleteSignalsOf = prepare('DELETE FROM signals WHERE run = ?')
  const runById = prepare('SELECT state, outcome FROM runs WHERE id = ?')
  const stepsOfRun = prepare('SELECT * FROM steps WHERE run = ? ORDER BY ended')
  const highest = (table: string, id: string) => Number(prepare(`SELECT max(${id}) AS id FROM ${table}`).get()?.['id'] ?? 0)

  let nextRun = highest('runs', 'seq') + 1
  let nextStep = highest('steps', 'id') + 1
  let nextSignal = highest('signals', 'id') + 1

  let open = true
  let writes: { statement: StatementSync; values: SQLInputValue[] }[] = []
  let waiting: { committed: () => void; lost: (error: unknown) => void }[] = []
  let scheduled: NodeJS.Immediate | null = null

  const write = (statement: StatementSync, ...values: SQLInputValue[]) => {
    if (!open) return
    writes.push({ statement, values })
    schedule()
  }
  const schedule = () => {
    if (open) scheduled ??= setImmediate(flush)
  }
  const flush = () => {
    if (!open) return
    if (scheduled) clearImmediate(scheduled)
    scheduled = null
    const batch = writes
    const waited = waiting
    writes = []
    waiting = []
    try {
      if (batch.length > 0) commit(batch)
    } catch (error) {
      close()
      for (const { lost } of waited) lost(error)
      onBroken(error)
      return
    }
    for (const { committed } of waited) committed()
  }
  const commit = (batch: typeof writes) => {
    atCommit?.('before')
    database.exec('BEGIN')
    for (const { statement, values } of batch) statement.run(...values)
    database.exec('COMMIT')
    atCommit?.('after')
  }
  /** Drops what is queued; `flush` first to keep it. An open transaction is rolled back. */
  const close = () => {
    if (!open) return
    open = false
    if (scheduled) clearImmediate(scheduled)
    scheduled = null
    database.close()
  }

  return {
    flush,
    close,
    /** Calls back, in a later turn, when all that has been written until now is safe, or `lost` if it cannot be. */
    afterCommit(committed: () => void, lost: (error: unknown) => void = () => {}): void {
      if (!open) return
      waiting.push({ committed, lost })
      schedule()
    },

    insertRun(run: Omit<RunRow, 'seq' | 'cancelRequested'>): RunRow {
      const row = { ...run, seq: nextRun++, cancelRequested: false }
      write(insertRun, row.seq, row.id, row.name, row.input, row.priority, row.parent)
      return row
    },
    requestCancel: (run: RunRow) => write(requestCancel, run.seq),
    endRun(run: RunRow, end: EndedRun): void {
      const outcome = end.state === 'done' ? end.result : end.state === 'failed' ? end.error : null
      write(endRun, end.state, JSON.stringify(outcome), run.seq)
    },
    insertStep(run: RunRow, step: Omit<StepRow, 'id'>): StepRow {
      const row = { ...step, id: nextStep++ }
      const { key, kind, what, input, lane, sinceMs, dueMs, begun } = row
      write(insertStep, row.id, run.seq, key, kind, what, input, lane, sinceMs, dueMs, Number(begun))
      return row
    },
    beginStep: (step: StepRow) => write(beginStep, step.id),
    endStep({ row, order, outcome }: EndedStep): void {
      // As JSON, because text alone cannot hold every message (NUL, lone surrogates).
      const error = 'error' in outcome ? JSON.stringify(outcome.error) : null
      write(endStep, order, 'output' in outcome ? outcome.output : null, error, row.id)
    },
    insertSignal(signal: Omit<SignalRow, 'id'>): SignalRow {
      const row = { ...signal, id: nextSignal++ }
      write(insertSignal, row.id, row.run, row.name, row.value)
      return row
    },
    deleteSignal: (signal: SignalRow) => write(deleteSignal, signal.id),
    deleteSignalsOf: (run: RunRow) => write(deleteSignalsOf, run.id),

    // The reads see only what is committed. The engine keeps each run in memory until its end is, and asks there first.
    loadRun(id: RunId): EndedRun | 'running' | 'unknown' {
      const row = runById.get(id)
      if (!row) return 'unknown'
      if (row['state'] === 'running') return 'running'
      if (row['state'] === 'cancelled') return { state: 'cancelled' }
      const outcome = JSON.parse(String(row['outcome']))
      return row['state'] === 'done' ? { state: 'done', result: outcome } : { state: 'failed', error: outcome }
    },
    /** Those that have ended in the order of their ends. */
    loadSteps(run: RunRow): JournalledStep[] {
      return stepsOfRun.all(run.seq).map((found) => {
        const row = {
          id: Number(found['id']),
          key: String(found['key']),
          kind: found['kind'] as StepRow['kind'],
          what: found['what'] as string | null,
          input: found['input'] as string | null,
          lane: found['lane'] as string | null,
          sinceMs: Number(found['since_ms']),
          dueMs: found['due_ms'] as number | null,
          begun: found['begun'] === 1,
        }
        if (found['ended'] === null) return { row, order: null }
        const outcome =
          found['error'] === null ? { output: String(found['output']) } : { error: String(JSON.parse(String(found['error']))) }
        return { row, order: Number(found['ended']), outcome }
      })
    },
    /** In the order in which they are to be restarted. */
    loadUnfinishedRuns(): RunRow[] {
      const found = prepare("SELECT * FROM runs WHERE state = 'running' ORDER BY priority DESC, seq").all()
      return found.map((row) => ({
        seq: Number(row['seq']),
        id: row['id'] as RunId,
        name: String(row['name']),
        input: String(row['input']),
        priority: Number(row['priority']),
        parent: row['parent'] as RunId | null,
        cancelRequested: row['cancel_requested'] === 1,
      }))
    },
    /** The steps of unfinished runs that hold a lane or wait for one: holders first, then in the order of asking. */
    loadLanes(): LaneRow[] {
      const found = prepare(
        `SELECT steps.id, lane FROM steps JOIN runs ON runs.seq = steps.run
         WHERE lane IS NOT NULL AND ended IS NULL AND state = 'running' ORDER BY begun DESC, steps.id`,
      ).all()
      return found.map((row) => ({ step: Number(row['id']), lane: String(row['lane']) }))
    },
    loadSignals(): SignalRow[] {
      return prepare('SELECT id, run, name, value FROM signals ORDER BY id').all() as unknown as SignalRow[]
    },
  }
}
