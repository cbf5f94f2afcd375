import { openFrame } from "../preprocess.ts"

const side = 32
const kept = 8
/** Numbers of a print. */
const printSize = kept * kept

/**
 * What a picture looks like from far away: the lowest frequencies of its brightness (DCT-II of 32 × 32 grey pixels, the
 * first 8 × 8, from coarse to fine), with the mean first. The same picture saved again, smaller or packed harder, has
 * almost the same; it takes about two milliseconds and no model. Throws `unsupported_image` or `unreadable_image`.
 */
export async function printOf(bytes: Uint8Array): Promise<Int16Array> {
  const { image } = await openFrame({ bytes })
  const { data } = await image
    .greyscale()
    .resize(side, side, { fit: "fill", kernel: "linear" })
    .raw()
    .toBuffer({ resolveWithObject: true })
  const waves = cosines()
  const rows = new Float64Array(side * kept)
  for (let y = 0; y < side; y++)
    for (let u = 0; u < kept; u++) {
      let sum = 0
      for (let x = 0; x < side; x++) sum += (data[y * side + x] ?? 0) * waves[u * side + x]!
      rows[y * kept + u] = sum
    }
  const out = new Int16Array(printSize)
  for (const [place, [u, v]] of order.entries()) {
    let sum = 0
    for (let y = 0; y < side; y++) sum += rows[y * kept + u]! * waves[v * side + y]!
    // The mean of white is 255 × 32: two bits more than a number of this print has are given away.
    out[place] = Math.round(sum * 3)
  }
  return out
}

/** Orthonormal, so that distances between prints are distances between blurred pictures. */
function cosines(): Float64Array {
  const waves = new Float64Array(kept * side)
  for (let u = 0; u < kept; u++)
    for (let x = 0; x < side; x++)
      waves[u * side + x] =
        Math.sqrt((u === 0 ? 1 : 2) / side) * Math.cos(((2 * x + 1) * u * Math.PI) / (2 * side))
  return waves
}

/** From coarse to fine: what is compared first tells most. */
const order: readonly (readonly [number, number])[] = Array.from(
  { length: printSize },
  (_, i) => [i % kept, Math.floor(i / kept)] as const,
).sort(([a, b], [c, d]) => a + b - (c + d) || a - c)
