import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { NewProduct } from "#contract/catalogue"
import type { SampleLabel } from "#contract/training"
import { loadSharp } from "#models/native"
import { createPartPainter, type PartTruth, type RawFrame } from "../../edge/simulator/part.ts"
import type { Stream } from "../../edge/simulator/part-id.ts"
import {
  createScenario,
  drawScenarioPart,
  type ScenarioPart,
  truthOf,
} from "../../edge/simulator/scenario.ts"
import { defectClassOf } from "./defect-names.ts"
import { fewGoldenParts, type KnownPart, type Material } from "./material.ts"

export const frameSize = { width: 1280, height: 960 }

const products: NewProduct[] = [
  { key: "bracket", names: { ko: "브래킷", en: "Bracket" } },
  { key: "flange", names: { ko: "플랜지", en: "Flange" } },
  { key: "plate", names: { ko: "플레이트", en: "Plate" } },
]

/** Parts of the simulated line. `counts` are parts per pool; golden and unseen are drawn until each pool is full. */
export function createDrawnMaterial(options: {
  seed: number
  newKindFrom: number
  newKindShare: number
  intervalMs: number
  counts: { references: number; golden: number; goldenNew: number; unseen: number }
}): Material {
  const scenario = createScenario({
    seed: options.seed,
    new_kind_from: options.newKindFrom,
    new_kind_share: options.newKindShare,
    // A burr looks much like the edge it grows on: a model of good parts passes most of them or hesitates.
    new_kind: "burr",
  })
  const { known_kinds, new_kind } = scenario.options
  const painter = createPartPainter(frameSize)

  const isNew = (part: ScenarioPart) => part.kinds.includes(new_kind)

  async function* draw(
    stream: Stream,
    count: number,
    wanted: (part: ScenarioPart) => boolean,
  ): AsyncGenerator<KnownPart> {
    for (let n = 1, made = 0; made < count; n++) {
      const part = scenario.part(stream, n)
      if (!wanted(part)) continue
      const { frame, truth } = drawScenarioPart(painter, part)
      const label = labelOf(truth)
      made++
      yield {
        image: await jpeg(frame),
        mime: "image/jpeg",
        meta: { part_id: part.part_id, product_id: part.product, label },
      }
    }
  }

  return {
    policy: {
      // A first model from a few good parts may let known defects through; the loop is there to mend that.
      gate:
        options.counts.golden < 60
          ? fewGoldenParts
          : { max_escape: 0.6, max_overkill: 0.3, max_undecidable: 0.7 },
      newKindLabels: 12,
      // A model that learns to see the new kind raises the NG share by as much, and the old one passed most of it.
      maxNgShift: Math.min(1, 2 * options.newKindShare),
    },
    products,
    knownKinds: Object.keys(known_kinds).map(defectClassOf),
    newKind: defectClassOf(new_kind),
    references: () => draw("warmup", options.counts.references, () => true),
    golden: (which) =>
      which === "known"
        ? draw("golden", options.counts.golden, (p) => !isNew(p))
        : draw("golden", options.counts.goldenNew, isNew),
    unseen: () => draw("unseen", options.counts.unseen, () => true),
    cameraArgs: async (index, _count, dir) => {
      const file = join(dir, "scenario.json")
      await writeFile(file, JSON.stringify(scenario.options))
      const pace = ["--interval-ms", String(options.intervalMs)]
      return ["--camera", "simulator", "--scenario", file, "--station", String(index + 1), ...pace]
    },
    truthOf(inspection) {
      const truth = inspection.part_id === null ? undefined : truthOf(scenario, painter, inspection.part_id)
      return truth ? labelOf(truth) : null
    },
  }
}

function labelOf(truth: PartTruth): SampleLabel {
  return {
    verdict: truth.verdict,
    kinds: [...new Set(truth.defects.map((d) => d.kind))],
    boxes: truth.defects.map(({ kind, box }) => ({ kind, box })),
  }
}

async function jpeg({ data, width, height, channels }: RawFrame): Promise<Uint8Array> {
  const sharp = await loadSharp()
  return sharp(data, { raw: { width, height, channels } }).jpeg({ quality: 90 }).toBuffer()
}
