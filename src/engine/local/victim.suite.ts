/** The program that the contract suite kills. Its argument is the journal's path. */
import { systemClock } from '../../lib/clock.ts'
import type { Signatures } from '../contract.ts'
import { runVictim } from '../suite/victim.suite.ts'
import { createLocalEngine } from './local.ts'

runVictim((activities, runs) =>
  createLocalEngine<Signatures, Signatures>({ journal: String(process.argv[2]), clock: systemClock, activities, runs }),
)
