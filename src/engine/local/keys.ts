/**
 * Refuses a key that would give two steps one attempt key. `claim` returns what is wrong, or null. Besides a key that is
 * used twice that is one that lies below a child's: the child's own steps have those.
 */
export function createKeys() {
  const claimed = new Set<string>()
  const children = new Set<string>()
  /** Every prefix of a claimed key that ends before a slash. */
  const folders = new Set<string>()

  return {
    claim(key: string, kind: string): string | null {
      if (claimed.has(key)) return `The key "${key}" is used twice`
      claimed.add(key)
      if (kind === 'child') {
        children.add(key)
        if (folders.has(key)) return `The child "${key}" has the key of a folder of other steps`
      }
      for (let slash = key.indexOf('/'); slash >= 0; slash = key.indexOf('/', slash + 1)) {
        const folder = key.slice(0, slash)
        if (children.has(folder)) return `The key "${key}" lies below the child "${folder}"`
        folders.add(folder)
      }
      return null
    },
  }
}
