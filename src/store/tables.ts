import type { Generated } from 'kysely'

/** The tables as both databases have them. `body` holds JSON; what is looked up by has a column of its own. */
export interface Tables {
  tasks: { id: string; repo: string; name: string; created_at: number; ended_at: number | null; body: string }
  requests: { id: string; task: string; opened_at: number; open: number; body: string }
  events: { seq: Generated<number>; task: string; at: number; key: string; body: string }
}
