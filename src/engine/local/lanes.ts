/**
 * Lanes: one step at a time, in the order in which they asked, over all runs. A turn belongs to a step, and
 * is either waiting, holding or over; the engine remakes the turns from the journal before any run goes on, so a turn can
 * come up before its step has been asked for again.
 */
export interface Turn {
  readonly lane: string
  state: 'waiting' | 'holding' | 'over'
  enter: (() => void) | null
  next: Turn | null
}

export type Lanes = ReturnType<typeof createLanes>

export function createLanes() {
  /** The last turn of each lane that someone holds. From the holder on, the turns are a linked list; those that are over
   * drop out when they come up. */
  const lastTurns = new Map<string, Turn>()

  return {
    /** Takes the last place of the lane; a free lane is held at once. */
    join(lane: string): Turn {
      const last = lastTurns.get(lane)
      const turn: Turn = { lane, state: last ? 'waiting' : 'holding', enter: null, next: null }
      if (last) last.next = turn
      lastTurns.set(lane, turn)
      return turn
    },
    /** Calls `enter` once, when the turn holds its lane: at once if it does already. Never, if it leaves before. */
    wait(turn: Turn, enter: () => void): void {
      if (turn.state === 'holding') enter()
      else turn.enter = enter
    },
    /** Gives up the place, or the lane. */
    leave(turn: Turn): void {
      const held = turn.state === 'holding'
      turn.state = 'over'
      turn.enter = null
      if (!held) return
      const next = firstWaiting(turn)
      if (!next) {
        lastTurns.delete(turn.lane)
        return
      }
      next.state = 'holding'
      next.enter?.()
      next.enter = null
    },
  }
}

function firstWaiting(after: Turn): Turn | null {
  let turn = after.next
  while (turn?.state === 'over') turn = turn.next
  return turn
}
