import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { FailureError } from '../model/failure.ts'

/** The word itself, or all of the standard input when it is `-`. `what` names it in the message when it is empty. */
export async function readText(word: string, what: string): Promise<string> {
  const text = word === '-' ? await readAll(process.stdin) : word
  if (text.trim() !== '') return text
  throw new FailureError({
    kind: 'bad-input',
    what: `the ${what} is empty`,
    todo: `Give it in quotes, or - to read it from the standard input.`,
  })
}

/** A file's text, or the standard input's for `-`. `name` is what messages call it. */
export async function loadTextFile(file: string): Promise<{ readonly name: string; readonly text: string }> {
  if (file === '-') return { name: 'stdin', text: await readAll(process.stdin) }
  try {
    return { name: file, text: await readFile(file, 'utf8') }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : message
    throw new FailureError({
      kind: 'bad-input',
      what: `${file} cannot be read: ${why}`,
      todo: 'Name a file, or - for the standard input.',
    })
  }
}
