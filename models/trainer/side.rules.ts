/** Edge of the square with as many pixels as the input, where nobody has set one; and the larger one small defects may need. */
export const usualSide = 384
export const largerSide = 576

/** Edge of a cell of the finest grid, in pixels of the input. */
const cell = 8
/** A defect no larger than so many cells along each edge is small: features hardly see it. */
const smallCells = 2
/**
 * Bad parts with small defects alone, and their share of all, from which on a larger picture is worth a try: it takes as long
 * again, and where most defects can be seen already it has little to gain.
 */
const leastSmall = 5
const leastShare = 0.5
/**
 * Pictures with which there is time for a second try: 200 take 25 s on two cores at the usual side, the larger one more than
 * twice that again, and a training that would have come out must not run into its limit of 20 minutes.
 */
const mostPictures = 1_500

/** A bad part with marked defects: their sizes in pixels of the input, and how many of those a pixel of its picture takes. */
export type Marked = { defects: readonly { w: number; h: number }[]; scale: number }

/**
 * How many bad parts show small defects alone, as a share of those that are marked, and whether that is worth a try of the
 * larger side: enough of them, pictures that have more to show, and not so many that time would run out.
 */
export function smallDefects(
  marked: readonly Marked[],
  pictures: number,
): { share: number; worthATry: boolean } {
  const small = marked.filter(({ defects }) =>
    defects.every(({ w, h }) => Math.sqrt(w * h) < smallCells * cell),
  )
  const share = marked.length === 0 ? 0 : small.length / marked.length
  const sharp = small.map(({ scale }) => scale).sort((a, b) => a - b)[small.length >> 1] ?? 1
  // Blown up beyond its own pixels a picture shows nothing new.
  const room = sharp * (largerSide / usualSide) <= 1.05
  return {
    share,
    worthATry: small.length >= leastSmall && share >= leastShare && room && pictures <= mostPictures,
  }
}

/** What a station reports: the time that all but one of a hundred parts take, and the pixels its model looks at. */
export type Pace = { p99_ms: number; pixels: number }

/**
 * The side a training is asked for: one that is set, else 0, which lets it try the larger one, unless a station would then
 * take longer for a part than the gate lets pass. Time grows with the pixels.
 */
export function sideFor(asked: number, paces: readonly Pace[], budgetMs: number): number {
  if (asked !== 0) return asked
  const holds = paces.every(({ p99_ms, pixels }) => (p99_ms * largerSide ** 2) / pixels <= budgetMs)
  return holds ? 0 : usualSide
}
