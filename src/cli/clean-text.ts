// Escape sequences go as a whole, lest their letters stay: CSI; OSC, DCS and the like up to their end; and short ones.
const SEQUENCES = new RegExp(
  [
    String.raw`(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?`,
    String.raw`(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?`,
    String.raw`\x1b[ -/]*[0-~]?`,
  ].join('|'),
  'g',
)
// Besides control characters, those that turn the direction of text, which can make code read as what it is not.
// oxlint-disable-next-line no-control-regex -- they are what we look for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g

/** Text of agents and repositories, without what a terminal would obey. Line ends and tabs stay. */
export function cleanText(text: string): string {
  return text.replaceAll(SEQUENCES, '').replaceAll(/\r\n?/g, '\n').replaceAll(CONTROLS, '')
}

/** The same as one line. */
export const cleanLine = (text: string): string => cleanText(text).replaceAll(/\s+/g, ' ').trim()
