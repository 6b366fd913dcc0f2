import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes a whole file or nothing: a reader, also after a crash, sees the old content or the new. */
export async function writeFileAtomically(path: string, content: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`
  const file = await open(temporary, 'wx', mode)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

/** Null where there is no such file. */
export async function loadText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** The last `bytes` of a file as text, without a character cut in half; empty where there is no such file. */
export async function loadTail(path: string, bytes: number): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      const length = Math.min(size, bytes)
      const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
      const text = buffer.toString('utf8')
      return size > bytes ? `…${text.replace(/^�+/, '')}` : text
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isMissing(error)) return ''
    throw error
  }
}

/** Makes the folder and all above it, for this user only. */
export async function makePrivateFolder(path: string): Promise<void> {
  // Not `recursive: true`: in Node 24 that spins for ever where a folder is there but refuses with ENOENT, as /proc does.
  const make = (): Promise<void> =>
    mkdir(path, { mode: 0o700 }).catch(async (error: unknown) => {
      if (errorCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
    })
  try {
    await make()
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makePrivateFolder(dirname(path))
    await make()
  }
}

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/**
 * Takes a folder out of the way at once, and deletes it in the background: a rename takes a millisecond where deleting
 * takes seconds. The trash folder must be on the same file system; what is left in it is deleted at the next start.
 */
export async function removeFolder(path: string, trash: string): Promise<void> {
  await makePrivateFolder(trash)
  const grave = `${trash}/${randomBytes(8).toString('hex')}`
  try {
    await rename(path, grave)
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  void rm(grave, { recursive: true, force: true }).catch(() => {})
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
