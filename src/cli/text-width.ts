/** How many columns of a terminal a text takes, so that tables line up also with other scripts and emoji. */

// oxlint-disable-next-line no-misleading-character-class -- ranges, not sequences
const NARROW = /^[\x20-\u02ff\u2010-\u2027\u2190-\u21ff\u2212\u2500-\u259f]*$/
const WIDE =
  /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u
const NO_WIDTH = /^[\p{Mark}\p{Cf}]+$/u

let segmenter: Intl.Segmenter | null = null

function splitCharacters(text: string): readonly string[] {
  // Made only when needed, because it takes a millisecond.
  segmenter ??= new Intl.Segmenter()
  return Array.from(segmenter.segment(text), (one) => one.segment)
}

const measureCharacter = (character: string): number => (NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1)

export function measureText(text: string): number {
  if (NARROW.test(text)) return text.length
  return splitCharacters(text).reduce((width, character) => width + measureCharacter(character), 0)
}

/** Cut with `…` to at most `width` columns. */
export function cutText(text: string, width: number): string {
  if (measureText(text) <= width) return text
  if (width < 1) return ''
  let cut = ''
  let left = width - 1
  for (const character of splitCharacters(text)) {
    left -= measureCharacter(character)
    if (left < 0) break
    cut += character
  }
  return `${cut.trimEnd()}…`
}

export const padText = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - measureText(text)))
