import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { loadSharp } from "#models/native"
import { houseLayout, makeHouseSegmenter } from "#models/segment/house"
import { createOutliner } from "#models/segment/outliner"
import { type BenchRow, median } from "./row.ts"

const taps = 25
/** What feels like an answer to a finger. */
const limitMs = 50

/** A tap on a picture that is ready: decoder, what hangs together with the tap, mask and polygon; one thread. */
export async function benchOutline(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  try {
    const { encoder, decoder } = makeHouseSegmenter()
    const files = { encoder: join(folder, "encoder.onnx"), decoder: join(folder, "decoder.onnx") }
    await writeFile(files.encoder, encoder)
    await writeFile(files.decoder, decoder)
    const rows: BenchRow[] = []
    for (const [w, h] of [
      [1280, 960],
      [4000, 3000],
    ] as const) {
      const ask = { ...files, layout: houseLayout, encoded: join(folder, `${w}.enc`) }
      const outliner = createOutliner()
      const { ms } = await outliner.outline({ ...ask, bytes: await spotted(w, h) })
      const times: number[] = []
      for (let i = 0; i < taps; i++) {
        const pointing = { points: [{ x: w / 2 + i, y: h / 2 - i, inside: true }] }
        const started = performance.now()
        const { region } = await outliner.outline({ ...ask, pointing })
        times.push(performance.now() - started)
        if (!region) throw new Error("the spot was not found")
      }
      const value = median(times)
      rows.push({
        name: `outline of a tap, ${w}x${h}, made ready once in ${Math.round(ms.encode)} ms`,
        value,
        unit: "ms",
        reference: limitMs,
        ratio: limitMs / value,
        against: "the limit",
      })
    }
    return rows
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A picture with one dark spot a tenth of it across. */
async function spotted(w: number, h: number): Promise<Uint8Array> {
  const sharp = await loadSharp()
  const r = w / 20
  const raw = Buffer.alloc(w * h * 3, 170)
  for (let y = Math.floor(h / 2 - r); y < h / 2 + r; y++)
    for (let x = Math.floor(w / 2 - r); x < w / 2 + r; x++)
      if ((x - w / 2) ** 2 + (y - h / 2) ** 2 < r * r) raw.fill(40, (y * w + x) * 3, (y * w + x) * 3 + 3)
  return await sharp(raw, { raw: { width: w, height: h, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer()
}
