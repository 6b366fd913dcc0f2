import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findNameProblem, freeName, suggestName } from './task-name.ts'

test('a name is made of the first telling words', () => {
  assert.equal(suggestName('Please fix the login bug in the sign-up form'), 'fix-login-bug-sign')
  assert.equal(suggestName("Don't break it’s API"), 'dont-break-its-api')
  assert.equal(suggestName('Écrire un résumé'), 'ecrire-un-resume')
  assert.equal(suggestName('修复 登录'), '修复-登录')
  assert.equal(suggestName('x <steps>[{"say":"y"}]</steps>'), 'x')
  assert.equal(suggestName('   !!! '), 'task')
  assert.equal(suggestName('a'.repeat(500)), 'a'.repeat(30))
})
test('every suggested name is a good name', () => {
  for (const prompt of ['.hidden', '-rf /', 'a..b', 'x.lock', '../../etc', 'Ünïcödé ßtraße', '\u0000\u001b[31m', '👩‍💻'])
    assert.equal(findNameProblem(suggestName(prompt)), null, prompt)
})
test('names that git or a file system would not take', () => {
  for (const name of ['', '-a', '.a', 'a/b', 'a..b', 'a.lock', 'a.', 'a b', 'a~1', 'a:b', 'a\n', 'x'.repeat(101)])
    assert.notEqual(findNameProblem(name), null, name)
  for (const name of ['a', 'fix-1', 'v1.2', 'größe', '修复']) assert.equal(findNameProblem(name), null, name)
})
test('a taken name gets the next number', () => {
  assert.equal(
    freeName('a', (name) => ['a', 'a-2'].includes(name)),
    'a-3',
  )
})
