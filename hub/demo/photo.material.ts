import { readFile } from "node:fs/promises"
import type { SampleLabel } from "#contract/training"
import { type ImageItem, itemsOf, readImageFolder } from "../../edge/simulator/images.ts"
import { CommandFailure } from "../cli/exit.ts"
import { defectClassOf } from "./defect-names.ts"
import { fewGoldenParts, type KnownPart, type Material } from "./material.ts"

/** Real photographs in the MVTec layout, split by physical part. */
export async function createPhotoMaterial(options: {
  dir: string
  seed: number
  intervalMs: number
  say: (line: string) => void
}): Promise<Material> {
  const set = await readImageFolder(options.dir, options.seed)
  const newKind = set.new_kind
  if (newKind === undefined)
    throw new CommandFailure(
      "config",
      `There are no pictures of defects in ${options.dir}.`,
      "Put them in test/<defect>; the demo needs one kind that appears on the line.",
    )
  for (const { file, reason } of set.skipped.slice(0, 5)) options.say(`skipped ${file}: ${reason}`)
  if (set.skipped.length > 5)
    options.say(`skipped ${set.skipped.length - 5} more pictures that cannot be read`)
  const isNew = (item: ImageItem) => item.defects.some((d) => d.kind === newKind)

  async function* parts(items: ImageItem[]): AsyncGenerator<KnownPart> {
    for (const item of items)
      yield {
        image: new Uint8Array(await readFile(item.path)),
        mime: item.mime,
        meta: { part_id: item.part, product_id: set.product, label: labelOf(item) },
      }
  }

  return {
    // Half of the photographs show defects, so a model that learns to see them shifts the NG share by as much.
    policy: { gate: fewGoldenParts, newKindLabels: 8, maxNgShift: 1 },
    products: [{ key: set.product, names: { ko: set.product, en: set.product } }],
    knownKinds: set.kinds.filter((k) => k !== newKind).map(defectClassOf),
    newKind: defectClassOf(newKind),
    references: () => parts(itemsOf(set, "warmup")),
    golden: (which) => parts(itemsOf(set, "golden").filter((item) => isNew(item) === (which === "new"))),
    unseen: () => parts(itemsOf(set, "unseen")),
    cameraArgs: async (index, count) => [
      ...["--camera", "images", "--images", options.dir],
      ...["--interval-ms", String(options.intervalMs), "--seed", String(options.seed)],
      ...["--station", String(index + 1), "--stations", String(count)],
    ],
    truthOf(inspection) {
      const item = inspection.image ? set.truthOf(inspection.image.sha256) : undefined
      return item ? labelOf(item) : null
    },
  }
}

function labelOf(item: ImageItem): SampleLabel {
  return {
    verdict: item.verdict,
    kinds: [...new Set(item.defects.map((d) => d.kind))],
    boxes: item.defects.flatMap(({ kind, box }) => (box ? [{ kind, box }] : [])),
  }
}
