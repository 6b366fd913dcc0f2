/** A name from the prompt's first words: what a person would type to name the task again. */
export function suggestName(prompt: string): string {
  const words = prompt
    .replaceAll(/<steps>[^]*?(<\/steps>|$)/g, ' ')
    .replaceAll(/['’]/g, '')
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu)
  const telling = (words ?? []).filter((word) => !FILLERS.has(word))
  let name = ''
  for (const word of telling.slice(0, 4)) {
    if (name !== '' && name.length + word.length > 30) break
    name = name === '' ? word.slice(0, 30) : `${name}-${word}`
  }
  return name === '' ? 'task' : name
}

const FILLERS = new Set([
  'a',
  'an',
  'and',
  'as',
  'at',
  'be',
  'for',
  'from',
  'in',
  'is',
  'it',
  'of',
  'on',
  'please',
  'so',
  'that',
  'the',
  'then',
  'this',
  'to',
  'with',
  'you',
])

/** The first of `name`, `name-2`, `name-3`, … that is not taken. */
export function freeName(name: string, taken: (name: string) => boolean): string {
  if (!taken(name)) return name
  for (let count = 2; ; count++) if (!taken(`${name}-${count}`)) return `${name}-${count}`
}

/** What is wrong with a name as part of a branch and a folder; null when nothing is. Rules of git-check-ref-format(1). */
export function findNameProblem(name: string): string | null {
  if (!/^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]*$/u.test(name))
    return 'must begin with a letter or digit and have only letters, digits, `.`, `_` and `-`'
  if (name.includes('..')) return 'must not have `..`'
  if (name.endsWith('.') || name.endsWith('.lock')) return 'must not end with `.` or `.lock`'
  if (new TextEncoder().encode(name).length > 100) return 'is longer than 100 bytes'
  return null
}
