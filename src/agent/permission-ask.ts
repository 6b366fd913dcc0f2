/** Reads what agents send with `session/request_permission`; they differ in what they leave out. */
import type { PermissionAsk } from './contract.ts'

interface Option {
  readonly optionId?: string
  readonly kind?: string
}

export function readAsk(params: Record<string, unknown>, key: string): PermissionAsk {
  const call = (params.toolCall ?? {}) as {
    kind?: string
    title?: string
    rawInput?: Record<string, unknown>
    locations?: readonly { path?: string }[]
  }
  const raw = call.rawInput ?? {}
  const paths = [...(call.locations ?? []).map((location) => location.path), raw.file_path, raw.path].filter(
    (path): path is string => typeof path === 'string' && path.startsWith('/'),
  )
  return {
    key,
    kind: call.kind ?? 'other',
    title: call.title ?? 'something it does not name',
    command: readCommand(raw),
    paths: [...new Set(paths)],
  }
}

function readCommand(raw: Record<string, unknown>): string | null {
  const command = raw.command ?? raw.cmd
  if (typeof command === 'string') return command
  if (Array.isArray(command)) return command.join(' ')
  return null
}

type Outcome = { readonly outcome: 'selected'; readonly optionId: string } | { readonly outcome: 'cancelled' }

/**
 * How to say yes and no to this question. By the options' kinds, because their ids and order differ from agent to agent;
 * once rather than always, because the policy and not the agent remembers.
 */
export function readOptions(params: Record<string, unknown>): { readonly allow: Outcome; readonly deny: Outcome } {
  const options = Array.isArray(params.options) ? (params.options as readonly Option[]) : []
  const pick = (...kinds: readonly string[]): Outcome => {
    for (const kind of kinds) {
      const option = options.find((one) => one.kind === kind)
      if (option?.optionId !== undefined) return { outcome: 'selected', optionId: option.optionId }
    }
    return { outcome: 'cancelled' }
  }
  return { allow: pick('allow_once', 'allow_always'), deny: pick('reject_once', 'reject_always') }
}
