/** Loaded only after a word that nothing knows. */
import { distance } from 'fastest-levenshtein'
import { FailureError } from '../model/failure.ts'

/** The known word that was probably meant; null when none is near. */
export function findNearest(word: string, known: readonly string[]): string | null {
  const [best] = known.map((one) => ({ one, far: distance(word, one) })).toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far <= Math.max(1, Math.floor(word.length / 3)) ? best.one : null
}

export function refuseCommand(word: string, known: readonly string[]): never {
  const near = findNearest(word, known)
  throw new FailureError({
    kind: 'bad-input',
    what: `there is no command \`${word}\`${near === null ? '' : `; did you mean \`${near}\`?`}`,
    todo: 'See all commands with: heddle help',
  })
}
