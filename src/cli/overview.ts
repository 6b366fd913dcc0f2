import { COMMANDS } from './commands.ts'

export function writeShortOverview(): string {
  return `Heddle runs coding agents side by side, each in a workspace of its own, and lands their proved work.

  heddle run "Mend the login form"  give an agent a task, in the background
  heddle ps --watch                 see what all of them are doing
  heddle inbox                      see what waits for you
  heddle approve TASK               land a change that you have reviewed

All commands: heddle --help`
}

export function writeOverview(): string {
  const entries = Object.entries(COMMANDS)
  const groups = [...new Set(entries.map(([, entry]) => entry.group))].map((group) => {
    const lines = entries.filter(([, entry]) => entry.group === group)
    return `${group}\n${lines.map(([name, entry]) => `  ${name.padEnd(12)}${entry.summary}`).join('\n')}`
  })
  return `Usage: heddle COMMAND [WORDS]

Runs coding agents side by side, each in a workspace of its own, and lands their proved work.

${groups.join('\n\n')}

Options
  -h, --help     this text; after a command, all about that one
  -v, --version  the version

A TASK is given by its name, its id, or the start of either that only one has.

Examples
  heddle run "Mend the login form" --check "npm test"
  heddle run --plan plan.yaml --wait
  heddle help run

Exit codes: 0 done, 1 what was asked failed, 2 wrong words, 3 no daemon, 4 a person is needed, 124 timed out.
State is kept in HEDDLE_HOME (without it, ~/.local/state/heddle). NO_COLOR turns colours off.`
}
