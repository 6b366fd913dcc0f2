/**
 * Ids are strings that the compiler keeps apart. They are made in one place each (`src/lib/new-id.ts`, or by joining
 * other ids), and read from outside only through `src/api/contract.ts`.
 */
declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** `t` and nine characters of base 32, for example `t3k9x2m0qa`. All have the same length, so no id is a prefix of another. */
export type TaskId = Branded<'TaskId'>
/** `r` and nine characters of base 32. Also the id that `heddle answer` takes. */
export type RequestId = Branded<'RequestId'>
/** Names a run of the engine: `task/<task>/<attempt>`, and for children `<parent>/<key>`. */
export type RunId = Branded<'RunId'>
/** Names a session's folder below `HEDDLE_HOME/sessions`: `<task>-<attempt>-<what>`. */
export type SessionId = Branded<'SessionId'>
/** Hash of a commit or tree, in full. */
export type GitHash = Branded<'GitHash'>

export const taskRunId = (task: TaskId, attempt: number): RunId => `task/${task}/${attempt}` as RunId
/** One for each attempt, so that whoever stops and whoever discards at the same moment share it. */
export const closeRunId = (task: TaskId, attempt: number): RunId => `close/${task}/${attempt}` as RunId
