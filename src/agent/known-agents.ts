/** The agents that Heddle knows how to start. Everything else about them comes from `initialize`. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findOnPath, type CommandPlaces } from '../lib/find-on-path.ts'
import { failed, ok, type Result } from '../model/failure.ts'
import type { Settings } from '../model/settings.ts'
import type { AgentProgram } from './contract.ts'

type Row = Omit<AgentProgram, 'name' | 'protocol'>

/** Seen with claude-agent-acp 0.49 and codex-acp 2.6. */
const KNOWN: Readonly<Record<string, Row>> = {
  claude: {
    argv: ['claude-agent-acp'],
    env: {},
    authMethod: null,
    askMode: 'default',
    wantsGitFolders: false,
    install: 'Install it with: npm install --global @agentclientprotocol/claude-agent-acp',
  },
  codex: {
    argv: ['codex-acp'],
    // It would open a browser to log in, on a machine where nobody may be looking.
    env: { NO_BROWSER: '1' },
    authMethod: null,
    // Its default mode lets a second model approve what leaves the sandbox; here a person does.
    askMode: 'workspace-write',
    wantsGitFolders: true,
    install: 'Install it with: npm install --global @agentclientprotocol/codex-acp',
  },
  scripted: {
    argv: [process.execPath, scriptedAgent()],
    env: {},
    authMethod: null,
    askMode: null,
    wantsGitFolders: false,
    install: '',
  },
}

function knownAgents(settings: Settings): string[] {
  return [...new Set([...Object.keys(settings.agents), ...Object.keys(KNOWN)])]
}

/** The named agent, else the configured one, else the first known one that is installed. Checks that it can be started. */
export function resolveAgent(name: string | null, settings: Settings, where: CommandPlaces): Result<AgentProgram> {
  const wanted = name ?? settings.agent ?? findInstalled(where)
  if (wanted === null) {
    return failed({
      kind: 'bad-input',
      what: `no agent was named, and neither of the known ones (${realAgents().join(', ')}) is installed`,
      todo: `Name one with --agent, or with \`agent:\` in heddle.yaml. ${KNOWN.claude!.install}`,
    })
  }
  const own = settings.agents[wanted]
  const row = KNOWN[wanted]
  if (own === undefined && row === undefined)
    return failed({ kind: 'unknown-agent', agent: wanted, known: knownAgents(settings) })
  const program: AgentProgram =
    own === undefined
      ? { name: wanted, protocol: 'acp', ...row! }
      : {
          name: wanted,
          protocol: 'acp' in own ? 'acp' : 'command',
          argv: 'acp' in own ? own.acp : own.command,
          env: own.env ?? {},
          authMethod: null,
          askMode: row?.askMode ?? null,
          wantsGitFolders: row?.wantsGitFolders ?? false,
          install: `It is configured under \`agents.${wanted}\` in heddle.yaml.`,
        }
  const [command = '', ...words] = program.argv
  const found = findOnPath(command, { ...where, path: program.env.PATH ?? where.path })
  if (found === null) return failed({ kind: 'agent-not-installed', agent: wanted, command, todo: program.install })
  return ok(command.includes('/') ? { ...program, argv: [found, ...words] } : program)
}

const realAgents = (): string[] => Object.keys(KNOWN).filter((name) => name !== 'scripted')

function findInstalled(where: CommandPlaces): string | null {
  return realAgents().find((name) => findOnPath(KNOWN[name]!.argv[0]!, where) !== null) ?? null
}

function scriptedAgent(): string {
  const source = fileURLToPath(new URL('../demo/agent.ts', import.meta.url))
  return existsSync(source) ? source : source.replace(/ts$/, 'js')
}
