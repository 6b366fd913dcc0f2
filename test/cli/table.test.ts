/** Lists fit the terminal, and what they say is short. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatChange, formatSpan, formatUsage } from '../../src/cli/amounts.ts'
import { writeTaskTable } from '../../src/cli/task-table.ts'
import { measureText } from '../../src/cli/text-width.ts'
import { makeTask } from './rig.ts'

const tasks = [
  makeTask({
    name: 'a-name-that-is-rather-long-for-a-list',
    doing: 'waits for `schema`, `api` and a lot of others',
    state: 'queued',
  }),
  makeTask({ name: '日本語のとても長い名前です', state: 'failed', doing: 'failed', failure: 'it broke\nhere is why' }),
  makeTask({ state: 'landed', doing: 'landed on main', change: { commit: 'c', files: 2, insertions: 12, deletions: 3 } }),
]
const paint = (_style: unknown, text: string): string => text

test('a table is never wider than the terminal', () => {
  for (let width = 20; width < 140; width++) {
    for (const line of writeTaskTable(tasks, { paint, nowMs: 0, width })) {
      assert.ok(measureText(line) <= width, `${measureText(line)} columns of ${width}: ${line}`)
    }
  }
})

test('a table says all where there is room', () => {
  const [head, queued, failed, landed] = writeTaskTable(tasks, { paint, nowMs: Date.parse(tasks[0]!.createdAt), width: Infinity })
  assert.match(head!, /^NAME +STATE +DOING +AGENT +CHANGE +AGE$/)
  assert.match(
    queued!,
    /^a-name-that-is-rather-long-for-a-list +queued +waits for `schema`, `api` and a lot of others +scripted +0s$/,
  )
  assert.match(failed!, / failed +it broke +scripted /)
  assert.match(landed!, /^mend +landed +on main +scripted +\+12 −3, 2 files +0s$/)
})

test('amounts are short', () => {
  const spans = [999, 3_000, 240_000, 7_200_000, 5 * 86_400_000].map(formatSpan)
  assert.deepEqual(spans, ['0s', '3s', '4m', '2h', '5d'])
  assert.equal(formatUsage({ inputTokens: 12_345, outputTokens: 999, costUsd: 0.123 }), '12.3k tokens in, 999 out, $0.12')
  assert.equal(formatUsage({ inputTokens: 0, outputTokens: 0, costUsd: null }), null)
  assert.equal(formatChange({ commit: 'c', files: 1, insertions: 1, deletions: 0 }), '+1 −0, 1 file')
})
