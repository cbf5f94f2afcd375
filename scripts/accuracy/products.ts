import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TrainingJobSpec, TrainingSample } from "#contract/training"
import { openModel } from "#models/infer/session"
import { auroc } from "#models/statistics.rules"
import { trainBundle } from "#models/trainer/worker"
import { type ImageItem, readImageFolder } from "../../edge/simulator/images.ts"

const folders = ["cookies", "magnetic-tile"]

export type ProductsRow = {
  learned: string
  /** Whether parts were judged by what holds for their product, or all by one limit. */
  by: string
  /** Image AUROC of the two together, and of each. */
  together: number
  each: number[]
  /** Shares of the test, by the limits in the model's own contract. */
  escape: number
  overkill: number
  undecidable: number
}

type Part = ImageItem & { product: string }
type Seen = { product: string; ng: boolean; score: number; said: string }

/**
 * One model for two products that have nothing in common: cookies and magnetic tiles, as the hub would train it, judged on
 * parts it has not seen with and without being told which product a part is.
 */
export async function measureProducts(
  data: string,
  backbone: { onnx: string; contract?: string },
): Promise<ProductsRow[]> {
  const sets = await Promise.all(
    folders.map(async (folder) => {
      const { items } = await readImageFolder(join(data, folder), 1)
      return items.map((item): Part => ({ ...item, part: `${folder}/${item.part}`, product: folder }))
    }),
  )
  const parts = sets.flat()
  const test = parts.filter(({ split }) => split === "golden")
  const rows: ProductsRow[] = []
  for (const learned of ["good parts", "all labels"]) {
    const use = parts.filter(
      ({ split }) => split === "warmup" || (learned === "all labels" && split === "line"),
    )
    const dir = await mkdtemp(join(tmpdir(), "crux-products-"))
    try {
      await train(dir, use, backbone)
      for (const by of ["one limit for both", "limits of its product"])
        rows.push({ learned, by, ...figuresOf(await judged(dir, test, by !== "one limit for both")) })
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  }
  return rows
}

async function train(
  dir: string,
  parts: readonly Part[],
  backbone: NonNullable<TrainingJobSpec["backbone"]>,
): Promise<void> {
  const kinds = [...new Set(parts.flatMap(({ defects }) => defects.map(({ kind }) => kind)))].sort()
  const spec: TrainingJobSpec = {
    v: 1,
    job_id: "01920000-0000-7000-8000-000000000000",
    recipe: { id: "patch", version: 1, params: {} },
    task: "anomaly",
    seed: 1,
    classes: kinds.map((key, i) => ({ id: i + 1, key })),
    backbone,
    dataset: "0".repeat(64),
    budget: { max_minutes: 60 },
    target: { escape: 0.02, overkill: 0.02 },
  }
  const samples = parts.map(
    ({ path, sha256, width, height, part, product, verdict, defects }, n): TrainingSample => ({
      id: `01920000-0000-7000-8000-${String(n).padStart(12, "0")}`,
      sha256,
      path,
      w: width,
      h: height,
      split: "train",
      group: part,
      product,
      label: {
        verdict,
        kinds: [...new Set(defects.map(({ kind }) => kind))],
        boxes: defects.flatMap(({ kind, box }) => (box ? [{ kind, box }] : [])),
      },
    }),
  )
  await writeFile(join(dir, "job.json"), JSON.stringify(spec))
  await writeFile(join(dir, "samples.jsonl"), samples.map((sample) => JSON.stringify(sample)).join("\n"))
  await trainBundle(dir, () => {})
}

async function judged(dir: string, test: readonly Part[], told: boolean): Promise<Seen[]> {
  const model = await openModel(join(dir, "model.onnx"))
  const seen: Seen[] = []
  for (const { path, product, verdict } of test) {
    const said = await model.inspect({ path }, told ? { product } : {})
    const score = said.verdict.score ?? Number.NaN
    seen.push({ product, ng: verdict === "ng", score, said: said.verdict.eval })
  }
  await model.release()
  return seen
}

function figuresOf(seen: readonly Seen[]): Omit<ProductsRow, "learned" | "by"> {
  const ranked = (of: readonly Seen[]) => {
    const scores = (ng: boolean) => of.filter((one) => one.ng === ng).map(({ score }) => score)
    return auroc(scores(false), scores(true)) ?? Number.NaN
  }
  const share = (said: string, of: readonly Seen[]) =>
    of.filter((one) => one.said === said).length / of.length
  return {
    together: ranked(seen),
    each: folders.map((folder) => ranked(seen.filter(({ product }) => product === folder))),
    escape: share(
      "ok",
      seen.filter(({ ng }) => ng),
    ),
    overkill: share(
      "ng",
      seen.filter(({ ng }) => !ng),
    ),
    undecidable: share("undecidable", seen),
  }
}
