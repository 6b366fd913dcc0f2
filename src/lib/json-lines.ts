import { StringDecoder } from 'node:string_decoder'

/** What a splitter found: a line without its end, or notice that one was dropped because it was too long. */
export type Line = { readonly text: string } | { readonly tooLong: true; readonly start: string }

/**
 * Cuts a stream of bytes into lines. Holds at most `maxLength` characters; a longer line is dropped as a whole, and
 * reported once with its first 200 characters. Feed it chunks; `rest` tells whether a line is unfinished.
 */
export function createLineSplitter(
  maxLength: number,
  onLine: (line: Line) => void,
): { push(chunk: Uint8Array): void; rest(): string } {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let length = 0
  let dropping = false

  const take = (text: string): void => {
    if (dropping) return
    parts.push(text)
    length += text.length
    if (length <= maxLength) return
    onLine({ tooLong: true, start: parts.join('').slice(0, 200) })
    parts = []
    dropping = true
  }

  return {
    push(chunk) {
      const text = decoder.write(chunk)
      let from = 0
      for (;;) {
        const end = text.indexOf('\n', from)
        if (end === -1) break
        take(text.slice(from, end))
        if (!dropping) onLine({ text: parts.join('') })
        parts = []
        length = 0
        dropping = false
        from = end + 1
      }
      if (from < text.length) take(text.slice(from))
    },
    rest: () => parts.join(''),
  }
}

/** Parses JSON, or gives undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
