/** Runs `npm start`'s program as it is, in a folder for temporary files of its own, and looks at what it leaves. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'

const START = join(import.meta.dirname, 'start.ts')

interface Demo {
  readonly folder: string
  readonly output: () => string
  readonly exited: Promise<[number | null]>
  readonly signal: (name: NodeJS.Signals) => void
}

async function startDemo(t: TestContext, args: readonly string[] = []): Promise<Demo> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "heddle's demo ")))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const child = spawn(process.execPath, [START, ...args], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exited = once(child, 'close') as Promise<[number | null]>
  return { folder, output: () => output, exited, signal: (name) => child.kill(name) }
}

/** What still runs and has that folder on its command line or in its environment. */
async function findProcesses(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
      const command = await read('cmdline')
      return command !== '' && `${command}${await read('environ')}`.includes(folder)
        ? [`${pid} ${command.replaceAll('\0', ' ')}`]
        : []
    }),
  )
  return found.flat()
}

const linuxOnly = process.platform === 'linux' ? {} : { skip: 'looks for processes in /proc' }

test('the demonstration lands five tasks, proves it, and leaves nothing', linuxOnly, async (t) => {
  const demo = await startDemo(t)
  const [code] = await demo.exited
  const output = demo.output()
  assert.equal(code, 0, output)
  for (const name of ['slugify', 'parse-duration', 'format-table', 'summary', 'cli']) {
    assert.match(output, new RegExp(`✓ ${name} +landed`), output)
  }
  assert.match(output, /17 tests pass/)
  assert.match(output, /check of parse-duration failed first/)
  assert.match(output, /measures Heddle, not agents/)
  assert.match(output, /Next, with an agent of your own/)
  assert.ok(!output.includes('\x1b'), 'no colours where there is no terminal')
  assert.deepEqual(await findProcesses(demo.folder), [])
  assert.deepEqual(await readdir(demo.folder), [])
})

test('Ctrl-C ends the agents and removes what there is', linuxOnly, async (t) => {
  const demo = await startDemo(t)
  while (!/ working /.test(demo.output())) await pause(20)
  demo.signal('SIGINT')
  const [code] = await demo.exited
  assert.equal(code, 130, demo.output())
  assert.deepEqual(await findProcesses(demo.folder), [])
  assert.deepEqual(await readdir(demo.folder), [])
})

test('unknown arguments are refused, and nothing is made', async (t) => {
  const demo = await startDemo(t, ['--kep'])
  assert.deepEqual(await demo.exited, [2, null])
  assert.match(demo.output(), /unknown argument --kep/)
  assert.deepEqual(await readdir(demo.folder), [])
})
