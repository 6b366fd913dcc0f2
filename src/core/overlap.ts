/**
 * Whether two globs can match the same path. Known: `*`, `?`, `**`, `{a,b}`; `[…]` counts as any one character. A path
 * without a glob stands for the file or for all below the folder.
 */
export function globsOverlap(a: string, b: string): boolean {
  return expand(a).some((one) => expand(b).some((other) => canMeet(one, other)))
}

/** The first pair that overlaps; null when none does. */
export function findOverlap(as: readonly string[], bs: readonly string[]): readonly [string, string] | null {
  for (const a of as) for (const b of bs) if (globsOverlap(a, b)) return [a, b]
  return null
}

/** `one`: any character but `/`; `some`: any number of those; `all`: any number of any. */
type Token = string | { readonly any: 'one' | 'some' | 'all' }

function expand(glob: string): Token[][] {
  const path = glob.replace(/^\.?\//, '').replace(/\/+$/, '')
  const paths = expandBraces(path).flatMap((each) => (/[*?[]/.test(each.split('/').at(-1) ?? '') ? [each] : [each, `${each}/**`]))
  return paths.flatMap(expandDeepFolders).map(tokenize)
}

/** Innermost braces first, so that nested ones come out right. */
function expandBraces(glob: string): string[] {
  const match = /\{([^{}]*)\}/.exec(glob)
  if (match === null) return [glob]
  const before = glob.slice(0, match.index)
  const after = glob.slice(match.index + match[0].length)
  return match[1]!.split(',').flatMap((choice) => expandBraces(before + choice + after))
}

/** `**` followed by `/` stands for any folders, or for none. */
function expandDeepFolders(glob: string): string[] {
  const at = glob.indexOf('**/')
  if (at === -1) return [glob]
  const before = glob.slice(0, at)
  return expandDeepFolders(glob.slice(at + 3)).flatMap((rest) => [before + rest, `${before}**/${rest}`])
}

function tokenize(glob: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < glob.length; at++) {
    if (glob.startsWith('**', at)) {
      tokens.push({ any: 'all' })
      at++
    } else if (glob[at] === '*') tokens.push({ any: 'some' })
    else if (glob[at] === '?') tokens.push({ any: 'one' })
    else if (glob[at] === '[' && glob.includes(']', at)) {
      tokens.push({ any: 'one' })
      at = glob.indexOf(']', at)
    } else tokens.push(glob[at]!)
  }
  return tokens
}

/** Walks both at once; `dead` remembers pairs of positions that lead nowhere, so the walk is at most a.length x b.length. */
function canMeet(a: readonly Token[], b: readonly Token[]): boolean {
  const dead = new Set<number>()
  const meet = (i: number, j: number): boolean => {
    if (i === a.length && j === b.length) return true
    const position = i * (b.length + 1) + j
    if (dead.has(position)) return false
    const found =
      (isMany(a[i]) && (meet(i + 1, j) || (j < b.length && !isMany(b[j]) && accepts(a[i]!, b[j]!) && meet(i, j + 1)))) ||
      (isMany(b[j]) && (meet(i, j + 1) || (i < a.length && !isMany(a[i]) && accepts(b[j]!, a[i]!) && meet(i + 1, j)))) ||
      (i < a.length && j < b.length && !isMany(a[i]) && !isMany(b[j]) && accepts(a[i]!, b[j]!) && meet(i + 1, j + 1))
    if (!found) dead.add(position)
    return found
  }
  return meet(0, 0)
}

const isMany = (token: Token | undefined): boolean => typeof token === 'object' && token.any !== 'one'

/** Whether some one character fits both. */
function accepts(a: Token, b: Token): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b
  const wide = (token: Token): boolean => typeof token === 'object' && token.any === 'all'
  if (typeof a === 'string') return a !== '/' || wide(b)
  if (typeof b === 'string') return b !== '/' || wide(a)
  return true
}
