import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as v from "valibot"
import { TrainerDataset, TrainerSample } from "#contract/trainer"
import { selfCommand } from "#models/child"
import { createAsker } from "#models/infer/asker"
import type { ExportOperations } from "../../../hub/exchange/export.worker.ts"
import { type BundleTexts, createBundleTexts } from "../../../hub/training/bundle-texts.ts"
import { createJobBundles } from "../../../hub/training/job-bundle.ts"
import type { TrainingJob } from "../../../hub/training/training.store.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { frozenSets } from "../support/parts.ts"
import { fillHub } from "./kit.ts"

setDefaultTimeout(60_000)

let plant: TestHub
let engineer: Browser
let folder = ""
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "crux-bundle-"))
  plant = await startTestHub()
  engineer = await plant.as("engineer")
  await fillHub(engineer, 4, 2)
})
afterAll(async () => {
  await plant.stop()
  rmSync(folder, { recursive: true, force: true })
})

const outline = {
  type: "polygon" as const,
  points: [
    [1, 1],
    [9, 1],
    [5, 8],
  ] as [number, number][],
}

/** Builds the bundle of one job on what is labelled now, and reads its files back by name. */
async function build(over: { drawn?: string; seed?: number; escape?: number; texts?: BundleTexts } = {}) {
  const { training } = await frozenSets(plant)
  const { dataset, blobs } = plant.hub
  const own = createBundleTexts({
    samples: dataset.samples,
    drawingAt: (id) =>
      id === over.drawn
        ? { v: 1, regions: [{ id: "a", kinds: ["dent"], outline, by: "person", locked: true }] }
        : null,
  })
  const bundles = createJobBundles({
    dataset,
    blobs,
    texts: over.texts ?? own,
    target: {
      escape: over.escape ?? 0.02,
      overkill: 0.02,
      opset_max: 21,
      dtype: ["f32"],
      latency_budget_ms: 100,
    },
    policy: {
      max_escape_upper: 0.1,
      max_overkill_upper: 0.1,
      max_undecidable: 0.5,
      max_p99_ms: 100,
      min_golden_ng: 20,
      min_golden_ok: 20,
    },
    folder,
  })
  const job = {
    dataset: training.digest,
    seed: over.seed ?? 1,
    recipe: { id: "a.recipe", version: 1, task: "segmentation", params: { z: 1, a: true }, max_minutes: 9 },
  } as unknown as TrainingJob
  const digest = await bundles.build(job)
  const { files, blobs: told } = await bundles.manifest(digest)
  const text = async (path: string) =>
    new TextDecoder().decode(await blobs.read(files.find((file) => file.path === path)!.sha256))
  const samples = (await text("samples.jsonl"))
    .trim()
    .split("\n")
    .map((line) => v.parse(TrainerSample, JSON.parse(line)))
  const set = v.parse(TrainerDataset, JSON.parse(await text("dataset.json")))
  return {
    digest,
    samples,
    set,
    told,
    training,
    paths: files.map(({ path }) => path),
    job: await text("job.json"),
  }
}

test("equal tasks are equal bundles, whatever the time; another seed, aim or outline is another", async () => {
  const { digest, samples, job } = await build()
  plant.clock.pass(86_400_000)
  expect((await build()).digest).toBe(digest)
  // Canonical JSON: keys in order.
  expect(job.indexOf('"a":true')).toBeLessThan(job.indexOf('"z":1'))
  const others = [
    await build({ seed: 2 }),
    await build({ escape: 0.01 }),
    await build({ drawn: samples.find(({ label }) => label.verdict === "ng")!.id }),
  ]
  expect(new Set([digest, ...others.map((one) => one.digest)]).size).toBe(4)
})

test("outlines that somebody drew travel with the label, without what only the editor needs", async () => {
  const { id } = (await build()).samples.find(({ label }) => label.verdict === "ng")!
  const { samples } = await build({ drawn: id })
  expect(samples.find((sample) => sample.id === id)?.label.regions).toEqual([{ kinds: ["dent"], outline }])
  expect(samples.filter(({ label }) => label.regions)).toHaveLength(1)
})

test("a bundle says what is in it, and is the same whoever puts it together", async () => {
  const here = await build()
  const { samples, set, told, training, paths } = here
  expect(paths).toEqual(["dataset.json", "job.json", "policy.json", "samples.jsonl"])
  expect(samples.map(({ sha256 }) => sha256)).toEqual(training.samples.map(({ image }) => image).sort())
  expect(told).toEqual({ count: samples.length, bytes: samples.reduce((sum, { size }) => sum + size, 0) })
  const count = (split: string, said: string) =>
    samples.filter((one) => one.split === split && one.label.verdict === said).length
  expect([set.samples, set.by_kind]).toEqual([samples.length, training.byKind])
  for (const split of ["train", "val", "calib"] as const)
    expect(set.splits[split]).toEqual({ ok: count(split, "ok"), ng: count(split, "ng") })
  expect(JSON.parse(here.job)).toMatchObject({ classes: [{ id: 1, key: "dent" }] })
  // The real child: another process, which can write nothing but these files.
  const child = createAsker<ExportOperations>({
    command: selfCommand("worker", "export", join(plant.folder, "hub.db")),
  })
  try {
    const byChild = await build({ texts: (task, into) => child.ask({ op: "bundle", task, folder: into }) })
    expect(byChild.digest).toBe(here.digest)
  } finally {
    await child.close()
  }
  expect(readdirSync(folder)).toEqual([])
})
