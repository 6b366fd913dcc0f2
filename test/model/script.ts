/**
 * The script that a prompt carries, and where in it a conversation stands. The model server keeps no state: everything is
 * read off the conversation that each request brings along, so any number of agents may share one server.
 *
 *     Please do it. <steps>[{"write":{"path":"a.txt","content":"hi"}},{"say":"done"}]</steps>
 *
 * A message may hold several blocks: the first is for its own turn, each next one for the next user turn that brings none
 * (a check that failed, a review's comments).
 */

export type Step = StepAction & StepModifiers

export type StepAction =
  | { readonly say: string }
  | { readonly write: { readonly path: string; readonly content: string } }
  | { readonly edit: { readonly path: string; readonly old: string; readonly new: string } }
  | { readonly read: { readonly path: string } }
  | { readonly bash: string }
  /** An answer that begins and never ends. */
  | { readonly hang: true }

export interface StepModifiers {
  /** Wait before the first byte of the answer. */
  readonly delayMs?: number
  /** The first `times` requests that reach this step get this HTTP status; `retryAfter` is in seconds. */
  readonly fail?: { readonly status: number; readonly times: number; readonly retryAfter?: number }
  /** What the answer says it cost, in tokens. */
  readonly usage?: { readonly input?: number; readonly output?: number }
  /** Asks to leave the sandbox, for agents whose shell tool lets the model ask: codex, which refuses it in its no-ask mode. */
  readonly escalate?: boolean
}

/** What was said so far, with the differences between the dialects taken out. */
export type Turn =
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly calls: number }
  | { readonly role: 'tool'; readonly text: string }

/** Where a conversation stands: step `step` of block `block` of the last message that holds a script. */
export interface Position {
  readonly blocks: readonly (readonly Step[])[]
  readonly block: number
  readonly step: number
  /** The script and the position in words: the same for a request that is tried again. */
  readonly key: string
}

/** The blocks of a message, in order. Throws on a block that is no JSON array, so that a typing error in a test is seen. */
export function parseScript(message: string): Step[][] {
  return Array.from(message.matchAll(/<steps>([\s\S]*?)<\/steps>/g), ([, json = '']) => {
    const steps: unknown = JSON.parse(json)
    if (!Array.isArray(steps)) throw new TypeError(`a <steps> block must be a JSON array: ${json.slice(0, 200)}`)
    return steps as Step[]
  })
}

/** Where the conversation stands, or null when nobody gave it a script. */
export function findPosition(turns: readonly Turn[]): Position | null {
  const start = turns.findLastIndex((turn) => turn.role === 'user' && turn.text.includes('<steps>'))
  const message = turns[start]
  if (!message) return null
  const blocks = parseScript(message.text)
  if (blocks.length === 0) return null

  let block = 0
  let step = 0
  let ended = false
  for (const turn of turns.slice(start + 1)) {
    // claude answers its own "Continue from where you left off." so when a session is loaded that was killed in mid-turn.
    if (turn.role === 'assistant' && turn.text !== 'No response requested.') {
      ended = turn.calls === 0
      if (!ended) step += 1
    } else if (turn.role === 'user') {
      if (isInterruption(turn.text)) ended = true
      // A turn that broke off (a failure, a killed agent) goes on where it was, unless the script foresaw that.
      else if (!isNoteOfAgent(turn.text) && (ended || block + 1 < blocks.length)) {
        block += 1
        step = 0
        ended = false
      }
    }
  }
  return { blocks, block, step, key: `${message.text}\n${block}/${step}` }
}

/** The step to play at a position. After the end of a script the model has nothing more to do, and says so. */
export function stepAt(position: Position): Step {
  return position.blocks[position.block]?.[position.step] ?? { say: 'The script has nothing more to do.' }
}

/** How claude and codex tell the model that the turn before was cancelled. */
function isInterruption(text: string): boolean {
  return /^\s*(\[Request interrupted by user|<turn_aborted>)/.test(text)
}

/** What an agent says in the user's role between two tool calls: nothing but tags such as `<system-reminder>…</system-reminder>`. */
function isNoteOfAgent(text: string): boolean {
  const notes =
    /<(system-reminder|task-notification|environment_context|user_instructions|permissions instructions)>[\s\S]*?<\/\1>/g
  const words = text.replace(notes, '').trim()
  return words === '' || words === 'Continue from where you left off.'
}
