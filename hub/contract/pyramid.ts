import * as v from "valibot"

/** Side of a tile in its own pixels. At level n one of them stands for 2ⁿ × 2ⁿ pixels of the image. */
export const tileSide = 512

/** First bytes of a file of tiles; then the length of the index in four bytes (little endian), the index, the tiles. */
export const pyramidMagic = "CXT1"
export const pyramidHead = 8

const whole = v.pipe(v.number(), v.integer(), v.minValue(0))

/**
 * The index of a file with all tiles of one image. Level 0 is the image as it is; each next one has half its sides, the
 * last fits into one tile. A tile: where it begins behind the index, how many bytes it has, and the first 16 hex digits of
 * their SHA-256.
 */
export const PyramidIndex = v.object({
  v: v.literal(1),
  w: whole,
  h: whole,
  levels: v.array(
    v.object({
      columns: whole,
      rows: whole,
      /** Row by row. */
      tiles: v.array(v.tuple([whole, whole, v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/))])),
    }),
  ),
})
export type PyramidIndex = v.InferOutput<typeof PyramidIndex>
