import { FailureError } from '../model/failure.ts'

/** Where the user stands. */
export function currentFolder(): string {
  try {
    return process.cwd()
  } catch {
    throw new FailureError({
      kind: 'bad-input',
      what: 'the folder that you are in is gone',
      todo: 'Go to another one, and try again.',
    })
  }
}

/** What agents and checks get as their environment. */
export function currentEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined))
}
