/** Prints facts for programs; indented for a person who looks at a terminal, unless it must be one line. */
export function printJson(value: unknown, form: 'document' | 'line' = 'document'): void {
  const text = JSON.stringify(value, null, process.stdout.isTTY && form === 'document' ? 2 : undefined)
  // JSON allows U+007F to U+009F, some of which a terminal obeys.
  const escaped = text.replaceAll(/[\u007f-\u009f]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
  process.stdout.write(`${escaped}\n`)
}

export function printLines(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}
