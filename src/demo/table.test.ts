import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { TaskView } from '../api/contract.ts'
import { NO_USAGE, type TaskState } from '../model/task.ts'
import { writeLine, writeTable } from './table.ts'

const at = (ms: number): string => new Date(ms).toISOString()

function makeView(
  name: string,
  state: TaskState,
  doing: string,
  startedMs: number | null = null,
  endedMs: number | null = null,
): TaskView {
  return {
    id: `t-${name}`,
    name,
    state,
    doing,
    agent: 'scripted',
    branch: `heddle/${name}`,
    base: 'main',
    needs: [],
    attempt: 1,
    change: state === 'landed' ? { commit: 'abcdef1234567', files: 1, insertions: 12, deletions: 3 } : null,
    evidence: [],
    usage: NO_USAGE,
    createdAt: at(0),
    startedAt: startedMs === null ? null : at(startedMs),
    endedAt: endedMs === null ? null : at(endedMs),
    failure: null,
    repo: '/r',
    preserved: null,
    report: null,
    waitsForPerson: null,
  }
}

const TASKS = [
  makeView('one', 'landed', 'landed', 0, 6000),
  makeView('second', 'working', 'turn 1', 6000),
  makeView('third', 'queued', 'waits for `one`, `second` and for a good many others besides'),
]
const draw = (columns: number): string[] =>
  writeTable(TASKS, { fromMs: 0, nowMs: 9000, spanMs: 12_000, columns }).map(stripVTControlCharacters)

test('the table says what each task is doing, and draws when it worked', () => {
  assert.deepEqual(draw(100), [
    '  ✓ one     landed   abcdef1, 1 file, +12 −3              6.0 s  ━━━━━━━━━━━━',
    '  ● second  working  turn 1                               3.0 s              ━━━━━━',
    '  · third   queued   waits for `one`, `second` and for…',
  ])
})

test('the table keeps to the width that there is, without bars where it is too small', () => {
  for (const columns of [60, 70, 80, 90, 120]) {
    for (const line of draw(columns)) assert.ok(line.length < columns, `${line.length} at ${columns}`)
  }
  assert.ok(!draw(60).join('').includes('━'))
  assert.ok(draw(80).join('').includes('━'))
})

test('a line for a change has its time, and says nothing twice', () => {
  assert.equal(writeLine(makeView('one', 'landing', 'landing'), 1234), '  1.2 s  one             landing')
  assert.equal(writeLine(makeView('one', 'working', 'checking'), 1234), '  1.2 s  one             working  checking')
  assert.equal(writeLine(makeView('one', 'working', 'working, turn 2'), 1234), '  1.2 s  one             working  turn 2')
  assert.equal(writeLine(makeView('one', 'landing', 'landing: rebasing'), 1234), '  1.2 s  one             landing  rebasing')
})
