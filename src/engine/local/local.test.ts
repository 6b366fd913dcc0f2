import { describeEngine } from '../contract.suite.ts'
import { local } from './harness.suite.ts'

describeEngine('local', local)
