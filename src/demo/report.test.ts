import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { TaskView } from '../api/contract.ts'
import { DEMO_TASKS } from './plan.ts'
import { TasksFailed, writeFailure, writeNextSteps, writeReport } from './report.ts'

const at = (ms: number): string => new Date(ms).toISOString()

/** A view of what the report reads. */
function makeView(name: string, fromMs: number, toMs: number): TaskView {
  return { name, state: 'landed', doing: 'landed', failure: null, startedAt: at(fromMs), endedAt: at(toMs) } as TaskView
}

const PLACE = { folder: '/tmp/a b', repo: '/tmp/a b/timesheet', plan: '/tmp/a b/plan.yaml', home: '/tmp/a b/home' }

test('the report compares the time with the sum of the tasks, and with their longest chain', () => {
  const tasks = [
    makeView('slugify', 0, 2000),
    makeView('parse-duration', 0, 3000),
    makeView('format-table', 0, 2500),
    makeView('summary', 3000, 5000),
    makeView('cli', 5000, 6500),
  ]
  assert.deepEqual(
    tasks.map((task) => task.name),
    DEMO_TASKS.map((task) => task.name),
  )
  const report = stripVTControlCharacters(
    writeReport({
      tasks,
      tookMs: 6600,
      mended: ['parse-duration'],
      log: '* a\n* b',
      testCommand: 'node --test',
      testsPassed: 17,
      example: 'x',
    }),
  )
  assert.match(report, / 6\.6 s {2}from the dispatch.*\n.* 11\.0 s {2}all tasks' own times.*: 1\.67 times that/)
  assert.match(report, / 6\.5 s {2}the longest chain/)
  assert.match(report, /17 tests pass/)
  assert.match(report, /Scripted agents: this measures Heddle, not agents/)
  assert.match(report, /policy in the sample's own heddle\.yaml/)
  assert.match(report, /check of parse-duration failed first/)
  for (const line of report.split('\n')) assert.ok(line.length <= 80, line)
  assert.match(report, /^ {2}\* a\n {2}\* b$/m)
})

test('a failure names the tasks, quotes why, and says where to look', () => {
  const failed = { ...makeView('cli', 0, 1), state: 'failed', failure: 'the check still fails\n  | boom' } as TaskView
  const text = stripVTControlCharacters(writeFailure(new TasksFailed([failed]), PLACE, '/clone'))
  assert.match(text, /cli is failed:\n {2}the check still fails\n {4}\| boom/)
  assert.match(text, /cd '\/tmp\/a b\/timesheet' && HEDDLE_HOME='\/tmp\/a b\/home' node \/clone\/bin\/heddle\.mjs logs TASK/)
  assert.match(text, /rm -rf '\/tmp\/a b'/)
})

test('the next steps name an agent of the machine, and how heddle is called from the clone', () => {
  const text = stripVTControlCharacters(writeNextSteps('/clone', 'codex'))
  assert.match(text, /--agent codex/)
  assert.match(text, /npm link/)
  assert.match(text, /node \/clone\/bin\/heddle\.mjs/)
})
