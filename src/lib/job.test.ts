import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { systemClock as clock } from './clock.ts'
import { exists } from './files.ts'
import { watchFolder } from './follow-file.ts'
import { findExit, isJobRunning, killJob, loadJob, startJob, waitForJob, type Job, type JobStart } from './job.ts'
import { loadProcess } from './process-tree.ts'

async function start(t: TestContext, script: string, more: Partial<JobStart> = {}): Promise<{ job: Job; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-job-'))
  const attempt = `test-${process.pid}-${folder.slice(-6)}`
  const env = { PATH: process.env.PATH ?? '', HERE: folder }
  const job = await startJob({
    folder,
    attempt,
    argv: ['/bin/sh', '-c', script],
    cwd: folder,
    env,
    startedAt: clock.now(),
    input: { text: '' },
    ...more,
  })
  t.after(async () => {
    await killJob(job, clock, 0)
    await rm(folder, { recursive: true, force: true })
  })
  return { job, folder }
}

function fileAppears(folder: string, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = async (): Promise<void> => {
      const path = join(folder, name)
      if (!(await exists(path))) return
      stop()
      resolve((await readFile(path, 'utf8')).trim())
    }
    const stop = watchFolder(folder, clock, 50, () => void look().catch(reject))
    void look().catch(reject)
  })
}

test('a job leaves its output and its exit code in its folder', async (t) => {
  const { job, folder } = await start(t, 'cat; echo out; echo err >&2; exit 7', { input: { text: 'in\n' } })
  assert.deepEqual(await waitForJob(job, { clock }), { code: 7 })
  assert.equal(await readFile(join(folder, 'out'), 'utf8'), 'in\nout\nerr\n')
})

test('whoever comes later adopts it by its folder', async (t) => {
  const { folder } = await start(t, 'while ! [ -f go ]; do sleep 0.02; done; exit 3')
  const found = (await loadJob(folder))!
  assert.equal(await isJobRunning(found), true)
  await writeFile(join(folder, 'go'), '')
  assert.deepEqual(await waitForJob(found, { clock }), { code: 3 })
  assert.equal(await isJobRunning(found), false)
})

test('a relay feeds lines as they are written, and ends with its program', async (t) => {
  const { job, folder } = await start(t, 'read a; echo "got $a"; read b; echo "got $b"; exit 5', { input: 'relay' })
  await writeFile(join(folder, 'in'), 'one\n', { flag: 'a' })
  await writeFile(join(folder, 'in'), 'two\n', { flag: 'a' })
  assert.deepEqual(await waitForJob(job, { clock }), { code: 5 })
  assert.equal(await readFile(join(folder, 'out'), 'utf8'), 'got one\ngot two\n')
})

test('killing takes what left the group and ignores SIGTERM', { skip: process.platform !== 'linux' }, async (t) => {
  const { job, folder } = await start(
    t,
    `setsid sh -c 'trap "" TERM; echo $$ >"$HERE/pid.tmp"; mv "$HERE/pid.tmp" "$HERE/pid"; while :; do sleep 0.05; done' & wait`,
  )
  const pid = Number(await fileAppears(folder, 'pid'))
  assert.notEqual(await loadProcess(pid), null)
  await killJob(job, clock, 100)
  assert.equal(await loadProcess(pid), null)
  assert.deepEqual(await findExit(job), { code: null })
})

test('a process that got the number of a dead leader is left alone', async (t) => {
  const { job } = await start(t, 'exit 0')
  await waitForJob(job, { clock })
  const { job: other } = await start(t, 'while :; do sleep 0.05; done')
  const impostor: Job = { ...job, process: { pid: other.process!.pid, startTime: 'another' } }
  await killJob(impostor, clock, 0)
  assert.equal(await isJobRunning(other), true)
  assert.equal(await isJobRunning(impostor), false)
})

test('a longer key that begins the same belongs to another attempt', { skip: process.platform !== 'linux' }, async (t) => {
  const { job } = await start(t, 'exit 0')
  await waitForJob(job, { clock })
  const { job: other } = await start(t, 'while :; do sleep 0.05; done', { attempt: `${job.attempt}0` })
  await killJob(job, clock, 0)
  assert.equal(await isJobRunning(other), true)
})

test('a wait ends at its time, and when told to let go; the job goes on', async (t) => {
  const { job } = await start(t, 'while :; do sleep 0.05; done')
  assert.equal(await waitForJob(job, { clock, timeoutMs: 1 }), 'timed-out')
  assert.equal(await waitForJob(job, { clock, signal: AbortSignal.abort() }), 'let-go')
  assert.equal(await waitForJob(job, { clock, silentMs: 0 }), 'silent')
  assert.equal(await isJobRunning(job), true)
})
