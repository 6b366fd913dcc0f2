/**
 * Whether an agent's tool call may go on without a person. What stays inside the workspace is allowed, shell included;
 * what reaches outside asks. This is a convenience and not a sandbox: a shell command can hide what it does.
 */
import type { PermissionAction, PermissionRule, PermissionSettings } from '../model/settings.ts'

export interface ToolCall {
  /** ACP tool kind: `read`, `edit`, `delete`, `move`, `search`, `execute`, `think`, `fetch`, `other`, … */
  readonly kind: string
  readonly title: string
  /** The shell command of an `execute` call, where it is known. */
  readonly command: string | null
  /** Absolute paths. */
  readonly paths: readonly string[]
}

export interface Decision {
  readonly action: PermissionAction
  /** For the record and the inbox: which rule, or what reaches outside. */
  readonly reason: string
}

export function decidePermission(call: ToolCall, settings: PermissionSettings, inside: readonly string[]): Decision {
  const rule = settings.rules.find((one) => matchesRule(call, one))
  if (rule !== undefined)
    return {
      action: rule.action,
      reason: `rule${rule.tool === undefined ? '' : ` tool ${rule.tool}`}${rule.match === undefined ? '' : ` match ${rule.match}`}`,
    }
  if (settings.default !== null) return { action: settings.default, reason: 'permissions.default' }
  const reach = findReach(call, inside)
  return reach === null ? { action: 'allow', reason: 'stays inside the workspace' } : { action: 'ask', reason: reach }
}

function matchesRule(call: ToolCall, rule: PermissionRule): boolean {
  if (rule.tool !== undefined && rule.tool !== call.kind) return false
  if (rule.match === undefined) return true
  const subjects = [
    ...(call.command === null ? [] : [call.command]),
    ...call.paths,
    ...(call.command === null && call.paths.length === 0 ? [call.title] : []),
  ]
  return subjects.some((subject) => matchesWildcard(subject, rule.match!))
}

/** `*` stands for anything, `/` and spaces included, because commands are not paths. */
function matchesWildcard(text: string, pattern: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('[^]*')}$`).test(text)
}

/** What a call reaches outside the workspace, in words; null when nothing is seen. */
function findReach(call: ToolCall, inside: readonly string[]): string | null {
  if (call.command !== null) {
    const found = OUTSIDE_COMMANDS.find(([pattern]) => pattern.test(call.command!))
    if (found !== undefined) return found[1]
  }
  if (call.kind === 'fetch') return 'reaches the network'
  const stray = call.paths.find((path) => !inside.some((folder) => path === folder || path.startsWith(`${folder}/`)))
  if (stray !== undefined && call.kind !== 'read' && call.kind !== 'search') return `reaches outside the workspace: ${stray}`
  return null
}

/** A word of a command line: at its start, or behind what separates commands, also within a quoted script. */
const word = (source: string): RegExp => new RegExp(String.raw`(?:^|[\s;&|("'\x60=/])(?:${source})(?=$|[\s;&|)"'\x60])`)

const OUTSIDE_COMMANDS: readonly (readonly [RegExp, string])[] = [
  [word(String.raw`git(?:\s+-[^\s]+(?:\s+[^\s-][^\s]*)?)*\s+push`), 'pushes to a remote'],
  [word(String.raw`(?:sudo|doas|su|pkexec)`), 'runs as another user'],
  [
    word(String.raw`(?:npm|pnpm|yarn|bun|cargo|poetry|uv|gem|twine)\s+(?:[^;&|]*\s)?(?:publish|upload|unpublish)`),
    'publishes a package',
  ],
  [word(String.raw`twine\s+upload|gem\s+push|docker\s+push|podman\s+push|helm\s+push`), 'publishes'],
  [word(String.raw`gh\s+(?:pr|release|issue|repo|api|workflow|secret)`), 'reaches the code host'],
  [
    word(
      String.raw`(?:kubectl|helm|terraform|tofu|pulumi|ansible-playbook|serverless|vercel|netlify|fly|flyctl|heroku|gcloud|aws|az|wrangler|cdk|sls)\s+[^\s]+`,
    ),
    'reaches a deployed system',
  ],
  [word(String.raw`[\w:./-]*(?:deploy)[\w:./-]*`), 'deploys'],
  [word(String.raw`(?:ssh|scp|rsync|sftp|ftp)`), 'reaches another machine'],
  [
    word(
      String.raw`(?:prisma\s+migrate|rails\s+db:\w+|rake\s+db:\w+|alembic\s+(?:upgrade|downgrade)|flyway|liquibase|knex\s+migrate\S*|sequelize\s+db:\S+|manage\.py\s+migrate|typeorm\s+migration:\S+|drizzle-kit\s+(?:push|migrate))`,
    ),
    'migrates a database that is not leased',
  ],
  [word(String.raw`(?:shutdown|reboot|halt|poweroff|systemctl|service|launchctl|crontab)`), 'changes the machine'],
]
