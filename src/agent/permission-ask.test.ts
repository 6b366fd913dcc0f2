/** The requests are literal, cut to what matters: claude-agent-acp 0.49 and codex-acp 2.6 sent them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readAsk, readOptions } from './permission-ask.ts'

const claude = {
  options: [
    { kind: 'allow_always', name: 'Always Allow Bash(git push *)', optionId: 'allow_always' },
    { kind: 'allow_once', name: 'Allow', optionId: 'allow' },
    { kind: 'reject_once', name: 'Reject', optionId: 'reject' },
  ],
  toolCall: {
    toolCallId: 't',
    rawInput: { command: 'git push -q origin HEAD' },
    title: 'git push -q origin HEAD',
    kind: 'execute',
    content: [],
  },
}
const codex = {
  toolCall: { toolCallId: 'c', title: 'Edit files', locations: [{ path: '/var/tmp/x.txt' }], kind: 'edit', status: 'pending' },
  options: [
    { optionId: 'allow_once', name: 'Yes, proceed', kind: 'allow_once' },
    { optionId: 'allow_for_session', name: 'Yes, always', kind: 'allow_always' },
    { optionId: 'cancel', name: 'No', kind: 'reject_once' },
  ],
}

test('commands and paths are found where each agent puts them', () => {
  assert.deepEqual(readAsk(claude, 'k'), {
    key: 'k',
    kind: 'execute',
    title: 'git push -q origin HEAD',
    command: 'git push -q origin HEAD',
    paths: [],
  })
  assert.deepEqual(readAsk(codex, 'k'), { key: 'k', kind: 'edit', title: 'Edit files', command: null, paths: ['/var/tmp/x.txt'] })
  assert.equal(readAsk({ toolCall: { rawInput: { command: ['bash', '-lc', 'ls'] } } }, 'k').command, 'bash -lc ls')
})

test('yes and no are chosen by kind, and yes only once', () => {
  assert.deepEqual(readOptions(claude), {
    allow: { outcome: 'selected', optionId: 'allow' },
    deny: { outcome: 'selected', optionId: 'reject' },
  })
  assert.deepEqual(readOptions(codex), {
    allow: { outcome: 'selected', optionId: 'allow_once' },
    deny: { outcome: 'selected', optionId: 'cancel' },
  })
})

test('an agent that offers no such option gets none made up', () => {
  assert.deepEqual(readOptions({ options: [{ kind: 'allow_always', optionId: 'y' }] }), {
    allow: { outcome: 'selected', optionId: 'y' },
    deny: { outcome: 'cancelled' },
  })
  assert.deepEqual(readOptions({}), { allow: { outcome: 'cancelled' }, deny: { outcome: 'cancelled' } })
  assert.equal(readAsk({}, 'k').kind, 'other')
})
