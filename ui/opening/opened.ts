import * as v from "valibot"
import { Opening } from "#contract/opening"
import type { Ended, FirstHand } from "./handover.ts"

/**
 * What came with the page, for those who would ask the hub for it otherwise: each thing once, because later it may be
 * another.
 */
export function createOpened(hand: FirstHand | undefined) {
  const read = v.safeParse(Opening, hand?.opening)
  if (hand && !read.success) console.warn("opening", read.issues[0].message)
  const left: Partial<Opening> = read.success ? read.output : {}
  let running = hand
  const judged: string[] = []

  function take<K extends keyof Opening>(what: K): Opening[K] | undefined {
    const found = left[what]
    delete left[what]
    return found
  }

  return {
    take,
    /** Parts that were judged at the first screen: they need not come again. */
    judged: (): readonly string[] => judged,
    /** Ends the first screen, and says what was done there: once. */
    end(): Ended | undefined {
      const ended = running?.end()
      running = undefined
      if (ended?.label) judged.push(ended.label.inspection_id)
      return ended
    },
  }
}
export type Opened = ReturnType<typeof createOpened>
