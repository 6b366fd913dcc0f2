import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlannedTask } from '../model/plan.ts'
import { checkPlan } from './plan-graph.ts'

const task = (name: string, more: Partial<PlannedTask> = {}): PlannedTask => ({
  name,
  prompt: 'Do it.',
  agent: null,
  needs: [],
  touches: [],
  acceptance: ['it works'],
  checks: [],
  noChecks: false,
  base: null,
  readOnly: false,
  line: 1,
  needsLines: (more.needs ?? []).map(() => 2),
  touchesLine: 3,
  ...more,
})
const check = (tasks: PlannedTask[], existing: string[] = []) =>
  checkPlan(tasks, { existing, hasConfiguredChecks: false }).map((one) => `${one.line} ${one.severity}: ${one.message}`)

test('a sound plan has no findings', () => {
  assert.deepEqual(check([task('a'), task('b', { needs: ['a'] }), task('c', { needs: ['old'] })], ['old']), [])
})
test('a cycle is named in full', () => {
  assert.deepEqual(check([task('a', { needs: ['c'] }), task('b', { needs: ['a'] }), task('c', { needs: ['b'] })]), [
    '1 error: a cycle: `a` needs `c` needs `b` needs `a`',
  ])
  assert.deepEqual(check([task('a', { needs: ['a'] })]), ['1 error: a cycle: `a` needs `a`'])
})
test('an unknown need is named with its line', () => {
  assert.deepEqual(check([task('a', { needs: ['nope'] })]), [
    '2 error: `a` needs `nope`, which is neither in the plan nor a task of this repository',
  ])
})
test('names that are used twice or taken', () => {
  assert.match(check([task('a'), task('a')])[0]!, /used twice/)
  assert.match(check([task('a')], ['a'])[0]!, /already called/)
})
test('touching the same files without an order', () => {
  assert.deepEqual(check([task('a', { touches: ['src/**'] }), task('b', { touches: ['src/x.ts'] })]), [
    '3 warning: `a` and `b` both touch the same files (`src/**`, `src/x.ts`) and neither needs the other',
  ])
  assert.deepEqual(
    check([task('a', { touches: ['src/**'] }), task('m', { needs: ['a'] }), task('b', { touches: ['src/x.ts'], needs: ['m'] })]),
    [],
  )
})
test('an order that follows from another', () => {
  assert.deepEqual(check([task('a'), task('b', { needs: ['a'] }), task('c', { needs: ['a', 'b'] })]), [
    '2 warning: `c` need not name `a`: `b` needs it already',
  ])
})
test('nothing that proves a task', () => {
  assert.match(check([task('a', { acceptance: [] })])[0]!, /neither acceptance criteria nor checks/)
  assert.deepEqual(check([task('a', { acceptance: [], readOnly: true })]), [])
})
test('a chain of 2,000 tasks', () => {
  const chain = Array.from({ length: 2000 }, (_, at) => task(`t${at}`, { needs: at === 0 ? [] : [`t${at - 1}`] })).toReversed()
  assert.deepEqual(check(chain), [])
})
