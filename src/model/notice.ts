/** Told once, when it matters: a task needs a person, or has ended. */
export interface Notice {
  /** One line: name, what happened, what changed, what to type. */
  readonly text: string
  readonly urgent: boolean
}
