/**
 * Node's spec reporter, but closing with the counting lines in their `# tests 12` form: the last lines of a run are what
 * people and CI read first.
 */
import { spec as Spec } from 'node:test/reporters'
import { Readable } from 'node:stream'

export default async function* report(events) {
  const counts = []
  const withoutCounts = async function* () {
    for await (const event of events) {
      if (event.type === 'test:diagnostic' && isCount(event.data)) counts.push(`# ${event.data.message}\n`)
      else yield event
    }
  }
  yield* Readable.from(withoutCounts()).compose(new Spec())
  yield* ['\n', ...counts]
}

/** The counts of the whole run come without a file; a test's own diagnostics name theirs. */
function isCount({ file, nesting, message }) {
  return !file && nesting === 0 && /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /.test(message)
}
