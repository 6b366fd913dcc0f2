/** Holds DESIGN section 3, the table of rooms: which part of `src/` may import which other. */
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import { parseSync, Visitor } from 'oxc-parser'

/** What a room may import besides itself: rooms, files, and with `type ` before them, only their types. */
const rooms: Record<string, readonly string[] | 'everything'> = {
  model: [],
  lib: ['model'],
  core: ['model', 'type lib/clock.ts'],
  config: ['model', 'lib'],
  engine: ['model', 'lib'],
  store: ['model', 'lib'],
  workspace: ['model', 'lib'],
  agent: ['model', 'lib'],
  check: ['model', 'lib'],
  change: ['model', 'lib'],
  notify: ['model', 'lib'],
  run: ['model', 'lib', 'core', 'type engine', 'type flow'],
  flow: ['model', 'lib'],
  api: ['model', 'lib'],
  daemon: 'everything',
  cli: ['api', 'model', 'lib'],
  mcp: ['api', 'model', 'lib'],
  demo: ['api', 'model', 'lib'],
}

/** Rooms whose code is a function of its arguments only. */
const pureRooms = ['model', 'core']
const spawners = ['lib/exec.ts', 'lib/job.ts']
const isTest = (file: string): boolean => /\.(test|suite)\.ts$/.test(file)

interface Import {
  readonly from: string
  readonly typeOnly: boolean
}

const src = path.resolve(import.meta.dirname, '../src')

test('every import in src/ is allowed by the table of rooms', () => {
  const files = globSync('**/*.{ts,mts,js,mjs}', { cwd: src })
  const imports = files.map((file) => ({ file, imports: readImports(file, readFileSync(path.join(src, file), 'utf8')) }))
  assert.ok(
    imports.some((one) => one.imports.length > 0),
    'no import was read',
  )
  const faults = imports.flatMap(({ file, imports }) => imports.flatMap((one) => faultOf(file, one) ?? []))
  assert.deepEqual([...files.flatMap((file) => roomFaultOf(file) ?? []), ...faults], [])
})

test('the table is held against each way to import', () => {
  const ways = {
    "import { a } from '../store/a.ts'": 'lib may not import store',
    "import type { A } from '../store/a.ts'": 'lib may not import store',
    "import '../store/a.ts'": 'lib may not import store',
    "export { a } from '../store/a.ts'": 'lib may not import store',
    "export type { A } from '../store/a.ts'": 'lib may not import store',
    "export * from '../store/a.ts'": 'lib may not import store',
    "const a = await import('../store/a.ts')": 'lib may not import store',
    'const a = await import(`../store/${name}.ts`)': 'lib may not import store',
    "let a: import('../store/a.ts').A": 'lib may not import store',
    'const a = await import(name)': 'only a literal path can be held against the table',
  }
  for (const [source, fault] of Object.entries(ways)) assert.deepEqual(faultsIn('lib/x.ts', source), [fault], source)
})

test('the table is held against each kind of import', () => {
  const cases: readonly (readonly [file: string, source: string, fault: string | null])[] = [
    ['lib/x.ts', "import './y.ts'; import '../model/a.ts'; import 'zod'; import 'node:fs'", null],
    ['core/x.ts', "import type { Clock } from '../lib/clock.ts'", null],
    ['core/x.ts', "import { clock } from '../lib/clock.ts'", 'core may import only types of lib/clock.ts'],
    ['core/x.ts', "import type { A } from '../lib/files.ts'", 'core may not import lib'],
    ['run/x.ts', "import type { RunContext } from '../engine/contract.ts'", null],
    ['run/x.ts', "import { type RunContext } from '../engine/contract.ts'", 'run may import only types of engine'],
    ['daemon/x.ts', "import '../store/a.ts'; import '../agent/a.ts'", null],
    ['cli/x.ts', 'await import(`./commands/${name}.ts`)', null],
    ['model/x.ts', "import 'node:fs'", 'model imports neither packages nor node: modules: node:fs'],
    ['core/x.ts', "import type { A } from 'zod'", 'core imports neither packages nor node: modules: zod'],
    ['core/x.test.ts', "import 'node:test'; import 'fast-check'; import '../../test/rig.ts'", null],
    ['core/x.test.ts', "import '../store/a.ts'", 'core may not import store'],
    ['core/x.ts', "import '../../test/rig.ts'", 'only tests import from outside src/: ../../test/rig.ts'],
    ['core/x.test.ts', "import '../../bench/a.ts'", 'only tests import from outside src/: ../../bench/a.ts'],
    ['lib/exec.ts', "import 'node:child_process'", null],
    ['lib/files.ts', "import 'child_process'", 'only lib/exec.ts and lib/job.ts spawn processes'],
    ['lib/x.ts', "import '../cellar/a.ts'", 'cellar is not in the table of rooms'],
    ['cellar/x.ts', '', 'cellar is not in the table of rooms'],
    ['x.ts', '', 'x.ts is in no room'],
  ]
  for (const [file, source, fault] of cases) assert.deepEqual(faultsIn(file, source), fault === null ? [] : [fault], source)
})

