/** A command as one would type it in a shell. */
export const quoteCommand = (argv: readonly string[]): string => argv.map(quoteWord).join(' ')

function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
