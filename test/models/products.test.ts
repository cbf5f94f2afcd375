import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import fc from "fast-check"
import type { Box } from "#contract/inspection"
import type { ModelContract } from "#contract/model"
import type { TrainingJobSpec, TrainingSample } from "#contract/training"
import { type ModelSession, openModel } from "#models/infer/session"
import { limitsFor } from "#models/infer/verdict"
import { imageLogit, type LabelledStats, separation } from "#models/trainer/fusion"
import { fitFusions, limitsFrom, partLogit, separationOf } from "#models/trainer/products"
import { createRandom } from "#models/trainer/random"
import { trainBundle } from "#models/trainer/worker"
import { contractFor, jpegOf, tempDir } from "./kit.ts"

const target = { escape: 0.02, overkill: 0.02 }
type Group = { product?: string; good: number; bad: number; at: number; seed: number }

/** Parts whose good ones lie around `at` with a spread of one, and whose bad ones three above them. */
function partsOf({ product, good, bad, at, seed }: Group): LabelledStats[] {
  const random = createRandom(seed)
  return Array.from({ length: good + bad }, (_, i) => {
    const ng = i >= good
    return {
      ng,
      weight: 1,
      bank: 20 + at + random.normal() + (ng ? 3 : 0),
      head: at / 2 + random.normal() + (ng ? 3 : 0),
      ...(product !== undefined && { product }),
    }
  })
}

describe("products of one model", () => {
  test("whose good parts lie apart are ranked together as well as each by itself", async () => {
    const [lid, casting] = [
      partsOf({ product: "lid", good: 60, bad: 30, at: 0, seed: 1 }),
      partsOf({ product: "casting", good: 60, bad: 30, at: 6, seed: 2 }),
    ]
    const points = [...lid, ...casting]
    const fusions = await fitFusions(points, target.overkill)
    expect(separation(points, fusions.common)).toBeLessThan(0.85)
    const apart = Math.min(separationOf(lid, fusions), separationOf(casting, fusions))
    expect(apart).toBeGreaterThan(0.97)
    expect(separationOf(points, fusions)).toBeGreaterThan(apart - 0.01)
    const { products } = limitsFrom(points, fusions, target)
    for (const own of [lid, casting]) {
      const { t_low, t_high } = products.get(own[0]!.product!)!
      const scores = (ng: boolean) =>
        own.filter((p) => p.ng === ng).map((p) => 1 / (1 + Math.exp(-partLogit(fusions, p))))
      expect(scores(true).filter((score) => score < t_low).length / 30).toBeLessThanOrEqual(0.1)
      expect(scores(false).filter((score) => score >= t_high).length / 60).toBeLessThanOrEqual(0.05)
    }
  })

  test("that do not differ stay where they are, give or take what chance does to a median", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), async (seed) => {
        const points = ["a", "b", "c"].flatMap((product, i) =>
          partsOf({ product, good: 40, bad: 5, at: 0, seed: seed + i }),
        )
        const fusions = await fitFusions(points, target.overkill)
        for (const fusion of fusions.products.values()) {
          const moved = (fusion.bank.offset - fusions.products.get("a")!.bank.offset) / fusion.bank.gain
          expect(Math.abs(moved)).toBeLessThan(1)
        }
      }),
      { numRuns: 15 },
    )
  })

  test("of which only one has good parts enough, or none is named, are judged by what holds for all", async () => {
    const one = [
      ...partsOf({ product: "lid", good: 40, bad: 10, at: 0, seed: 3 }),
      ...partsOf({ product: "casting", good: 5, bad: 10, at: 4, seed: 4 }),
    ]
    const nameless = partsOf({ good: 40, bad: 10, at: 0, seed: 5 })
    for (const points of [one, nameless]) {
      const fusions = await fitFusions(points, target.overkill)
      expect(fusions.products.size).toBe(0)
      expect(limitsFrom(points, fusions, target).products.size).toBe(0)
      expect(partLogit(fusions, points[0]!)).toBe(imageLogit(fusions.common, points[0]!))
    }
  })

  test("leave what holds for any other part as it is without them", async () => {
    const points = [
      ...partsOf({ product: "lid", good: 40, bad: 10, at: 0, seed: 6 }),
      ...partsOf({ product: "casting", good: 40, bad: 10, at: 4, seed: 7 }),
    ]
    const named = await fitFusions(points, target.overkill)
    const unnamed = points.map(({ product: _, ...point }) => point)
    const plain = await fitFusions(unnamed, target.overkill)
    expect(named.products.size).toBe(2)
    expect(named.common).toEqual(plain.common)
    expect(limitsFrom(points, named, target).common).toEqual(limitsFrom(unnamed, plain, target).common)
  })

  test("share their limits until one has parts enough to show both targets by itself", async () => {
    const points = [
      ...partsOf({ product: "easy", good: 60, bad: 60, at: 0, seed: 8 }).map((p) => ({
        ...p,
        bank: p.bank + (p.ng ? 4 : 0),
      })),
      ...partsOf({ product: "hard", good: 60, bad: 20, at: 2, seed: 9 }),
      ...partsOf({ product: "new", good: 20, bad: 0, at: 1, seed: 10 }),
    ]
    const { products } = limitsFrom(points, await fitFusions(points, target.overkill), target)
    expect(products.get("hard")).toEqual(products.get("new")!)
    expect(products.get("easy")).not.toEqual(products.get("hard")!)
  })
})

