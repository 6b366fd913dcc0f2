import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPosition, parseScript, stepAt } from './script.ts'
import type { Step, Turn } from './script.ts'

const user = (text: string): Turn => ({ role: 'user', text })
const says = (text: string): Turn => ({ role: 'assistant', text, calls: 0 })
const calls: Turn = { role: 'assistant', text: '', calls: 1 }
const result: Turn = { role: 'tool', text: 'ok' }
const block = (...steps: Step[]): string => `<steps>${JSON.stringify(steps)}</steps>`

/** The step that a conversation has come to, in short. */
function playedIn(...turns: Turn[]): string | null {
  const position = findPosition(turns)
  if (!position) return null
  const step = stepAt(position)
  return 'say' in step ? step.say : 'bash' in step ? `$ ${step.bash}` : JSON.stringify(step)
}

const nothingMore = 'The script has nothing more to do.'
const twoSteps = user(`# Role\n\nDo it: ${block({ bash: 'ls' }, { say: 'done' })}\n\n# Output`)
const twoBlocks = user(`${block({ bash: 'ls' }, { say: 'one' })} then ${block({ bash: 'pwd' }, { say: 'two' })}`)

test('a conversation without a script stands nowhere', () => {
  assert.equal(playedIn(user('hello')), null)
  assert.equal(playedIn(user('the word <steps> alone')), null)
})

test('each answer that calls a tool moves on by one step', () => {
  assert.equal(playedIn(twoSteps), '$ ls')
  assert.equal(playedIn(twoSteps, calls, result), 'done')
  assert.equal(playedIn(twoSteps, calls, result, calls, result), nothingMore)
})

test('the last message that holds a script counts', () => {
  assert.equal(playedIn(twoSteps, calls, result, says('done'), user(block({ say: 'other' }))), 'other')
})

test('later user turns take the next blocks', () => {
  const first = [twoBlocks, calls, result, says('one')]
  assert.equal(playedIn(...first, user('The check failed')), '$ pwd')
  assert.equal(playedIn(...first, user('The check failed'), calls, result), 'two')
  assert.equal(playedIn(...first, user('The check failed'), calls, result, says('two'), user('Again')), nothingMore)
  assert.equal(playedIn(twoSteps, says('done before its time'), user('Again')), nothingMore)
})

test("an agent's own messages begin no turn", () => {
  const reminder = user('<system-reminder>\nThe date is unknown.\n</system-reminder>')
  assert.equal(playedIn(twoBlocks, reminder, calls, result, reminder), 'one')
  assert.equal(
    playedIn(twoBlocks, calls, result, says('one'), user('<environment_context>x</environment_context>'), user('go')),
    '$ pwd',
  )
})

test('after a cancel the next message takes the next block, even if it is the last', () => {
  const aborted = user('<turn_aborted>\nThe user interrupted the previous turn')
  assert.equal(playedIn(twoBlocks, user('[Request interrupted by user]'), user('go on')), '$ pwd')
  assert.equal(playedIn(twoSteps, calls, result, aborted, user('go on')), nothingMore)
})

test('a turn that broke off goes on where it was, unless a block was written for that', () => {
  const loadedByClaude = [user('Continue from where you left off.'), says('No response requested.')]
  assert.equal(playedIn(twoSteps, calls, result, user('Heddle was restarted')), 'done')
  assert.equal(playedIn(twoSteps, calls, result, ...loadedByClaude, user('Heddle was restarted')), 'done')
  assert.equal(playedIn(twoBlocks, calls, result, ...loadedByClaude, user('Heddle was restarted')), '$ pwd')
})

test('a block that is no JSON array is an error', () => {
  assert.throws(() => parseScript('<steps>[{</steps>'), SyntaxError)
  assert.throws(() => parseScript('<steps>{"say":"x"}</steps>'), /must be a JSON array/)
})

test('a request that is tried again has the same key, another position another', () => {
  assert.equal(findPosition([twoSteps])?.key, findPosition([twoSteps])?.key)
  assert.notEqual(findPosition([twoSteps])?.key, findPosition([twoSteps, calls, result])?.key)
})
