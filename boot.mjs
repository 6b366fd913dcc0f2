/**
 * `node boot.mjs COMMAND [ARGS]`, on any Node from 18: installs what is missing or stale, then runs the command on the
 * Node that the lockfile names, so that a clone needs nothing but git, npm and some Node.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(fileURLToPath(import.meta.url))
const inRoot = (...parts) => path.join(root, ...parts)
const projectNode = inRoot('node_modules/node/bin/node')
const lockFile = inRoot('.install.lock')
const lockWaitMs = 10 * 60_000

const commands = {
  install: null,
  start: (args) => [inRoot('src/demo/start.ts'), ...args],
  test: (args) => testArgs(['src/**/*.test.ts', 'test/*.test.ts', 'test/!(agents)/**/*.test.ts'], 10, args),
  'test:agents': (args) => testArgs(['test/agents/**/*.test.ts'], 25, args, 1),
  check: (args) => [inRoot('scripts/check.mjs'), ...args],
  format: (args) => [inRoot('node_modules/oxfmt/bin/oxfmt'), ...args],
  build: (args) => [inRoot('scripts/build.mjs'), ...args],
}

async function main([name, ...args]) {
  if (!Object.hasOwn(commands, name ?? '')) fail(`Usage: node boot.mjs ${Object.keys(commands).join('|')} [ARGS]`, 2)
  await installIfStale()
  if (!existsSync(projectNode)) {
    fail(
      "The project's own Node 24 is missing (node_modules/node/bin/node): its install script was not allowed to run,\n" +
        'as with --ignore-scripts. To fetch it, type:\n\n  npm rebuild node --ignore-scripts=false\n',
    )
  }
  if (commands[name]) await runOnProjectNode(commands[name](args))
}

/** Globs unless files are named. Two files at a time even on two cores: most tests wait for processes. Not with the real agents: one of those files runs all other tests. */
function testArgs(globs, limitMinutes, args, atOnce = 2) {
  const options = args.filter((arg) => arg.startsWith('-'))
  const files = args.filter((arg) => !arg.startsWith('-'))
  return [
    '--test',
    `--test-concurrency=${atOnce}`,
    `--test-timeout=${limitMinutes * 60_000}`,
    `--test-reporter=${inRoot('test/reporter.mjs')}`,
    '--test-reporter-destination=stdout',
    ...options,
    ...(files.length > 0 ? files : globs.map((glob) => inRoot(glob))),
  ]
}

async function installIfStale() {
  if (isInstalled()) return
  const deadline = Date.now() + lockWaitMs
  for (let told = false; !takeLock(); told = true) {
    if (!told) console.error('Waiting for another process that installs the dependencies…')
    if (Date.now() > deadline) fail(`Waited too long for another installation. If there is none, delete ${lockFile}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  try {
    if (isInstalled()) return
    console.error('Installing dependencies (first run or new lockfile, about 20 s)…')
    await install()
  } finally {
    rmSync(lockFile, { force: true })
  }
}

async function install() {
  // Node itself is a development dependency, so an inherited NODE_ENV=production must not leave it out.
  const npm = spawn('npm', ['ci', '--include=dev'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  // If this process is killed, npm goes on; so the lock is npm's.
  if (npm.pid) writeFileSync(lockFile, String(npm.pid))
  let output = ''
  for (const stream of [npm.stdout, npm.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text))
  const code = await new Promise((resolve) => {
    npm.on('close', resolve)
    npm.on('error', (error) => resolve((output += error)))
  })
  if (code === 0) return
  rmSync(lockFile, { force: true })
  fail(`${output}\nThe dependencies could not be installed: see above, then try again or type: npm ci`)
}

/**
 * npm writes `node_modules/.package-lock.json` last, so an installation that was broken off has none. It leaves out
 * optional packages of other platforms.
 */
function isInstalled() {
  const wanted = loadPackages(inRoot('package-lock.json'))
  const installed = loadPackages(inRoot('node_modules/.package-lock.json'))
  if (!wanted || !installed) return false
  const same = (name) =>
    installed[name]?.version === wanted[name]?.version && installed[name]?.integrity === wanted[name]?.integrity
  return (
    Object.keys(wanted).every((name) => name === '' || same(name) || (wanted[name].optional && !installed[name])) &&
    Object.keys(installed).every(same)
  )
}

function loadPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return null
  }
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
    dropLockOfDeadProcess()
    return false
  }
}

/** Renames it away first: of several that see the same dead owner, one succeeds. */
function dropLockOfDeadProcess() {
  try {
    const owner = Number(readFileSync(lockFile, 'utf8'))
    if (owner === 0 || isAlive(owner)) return
    renameSync(lockFile, `${lockFile}.${process.pid}`)
    rmSync(`${lockFile}.${process.pid}`)
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
  }
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Stands in for the child until it ends: its signals, its terminal, its exit code. Also used by `bin/heddle.mjs`. */
export function runOnProjectNode(args) {
  const child = spawn(projectNode, args, { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    // A terminal sends Ctrl-C to the child as well; a second one could mean "at once" to it.
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  return new Promise((_resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
  })
}

function fail(message, code = 1) {
  console.error(message)
  process.exit(code)
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main(process.argv.slice(2))
