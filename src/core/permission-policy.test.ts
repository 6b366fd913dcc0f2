import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decidePermission, type ToolCall } from './permission-policy.ts'

const run = (command: string): ToolCall => ({ kind: 'execute', title: command, command, paths: [] })
const edit = (path: string): ToolCall => ({ kind: 'edit', title: path, command: null, paths: [path] })
const decide = (call: ToolCall, settings = {}) =>
  decidePermission(call, { default: null, rules: [], ...settings }, ['/w', '/tmp/lease']).action

for (const command of [
  'npm test',
  'rm -rf build',
  'git commit -m "push it"',
  'git stash push',
  'echo digit push',
  'grep sudoku a.txt',
  'node scripts/push.js',
  'npm install',
  'git status && make',
]) {
  test(`allows: ${command}`, () => assert.equal(decide(run(command)), 'allow'))
}
for (const command of [
  'git push',
  'git push origin main',
  'cd x && git push --force',
  'git -C ../x push',
  "bash -lc 'git push'",
  '/usr/bin/sudo rm x',
  'sudo apt-get install x',
  'npm publish',
  'npm run deploy',
  './deploy.sh',
  'npx prisma migrate deploy',
  'ssh host ls',
  'kubectl apply -f x',
]) {
  test(`asks: ${command}`, () => assert.equal(decide(run(command)), 'ask'))
}
test('files inside the workspace are allowed, outside they ask', () => {
  assert.equal(decide(edit('/w/a.ts')), 'allow')
  assert.equal(decide(edit('/w')), 'allow')
  assert.equal(decide(edit('/tmp/lease/x')), 'allow')
  assert.equal(decide(edit('/wide/a.ts')), 'ask')
  assert.equal(decide(edit('/etc/passwd')), 'ask')
  assert.equal(decide({ ...edit('/etc/passwd'), kind: 'read' }), 'allow')
})
test('the first rule that matches decides, then the default', () => {
  const rules = [
    { action: 'deny', tool: 'execute', match: 'git push *' },
    { action: 'allow', match: 'git push*' },
  ]
  assert.equal(decide(run('git push origin'), { rules }), 'deny')
  assert.equal(decide(run('git push'), { rules }), 'allow')
  assert.equal(decide(run('npm test'), { default: 'ask' }), 'ask')
  assert.equal(decide(run('git push'), { default: 'allow' }), 'allow')
})