test("a product without limits of its own, and one named like a thing of the language, get those for all", () => {
  const own = { t_low: 0.1, t_high: 0.2 }
  const contract: ModelContract = { ...contractFor(), products: { lid: own } }
  expect(limitsFor(contract, "lid")).toEqual(own)
  for (const product of [undefined, "casting", "constructor", "hasownproperty"])
    expect(limitsFor(contract, product)).toEqual(contract.thresholds)
})

describe("a model trained on two products", () => {
  const side = 160
  type Drawn = { path: string; product: string; box?: Box }
  const surfaces = { lid: 6, casting: 70 } as const
  let dir = ""
  let model: ModelSession
  let contract: ModelContract
  let metrics: Record<string, number>
  const parts: Drawn[] = []

  /** A surface as rough as the product is; a bad one has a dark spot. */
  async function draw(n: number, product: keyof typeof surfaces, bad: boolean): Promise<Drawn> {
    const random = createRandom(1_000 + n)
    const raw = new Uint8Array(side * side * 3)
    for (let i = 0; i < side * side; i++) raw.fill(130 + random.below(surfaces[product]), i * 3, i * 3 + 3)
    const box: Box = [20 + random.below(100), 20 + random.below(100), 20, 20]
    if (bad)
      for (let y = box[1]; y < box[1] + 20; y++)
        raw.fill(70, (y * side + box[0]) * 3, (y * side + box[0] + 20) * 3)
    const path = join(dir, `${n}.jpg`)
    await writeFile(path, await jpegOf({ raw, width: side, height: side }))
    return { path, product, ...(bad && { box }) }
  }

  beforeAll(async () => {
    dir = await tempDir()
    for (let n = 0; n < 52; n++) parts.push(await draw(n, n % 2 === 0 ? "lid" : "casting", n % 13 > 9))
    const job: TrainingJobSpec = {
      v: 1,
      job_id: "01920000-0000-7000-8000-000000000000",
      recipe: {
        id: "patch",
        version: 1,
        params: { side: 128, bank_rows: 200, projection: 32, iterations: 20, taps: [["s8", "s16"]] },
      },
      task: "anomaly",
      seed: 3,
      classes: [{ id: 1, key: "spot" }],
      dataset: "0".repeat(64),
      budget: { max_minutes: 1 },
      target: { escape: 0.05, overkill: 0.05 },
    }
    const samples = parts.slice(0, 44).map(
      ({ path, product, box }, n): TrainingSample => ({
        id: `01920000-0000-7000-8000-${String(n).padStart(12, "0")}`,
        sha256: createHash("sha256").update(path).digest("hex"),
        path,
        w: side,
        h: side,
        split: n % 8 === 5 ? "calib" : "train",
        group: `part-${n}`,
        product,
        label: {
          verdict: box ? "ng" : "ok",
          kinds: box ? ["spot"] : [],
          boxes: box ? [{ kind: "spot", box }] : [],
        },
      }),
    )
    await writeFile(join(dir, "job.json"), JSON.stringify(job))
    await writeFile(join(dir, "samples.jsonl"), samples.map((one) => JSON.stringify(one)).join("\n"))
    ;({ contract, metrics } = await trainBundle(dir, () => {}))
    model = await openModel(join(dir, "model.onnx"))
  }, 60_000)
  afterAll(async () => {
    await model?.release()
    await rm(dir, { recursive: true, force: true })
  })

  test("says in its file what counts for each, and its file reproduces what was trained", () => {
    expect(Object.keys(contract.products ?? {}).sort()).toEqual(["casting", "lid"])
    expect(model.contract.products).toEqual(contract.products!)
    expect(metrics.products).toBe(2)
    expect(metrics.parity_max).toBeLessThan(2e-3)
  })

  test("judges parts it has never seen by their product's limits, and finds the defect", async () => {
    for (const { path, product, box } of parts.slice(44)) {
      const { verdict, findings } = await model.inspect({ path }, { product })
      const { t_low, t_high } = contract.products![product]!
      expect(verdict).toMatchObject({ t_low, t_high })
      expect(verdict.eval).not.toBe(box ? "ok" : "ng")
      if (box) expect(findings[0]?.kind).toBe("spot")
    }
  })

  test("judges a product it does not know, and a part without one, by the limits for all", async () => {
    const { path } = parts[44]!
    const { verdict } = await model.inspect({ path })
    const { t_low, t_high } = contract.thresholds
    expect(verdict).toMatchObject({ t_low, t_high })
    expect((await model.inspect({ path }, { product: "flange" })).verdict).toEqual(verdict)
    expect((await model.inspect({ path }, { product: "lid" })).verdict.score).not.toBe(verdict.score)
  })
})
