/**
 * What each real agent needs so that it runs against the scripted model (`test/model/server.ts`), in a home folder of its
 * own. The facts are from trying them; all agents may share one home and one environment, since their settings do not meet.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'

export type RealAgentName = keyof typeof realAgents

interface RealAgent {
  /** Speaks ACP on its standard input and output. */
  readonly acp: readonly string[]
  readonly env: (modelUrl: string) => Readonly<Record<string, string>>
  /** Files in the home folder, by their path in it. */
  readonly files: (modelUrl: string) => Readonly<Record<string, string>>
  /** The mode in which it asks a person, and the one in which it never does. */
  readonly modes: { readonly ask: string; readonly allow: string }
}

/** Where `installAgents` puts the commands. */
export const agentsBin = path.join(import.meta.dirname, 'node_modules/.bin')

export const realAgents = {
  claude: {
    acp: ['claude-agent-acp'],
    env: (modelUrl) => ({
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: 'dummy',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      // By itself it tries a failed request again for minutes.
      CLAUDE_CODE_MAX_RETRIES: '2',
      DISABLE_AUTOUPDATER: '1',
      // Without it, it refuses its no-ask mode to root.
      IS_SANDBOX: '1',
    }),
    files: () => ({}),
    modes: { ask: 'default', allow: 'bypassPermissions' },
  },
  codex: {
    acp: ['codex-acp'],
    env: () => ({ MODEL_PROVIDER: 'scripted', SCRIPTED_MODEL_KEY: 'dummy', NO_BROWSER: '1' }),
    files: (modelUrl) => ({ '.codex/config.toml': codexConfig(modelUrl) }),
    modes: { ask: 'workspace-write', allow: 'agent-full-access' },
  },
} satisfies Record<string, RealAgent>

const names = Object.keys(realAgents) as RealAgentName[]

/**
 * Writes the agents' files into `home` and returns the whole environment for a process that starts agents. Nothing of the
 * environment at hand is in it, so that no test reaches a real account.
 */
export async function seedAgents(home: string, modelUrl: string): Promise<Record<string, string>> {
  for (const name of names) {
    const agent: RealAgent = realAgents[name]
    for (const [file, text] of Object.entries(agent.files(modelUrl))) {
      await mkdir(path.join(home, path.dirname(file)), { recursive: true })
      await writeFile(path.join(home, file), text)
    }
  }
  const own = names.map((name) => realAgents[name].env(modelUrl))
  return { HOME: home, PATH: agentsPath(), LANG: 'C.UTF-8', TERM: 'dumb', NO_COLOR: '1', ...Object.assign({}, ...own) }
}

/** The agents first, then the Node that runs the tests, since the agents' commands are scripts for `node`. */
function agentsPath(): string {
  return [agentsBin, path.dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(path.delimiter)
}

/** The model's name must be one that codex knows: on it depends which tools it offers. */
function codexConfig(modelUrl: string): string {
  return `model = "gpt-5.5"
model_provider = "scripted"
check_for_update_on_startup = false

[analytics]
enabled = false

[model_providers.scripted]
name = "Scripted model"
base_url = "${modelUrl}/v1"
wire_api = "responses"
env_key = "SCRIPTED_MODEL_KEY"
request_max_retries = 1
stream_max_retries = 1
`
}
