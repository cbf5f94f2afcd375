import type { Reported } from "#contract/release"

/** One start of a station, as far as its numbers have come here. */
export type Numbering = { boot: string; highest: number; stored: number }

export type Gaps = {
  /** Numbers the station has given out that are not here. */
  missing: number
  /** Of these: still in its outbox, given up there for lack of room, or refused here and kept there. */
  waiting: number
  given_up: number
  refused: number
  /** What nothing explains: a lost disk, a foreign program under the station's name. */
  unexplained: number
}

/**
 * Explains the gaps in a station's numbering by what it says of itself. Newest parts come first after an outage, so a
 * gap alone is no loss.
 */
export function explainGaps(numberings: readonly Numbering[], reported: Reported | undefined): Gaps {
  const here = new Map(numberings.map((one) => [one.boot, one]))
  const last = reported?.sequence
  let unreported = 0
  if (last) {
    const known = here.get(last.boot) ?? { boot: last.boot, highest: 0, stored: 0 }
    // Parts of the moments since it last reported are on their way, in any order.
    unreported = Math.max(0, known.highest - last.seq)
    here.set(last.boot, { ...known, highest: Math.max(known.highest, last.seq) })
  }
  const missing = [...here.values()].reduce((sum, { highest, stored }) => sum + highest - stored, 0)
  let left = missing
  const explainedBy = (count: number) => {
    const taken = Math.min(left, count)
    left -= taken
    return taken
  }
  const rows = Object.entries(reported?.shed ?? {}).filter(([kind]) => kind.endsWith("_row"))
  const waiting = explainedBy((reported?.queue.depth ?? 0) + unreported)
  const refused = explainedBy(reported?.queue.dead ?? 0)
  const given_up = explainedBy(rows.reduce((sum, [, count]) => sum + count, 0))
  return { missing, waiting, given_up, refused, unexplained: left }
}
