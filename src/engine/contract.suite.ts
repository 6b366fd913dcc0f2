/** The suite that every engine passes. It knows nothing of an engine but its contract. */
import { describe } from 'node:test'
import { testCancel } from './suite/cancel.suite.ts'
import { testChildren } from './suite/children.suite.ts'
import type { Implementation } from './suite/harness.suite.ts'
import { testKills } from './suite/kills.suite.ts'
import { testLanes } from './suite/lanes.suite.ts'
import { testRandomRuns } from './suite/random.suite.ts'
import { testSignals } from './suite/signals.suite.ts'
import { testSteps } from './suite/steps.suite.ts'

export function describeEngine(name: string, implementation: Implementation): void {
  describe(`the ${name} engine`, () => {
    describe('steps', () => testSteps(implementation))
    describe('signals', () => testSignals(implementation))
    describe('children', () => testChildren(implementation))
    describe('cancel', () => testCancel(implementation))
    describe('lanes', () => testLanes(implementation))
    describe('killed with SIGKILL', () => testKills(implementation))
    describe('random runs', () => testRandomRuns(implementation))
  })
}
