import { cleanText } from './clean-text.ts'
import type { Paint } from './paint.ts'

/** A diff for a person at a terminal; what a terminal would obey is taken out, so it is no longer a patch. */
export function writeDiff(text: string, paint: Paint): string {
  let inHeader = true
  return cleanText(text)
    .split('\n')
    .map((line) => {
      if (line.startsWith('diff --git ')) inHeader = true
      if (line.startsWith('@@')) {
        inHeader = false
        return paint('cyan', line)
      }
      if (inHeader) return paint('bold', line)
      return line.startsWith('+') ? paint('green', line) : line.startsWith('-') ? paint('red', line) : line
    })
    .join('\n')
}
