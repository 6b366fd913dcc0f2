import { createHash } from 'node:crypto'
import { canonicalJson } from '../../model/json.ts'
import type { Json } from '../../model/json.ts'

const wholeUpTo = 1_000

/**
 * What the journal keeps of a step's input. An input is only ever compared, because the run's code gives it again on
 * replay; so a long one (a prompt, a diff) is kept as its hash, and a short one whole, for whoever reads the journal.
 * Canonical JSON never begins with `sha256:`, so the two cannot be mistaken for each other.
 */
export function describeInput(input: Json | undefined): string {
  const text = canonicalJson(input ?? null)
  if (text.length <= wholeUpTo) return text
  return `sha256:${createHash('sha256').update(text).digest('hex')}:${text.length}`
}
