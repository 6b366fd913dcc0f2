/**
 * Hands the outcomes of a run's steps to its code, one at a time, and lets the code come to rest in between. Journalled
 * steps are handed over in the order in which they first ended, so that whatever the code made of that order
 * (`Promise.race`, say) it makes of it again. (The contract forbids code that depends on it; this keeps a slip from
 * turning into an effect done twice.) A step that the code does not ask for again holds up none of the others.
 */
export interface Delivery {
  /** Hands over when its turn comes what was journalled as the end number `order`. */
  replay(order: number, handOver: () => void): void
  /** Hands over what has just ended. */
  deliver(handOver: () => void): void
  /** Hands over nothing any more. */
  close(): void
}

/** `orders` are those of the journalled ends, ascending. */
export function createDelivery(orders: readonly number[]): Delivery {
  const asked = new Map<number, () => void>()
  let position = 0
  let ended: (() => void)[] = []
  let head = 0
  let awake = false
  let closed = false

  const takeNext = (): (() => void) | undefined => {
    if (asked.size === 0) return takeEnded()
    let found = position
    while (!asked.has(orders[found] as number)) found++
    const order = orders[found] as number
    const handOver = asked.get(order)
    asked.delete(order)
    // Places that were skipped stay open, for a step that is asked for late.
    if (found === position) position++
    return handOver
  }
  const takeEnded = () => {
    const handOver = ended[head++]
    if (head < ended.length) return handOver
    ended = []
    head = 0
    return handOver
  }
  const wake = () => {
    if (awake || closed || (asked.size === 0 && ended.length === 0)) return
    awake = true
    process.nextTick(work)
  }
  const work = () => {
    if (!closed) takeNext()?.()
    queueMicrotask(rest)
  }
  /** A tick that is queued from a microtask comes after all the microtasks that handing over has set off. */
  const rest = () => {
    awake = false
    wake()
  }

  return {
    replay(order, handOver) {
      asked.set(order, handOver)
      wake()
    },
    deliver(handOver) {
      ended.push(handOver)
      wake()
    },
    close() {
      closed = true
      asked.clear()
      ended = []
    },
  }
}
