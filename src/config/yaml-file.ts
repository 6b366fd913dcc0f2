/** Reads YAML against a schema, so that every problem names its line, and a misspelt key its likely meaning. */
import { closest, distance } from 'fastest-levenshtein'
import { isMap, isPair, LineCounter, parseDocument, type Document } from 'yaml'
import { z } from 'zod'
import { failed, ok, type FileProblem, type Result } from '../model/failure.ts'

export interface YamlFile<T> {
  readonly value: T
  /** The line of what stands at a path, counted from 1; null where nothing does. */
  lineOf(path: readonly (string | number)[]): number | null
}

export function readYaml<S extends z.ZodType>(file: string, text: string, schema: S): Result<YamlFile<z.output<S>>> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => ({
      line: lines.linePos(error.pos[0]).line,
      message: `not valid YAML: ${error.message}`,
    }))
    return failed({ kind: 'bad-file', file, problems })
  }
  const lineOf = (path: readonly (string | number)[]): number | null => {
    const offset = findOffset(document, path)
    return offset === null ? null : lines.linePos(offset).line
  }
  const parsed = schema.safeParse(document.toJS() ?? {})
  if (parsed.success) return ok({ value: parsed.data, lineOf })
  const problems = parsed.error.issues.flatMap((issue) => describeIssue(issue, schema, lineOf))
  return failed({ kind: 'bad-file', file, problems: problems.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)) })
}

function describeIssue(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  lineOf: (path: readonly (string | number)[]) => number | null,
): FileProblem[] {
  const path = issue.path as (string | number)[]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      line: lineOf([...path, key]),
      message: describeUnknownKey(key, path, knownKeys(schema, path)),
    }))
  }
  if (issue.code === 'invalid_union') {
    // The branch that came furthest tells most.
    const best = issue.errors.toSorted((a, b) => deepest(b) - deepest(a))[0]
    if (best !== undefined && best.length > 0)
      return best.flatMap((inner) => describeIssue({ ...inner, path: [...path, ...inner.path] }, schema, lineOf))
  }
  const where = path.length === 0 ? '' : `${formatPath(path)}: `
  const message = issue.message.replace(/^Invalid input: /, '').replace(/^expected (\w+), received undefined$/, 'is missing ($1)')
  return [{ line: lineOf(path) ?? lineOf(path.slice(0, -1)), message: where + message }]
}

const deepest = (issues: readonly z.core.$ZodIssue[]): number => Math.max(0, ...issues.map((issue) => issue.path.length))

function describeUnknownKey(key: string, path: readonly (string | number)[], known: readonly string[]): string {
  const where = path.length === 0 ? '' : ` under \`${formatPath(path)}\``
  const near = known.length === 0 ? null : closest(key, known)
  if (near !== null && distance(key, near) <= Math.max(2, key.length / 3))
    return `unknown key \`${key}\`${where}; did you mean \`${near}\`?`
  return `unknown key \`${key}\`${where}; known: ${known.join(', ')}`
}

const formatPath = (path: readonly (string | number)[]): string =>
  path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')

function knownKeys(schema: z.ZodType, path: readonly (string | number)[]): string[] {
  let here: unknown = schema
  for (const part of path) {
    here = unwrap(here)
    if (here instanceof z.ZodObject) here = here.shape[part]
    else if (here instanceof z.ZodArray) here = here.element
    else if (here instanceof z.ZodRecord) here = here.valueType
    else return []
  }
  here = unwrap(here)
  if (here instanceof z.ZodObject) return Object.keys(here.shape)
  if (here instanceof z.ZodUnion)
    return here.options.flatMap((option) => (option instanceof z.ZodObject ? Object.keys(option.shape) : []))
  return []
}

function unwrap(schema: unknown): unknown {
  let here = schema
  while (here instanceof z.ZodOptional || here instanceof z.ZodDefault || here instanceof z.ZodNullable) here = here.unwrap()
  return here
}

function findOffset(document: Document, path: readonly (string | number)[]): number | null {
  const parent = path.length <= 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  const last = path.at(-1)
  if (last !== undefined && isMap(parent)) {
    const pair = parent.items.find((item) => isPair(item) && String(item.key) === String(last))
    const range = (pair?.key as { range?: [number, number, number] } | undefined)?.range
    if (range !== undefined) return range[0]
  }
  const node = path.length === 0 ? document.contents : document.getIn(path, true)
  const range = (node as { range?: [number, number, number] } | null | undefined)?.range
  return range === undefined ? null : range[0]
}
