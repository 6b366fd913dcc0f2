import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TaskId } from '../model/ids.ts'
import { plan, type Claim } from './scheduler.ts'

const claim = (key: string, more: Partial<Claim> = {}): Claim => ({
  key,
  task: key as TaskId,
  limit: 2,
  touches: [],
  repo: '/r',
  underWay: false,
  since: 0,
  ...more,
})
const started = (holding: Claim[], waiting: Claim[]): string[] => plan({ holding, waiting }).start.map((one) => one.key)

test('slots are given in the order of asking, up to the limit', () => {
  assert.deepEqual(started([], [claim('a'), claim('b'), claim('c')]), ['a', 'b'])
  assert.deepEqual(started([claim('a')], [claim('b'), claim('c')]), ['b'])
  assert.deepEqual(plan({ holding: [claim('a'), claim('b')], waiting: [claim('c')] }).hold.get('c'), { for: 'slot' })
})
test('what runs already goes first, and beyond the limit', () => {
  assert.deepEqual(started([claim('a'), claim('b')], [claim('c'), claim('d', { underWay: true })]), ['d'])
  assert.deepEqual(started([], [claim('a'), claim('b', { underWay: true }), claim('c')]), ['b', 'a'])
})
test('tasks that touch the same files of one repository run one after the other', () => {
  const a = claim('a', { touches: ['src/**'], limit: 9 })
  const b = claim('b', { touches: ['src/x.ts'], limit: 9 })
  assert.deepEqual(started([], [a, b, claim('c', { limit: 9 })]), ['a', 'c'])
  assert.deepEqual(plan({ holding: [a], waiting: [b] }).hold.get('b'), { for: 'touches', task: 'a', files: 'src/x.ts' })
  assert.deepEqual(started([a], [{ ...b, repo: '/other' }]), ['b'])
  assert.deepEqual(started([a], [{ ...b, task: a.task }]), ['b'])
})
