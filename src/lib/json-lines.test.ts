import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createLineSplitter, type Line } from './json-lines.ts'

function split(chunks: Uint8Array[], maxLength = 1000): { lines: Line[]; rest: string } {
  const lines: Line[] = []
  const splitter = createLineSplitter(maxLength, (line) => lines.push(line))
  for (const chunk of chunks) splitter.push(chunk)
  return { lines, rest: splitter.rest() }
}

test('lines are the same however the bytes are cut, also within a character', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((part) => part.replaceAll('\n', '⏎'))
  fc.assert(
    fc.property(fc.array(text), text, fc.array(fc.nat({ max: 300 })), (whole, rest, cuts) => {
      const bytes = Buffer.from(whole.map((line) => `${line}\n`).join('') + rest)
      const at = [0, ...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length]
      const found = split(at.slice(1).map((end, index) => bytes.subarray(at[index], end)))
      assert.deepEqual(found, { lines: whole.map((line) => ({ text: line })), rest })
    }),
  )
})

test('a line that is too long is reported once, dropped, and does not spoil the next', () => {
  const long = 'x'.repeat(2500)
  const found = split([Buffer.from(`a\n${long.slice(0, 900)}`), Buffer.from(long.slice(900)), Buffer.from('\nb\n')])
  assert.deepEqual(found.lines, [{ text: 'a' }, { tooLong: true, start: 'x'.repeat(200) }, { text: 'b' }])
})

test('what is held stays bounded while a line never ends', () => {
  let reports = 0
  const splitter = createLineSplitter(1000, () => reports++)
  for (let count = 0; count < 1000; count++) splitter.push(Buffer.alloc(1000, 'x'))
  assert.equal(reports, 1)
  assert.equal(splitter.rest(), '')
})