function faultsIn(file: string, source: string): string[] {
  const faults = [roomFaultOf(file), ...readImports(file, source).map((one) => faultOf(file, one))]
  return faults.flatMap((fault) => fault?.replace(`src/${file}: `, '') ?? [])
}

function roomFaultOf(file: string): string | null {
  if (!file.includes('/')) return `src/${file}: ${file} is in no room`
  return roomOf(file) in rooms ? null : `src/${file}: ${roomOf(file)} is not in the table of rooms`
}

function faultOf(file: string, { from, typeOnly }: Import): string | null {
  const reason = from.startsWith('.') ? innerFaultOf(file, from, typeOnly) : outerFaultOf(file, from)
  return reason && `src/${file}: ${reason}`
}

function innerFaultOf(file: string, from: string, typeOnly: boolean): string | null {
  const target = path.posix.join(path.posix.dirname(file), from)
  if (target.startsWith('../')) {
    return isTest(file) && target.startsWith('../test/') ? null : `only tests import from outside src/: ${from}`
  }
  const [room, targetRoom] = [roomOf(file), roomOf(target)]
  if (!(targetRoom in rooms)) return `${targetRoom} is not in the table of rooms`
  const allowed = rooms[room] ?? []
  if (room === targetRoom || allowed === 'everything') return null
  const names = [targetRoom, target]
  if (names.some((name) => allowed.includes(name) || (typeOnly && allowed.includes(`type ${name}`)))) return null
  const byType = names.find((name) => allowed.includes(`type ${name}`))
  return byType ? `${room} may import only types of ${byType}` : `${room} may not import ${targetRoom}`
}

function outerFaultOf(file: string, from: string): string | null {
  if (from === '') return 'only a literal path can be held against the table'
  if (isTest(file)) return null
  if (pureRooms.includes(roomOf(file))) return `${roomOf(file)} imports neither packages nor node: modules: ${from}`
  const spawns = isBuiltin(from) && from.replace('node:', '') === 'child_process'
  return spawns && !spawners.includes(file) ? `only ${spawners.join(' and ')} spawn processes` : null
}

const roomOf = (file: string): string => file.split('/')[0] ?? ''

/** By a parser, since stripping types first would drop the type imports. An import by a computed path has `from: ''`. */
function readImports(file: string, source: string): Import[] {
  const { program, errors } = parseSync(file, source)
  assert.deepEqual(errors, [], `${file} does not parse`)
  const imports: Import[] = []
  const add = (from: string, kind: 'type' | 'value' | undefined): void => {
    imports.push({ from, typeOnly: kind === 'type' })
  }
  new Visitor({
    ImportDeclaration: (node) => add(node.source.value, node.importKind),
    ExportAllDeclaration: (node) => add(node.source.value, node.exportKind),
    ExportNamedDeclaration: (node) => node.source && add(node.source.value, node.exportKind),
    TSImportType: (node) => add(node.source.value, 'type'),
    ImportExpression: ({ source }) => {
      if (source.type === 'TemplateLiteral') add(source.quasis[0]?.value.raw ?? '', 'value')
      else add(source.type === 'Literal' && typeof source.value === 'string' ? source.value : '', 'value')
    },
  }).visit(program)
  return imports
}
