/**
 * Reads a command's words by `parseArgs` of `node:util`, with messages of our own. (A library for this would add 7 ms to
 * each start.)
 */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { FailureError } from '../model/failure.ts'

type Values<O extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: O }>>['values']

export interface Arguments<O extends ParseArgsOptionsConfig> {
  readonly values: Values<O>
  readonly positionals: readonly string[]
  /** What followed `--`; null without one. */
  readonly rest: readonly string[] | null
}

export interface ArgumentRules<O extends ParseArgsOptionsConfig> {
  /** The command's name, for messages. */
  readonly command: string
  readonly options: O
  /** How many words it takes besides options. What follows `--` counts, unless `rest` is set. */
  readonly count: readonly [least: number, most: number]
  /** What those words are, as the usage names them. */
  readonly words: string
  /** What follows `--` is kept apart. */
  readonly rest?: true
}

/** Throws a failure of kind `bad-input`. */
export async function readArguments<O extends ParseArgsOptionsConfig>(
  args: readonly string[],
  rules: ArgumentRules<O>,
): Promise<Arguments<O>> {
  const dashes = args.indexOf('--')
  const own = dashes === -1 ? args : args.slice(0, dashes)
  const rest = dashes === -1 ? null : args.slice(dashes + 1)
  // A list in Markdown starts with a dash, and is no option.
  const isText = (word: string): boolean => /^--?\s/.test(word)
  const parsed = parseArgs({
    args: own.map((word) => (isText(word) ? '-' : word)),
    options: rules.options,
    strict: false,
    tokens: true,
  })
  const values: Record<string, unknown> = {}
  const positionals: string[] = []
  for (const token of parsed.tokens) {
    if (token.kind === 'positional') positionals.push(own[token.index]!)
    if (token.kind !== 'option') continue
    const option = rules.options[token.name]
    if (option === undefined) return refuseOption(token.rawName, rules)
    const value = readValue(token, option.type, own, rules)
    if (option.multiple) values[token.name] = [...((values[token.name] as unknown[] | undefined) ?? []), value]
    else values[token.name] = value
  }
  const words = rules.rest || rest === null ? positionals : [...positionals, ...rest]
  requireCount(words, rules)
  return { values: values as Values<O>, positionals: words, rest: rules.rest ? rest : null }
}

interface OptionToken {
  readonly index: number
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function readValue(
  { index, rawName, value, inlineValue }: OptionToken,
  type: 'string' | 'boolean',
  own: readonly string[],
  rules: ArgumentRules<ParseArgsOptionsConfig>,
): string | true {
  if (type === 'boolean') {
    if (value !== undefined) throw wrongWords(`${rawName} takes no value`, rules)
    return true
  }
  if (value === undefined) throw wrongWords(`${rawName} needs a value`, rules)
  if (inlineValue) return value
  if (/^-./.test(value))
    throw wrongWords(`${rawName} needs a value; one that starts with a dash is given as ${rawName}=${value}`, rules)
  return own[index + 1]!
}

async function refuseOption(name: string, rules: ArgumentRules<ParseArgsOptionsConfig>): Promise<never> {
  const { findNearest } = await import('./suggest.ts')
  const near = findNearest(
    name,
    [...Object.keys(rules.options), 'help'].map((one) => `--${one}`),
  )
  throw wrongWords(`there is no option ${name}${near === null ? '' : `; did you mean ${near}?`}`, rules)
}

function requireCount(words: readonly string[], rules: ArgumentRules<ParseArgsOptionsConfig>): void {
  const [least, most] = rules.count
  if (words.length < least) throw wrongWords(`${rules.command} needs ${rules.words}`, rules)
  if (words.length <= most) return
  const what =
    most === 0 ? `${rules.command} takes no further words` : `${rules.command} takes only ${rules.words}; put a text in quotes`
  throw wrongWords(`${what}. Not understood: ${words.slice(most).join(' ')}`, rules)
}

/** A failure that names the command's help. */
export function wrongWords(what: string, rules: { readonly command: string }): FailureError {
  return new FailureError({ kind: 'bad-input', what, todo: `Its usage and examples: heddle help ${rules.command}` })
}
