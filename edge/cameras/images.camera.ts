import { readFile } from "node:fs/promises"
import { Problem } from "#contract/problem"
import { type ImageItem, type ImageSet, itemsOf } from "../simulator/images.ts"
import { createRandom } from "../simulator/random.ts"
import type { Camera } from "./camera.ts"
import { createBeat } from "./pace.ts"

export interface ImagesCameraOptions {
  set: ImageSet
  /** Station `index` of `of`, from 0: each plays its own parts, no part is on two stations. */
  station: { index: number; of: number }
  interval_ms: number
  seed: number
  /** Share of the parts without the new kind that pass before the first part with it. */
  quiet_share?: number
  now?: () => number
}

/**
 * Plays the `line` split of a folder of photographs, files unchanged, again and again. The first round keeps the
 * new kind back for a while; later rounds are mixed anew.
 */
export function createImagesCamera(options: ImagesCameraOptions): Camera {
  const { set, station, interval_ms, seed, quiet_share = 0.35, now = Date.now } = options
  const own = partsOfStation(itemsOf(set, "line"), station)
  return {
    async *frames(signal) {
      if (own.length === 0) {
        throw new Problem(
          "invalid",
          "images_too_few",
          `${set.product} has too few parts for ${station.of} stations: none is left for station ${station.index + 1}.`,
          { stations: station.of },
        )
      }
      const beat = createBeat(interval_ms)
      for (let round = 0; ; round++) {
        const playlist = roundOf(
          own,
          set.new_kind,
          `${seed}/${station.index}/${round}`,
          round === 0 ? quiet_share : 0,
        )
        for (const item of playlist) {
          if (!(await beat.next(signal))) return
          const captured_at = now()
          const bytes = await readPicture(item)
          const image = { form: "encoded", bytes, mime: item.mime } as const
          yield { image, part_id: item.part, product_id: set.product, captured_at, simulated: true }
        }
      }
    },
  }
}

/** Parts are dealt out kind by kind, so that every station sees every kind. */
function partsOfStation(
  items: readonly ImageItem[],
  { index, of }: { index: number; of: number },
): ImageItem[] {
  const kindOf = new Map<string, string>()
  for (const item of items) kindOf.set(item.part, item.defects[0]?.kind ?? kindOf.get(item.part) ?? "")
  const parts = [...kindOf].sort(([a, x], [b, y]) => compare(x, y) || compare(a, b))
  const own = new Set(parts.filter((_, i) => i % of === index).map(([part]) => part))
  return items.filter((item) => own.has(item.part))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function roundOf(
  items: readonly ImageItem[],
  newKind: string | undefined,
  name: string,
  quiet: number,
): ImageItem[] {
  const random = createRandom(name)
  const order = new Map(items.map((item) => [item.file, random.next()]))
  const mixed = [...items].sort((a, b) => order.get(a.file)! - order.get(b.file)!)
  const familiar = mixed.filter((item) => !item.defects.some((defect) => defect.kind === newKind))
  const first = familiar.slice(0, Math.floor(familiar.length * quiet))
  return [...first, ...mixed.filter((item) => !first.includes(item))]
}

async function readPicture(item: ImageItem): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(item.path))
  } catch (error) {
    const message = `The picture ${item.file} can no longer be read. Put the folder back and start the station again.`
    throw new Problem("unavailable", "images_gone", message, { file: item.file }, error)
  }
}
