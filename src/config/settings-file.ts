import { z } from 'zod'
import { ok, type Result } from '../model/failure.ts'
import { DEFAULT_SETTINGS, type Settings } from '../model/settings.ts'
import { readYaml } from './yaml-file.ts'

export const SETTINGS_FILE = 'heddle.yaml'

const argv = z.array(z.string()).min(1)
const environment = z.record(z.string(), z.string()).optional()
const action = z.enum(['allow', 'ask', 'deny'])
const minutes = z.number().positive()
const command = z.string().min(1)

const SettingsSchema = z.strictObject({
  agent: z.string().optional(),
  agents: z
    .record(
      z.string(),
      z.union([z.strictObject({ acp: argv, env: environment }), z.strictObject({ command: argv, env: environment })]),
    )
    .optional(),
  concurrency: z.int().min(1).max(1000).optional(),
  rounds: z.int().min(1).max(100).optional(),
  stallMinutes: minutes.optional(),
  checkMinutes: minutes.optional(),
  checks: z.array(command).optional(),
  permissions: z
    .strictObject({
      default: action.optional(),
      rules: z.array(z.strictObject({ action, tool: z.string().optional(), match: z.string().optional() })).optional(),
    })
    .optional(),
  review: z.strictObject({ by: z.enum(['person', 'checks']) }).optional(),
  branchPrefix: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/,
      'must be letters, digits, `.`, `_`, `-`, and `/` between',
    )
    .optional(),
})

/** Reads the text of a `heddle.yaml`; null (there is none) gives the defaults. */
export function readSettings(text: string | null): Result<Settings> {
  if (text === null) return ok(DEFAULT_SETTINGS)
  const file = readYaml(SETTINGS_FILE, text, SettingsSchema)
  if (!file.ok) return file
  const { permissions, agent, agents, ...rest } = file.value.value
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return ok({
    ...DEFAULT_SETTINGS,
    ...given,
    agent: agent ?? null,
    agents: (agents ?? {}) as Settings['agents'],
    permissions: {
      default: permissions?.default ?? null,
      rules: (permissions?.rules ?? []) as Settings['permissions']['rules'],
    },
  })
}
