/** Loaded only after a word that nothing knows. */
import { distance } from 'fastest-levenshtein'
import { FailureError } from '../model/failure.ts'

/** The known word that was probably meant; null when none is near. Two letters that changed places count as two mistakes. */
export function findNearest(word: string, known: readonly string[]): string | null {
  const [best] = known.map((one) => ({ one, far: distance(word, one) })).toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far < word.length && best.far <= Math.max(2, Math.floor(word.length / 3)) ? best.one : null
}

export function refuseCommand(word: string, known: readonly string[]): never {
  const near = findNearest(word, known)
  const what = word.startsWith('-') ? 'option' : 'command'
  throw new FailureError({
    kind: 'bad-input',
    what: `there is no ${what} \`${word}\`${near === null ? '' : `; did you mean \`${near}\`?`}`,
    todo: 'See all commands with: heddle help',
  })
}
