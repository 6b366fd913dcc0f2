import { describeFailure, exitCodeOf, FailureError, type Failure } from '../model/failure.ts'
import { cleanText } from './clean-text.ts'

/** Says what was wrong and what to do; gives the exit code. What is no failure that we expected is a bug of ours. */
export function reportError(error: unknown): number {
  const failure: Failure =
    error instanceof FailureError
      ? error.failure
      : { kind: 'internal', message: error instanceof Error ? error.message : String(error) }
  process.stderr.write(`heddle: ${cleanText(describeFailure(failure))}\n`)
  if (process.env.HEDDLE_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return exitCodeOf(failure)
}
