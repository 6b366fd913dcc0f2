import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine, Signatures } from '../contract.ts'
import type { Implementation } from '../suite/harness.suite.ts'
import { createManualClock, runId } from '../suite/harness.suite.ts'
import { createLocalEngine, type LocalEngineOptions } from './local.ts'

export const local: Implementation = { createHarness, victim: new URL('./victim.suite.ts', import.meta.url) }

async function createHarness() {
  const folder = await mkdtemp(join(tmpdir(), 'heddle-engine-'))
  const journal = join(folder, 'journal.db')
  const clock = createManualClock()
  let engine: Engine | null = null
  let crash: { commit: number; moment: string; happened: () => void } | null = null

  return {
    clock,
    journal,
    async start(tables: Pick<LocalEngineOptions<Signatures, Signatures>, 'activities' | 'runs'>) {
      const planned = crash
      crash = null
      let commit = -1
      const atCommit = (moment: 'before' | 'after') => {
        if (moment === 'before') commit++
        if (crash) throw new Error('crash')
        if (planned?.commit !== commit || planned.moment !== moment) return
        engine = null
        // Later, so that the one who waits finds the journal closed.
        setImmediate(planned.happened)
        throw new Error('crash')
      }
      engine = createLocalEngine({ journal, clock, ...tables, atCommit, onBroken: () => {} })
      return engine
    },
    async crash() {
      crash = { commit: 0, moment: 'before', happened: () => {} }
      // Any write will do: it is the commit that crashes. Until then nothing has any effect.
      await engine?.signal(runId('crash'), 'crash', null).catch(() => {})
      engine = null
      crash = null
    },
    crashAt(commit: number, moment: 'before' | 'after') {
      return new Promise<void>((happened) => {
        crash = { commit, moment, happened }
      })
    },
    async close() {
      await this.crash()
      await rm(folder, { recursive: true, maxRetries: 3 })
    },
  }
}
