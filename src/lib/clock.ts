/** Time, as a thing that is handed in, so that tests own it. */
export interface Clock {
  /** Unix time in ms. */
  now(): number
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    // setTimeout fires at once for delays past 2^31-1 ms (24.8 days), so longer ones are taken in parts.
    const part = Math.min(Math.max(ms, 0), 2 ** 31 - 1)
    let cancelNext: (() => void) | null = null
    const timer = setTimeout(() => {
      if (part < ms) cancelNext = systemClock.after(ms - part, callback)
      else callback()
    }, part)
    return () => {
      clearTimeout(timer)
      cancelNext?.()
    }
  },
}
