import type { ReferenceMeta } from "#contract/registry"
import { loadSharp } from "#models/native"

const side = 96

/**
 * Small parts with ground truth, the same ones every time: brushed grey squares; NG ones have a dark spot or a bright
 * scratch with its box. `n` numbers the part; parts with different numbers are different pictures.
 */
export async function drawPart(
  n: number,
  kind: "ok" | "spot" | "scratch",
): Promise<{ bytes: Uint8Array; meta: ReferenceMeta }> {
  const pixels = new Uint8Array(side * side)
  // A linear congruential generator: the same part on every machine.
  let state = n * 2_654_435_761 + 1
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  for (let y = 0; y < side; y++) {
    const line = 120 + 8 * random()
    for (let x = 0; x < side; x++) pixels[y * side + x] = line + 10 * random()
  }
  const [left, top] = [12 + Math.floor(random() * 50), 12 + Math.floor(random() * 50)]
  const [w, h] = kind === "scratch" ? [26, 5] : [14, 14]
  if (kind !== "ok")
    for (let y = top; y < top + h; y++)
      for (let x = left; x < left + w; x++) pixels[y * side + x] = kind === "spot" ? 30 : 235
  const sharp = await loadSharp()
  const bytes = await sharp(pixels, { raw: { width: side, height: side, channels: 1 } })
    .png()
    .toBuffer()
  return {
    bytes: new Uint8Array(bytes),
    meta: {
      part_id: `drawn-${n}`,
      label:
        kind === "ok"
          ? { verdict: "ok", kinds: [], boxes: [] }
          : { verdict: "ng", kinds: [kind], boxes: [{ kind, box: [left, top, w, h] }] },
    },
  }
}
