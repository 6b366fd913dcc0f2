import assert from 'node:assert/strict'
import { test } from 'node:test'
import { globsOverlap } from './overlap.ts'

const overlapping: [string, string][] = [
  ['src/a.ts', 'src/a.ts'],
  ['src', 'src/deep/a.ts'],
  ['./src/', 'src/a.ts'],
  ['src/*.ts', 'src/a.*'],
  ['**/*.test.ts', 'src/a/b.test.ts'],
  ['**/*.ts', 'a.ts'],
  ['src/**', 'src/**/x/*.css'],
  ['src/{a,b}/x', 'src/b/*'],
  ['src/?.ts', 'src/[ab].ts'],
  ['**', 'anything/at/all'],
  ['a*c', 'ab*'],
]
const apart: [string, string][] = [
  ['src/a.ts', 'src/b.ts'],
  ['src/*.ts', 'src/deep/a.ts'],
  ['src', 'source/a.ts'],
  ['src/**', 'test/**'],
  ['**/*.ts', '**/*.css'],
  ['src/{a,b}/x', 'src/c/x'],
  ['src/?.ts', 'src/ab.ts'],
]

for (const [a, b] of overlapping) {
  test(`${a} overlaps ${b}`, () => {
    assert.equal(globsOverlap(a, b), true)
    assert.equal(globsOverlap(b, a), true)
  })
}
for (const [a, b] of apart) {
  test(`${a} stays apart from ${b}`, () => {
    assert.equal(globsOverlap(a, b), false)
    assert.equal(globsOverlap(b, a), false)
  })
}
