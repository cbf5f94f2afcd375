import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import * as v from "valibot"
import { TrainerSample } from "#contract/trainer"
import { createJobBundles } from "../../../hub/training/job-bundle.ts"
import type { TrainingJob } from "../../../hub/training/training.store.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { frozenSets } from "../support/parts.ts"
import { fillHub, sha } from "./kit.ts"

setDefaultTimeout(60_000)

let plant: TestHub
let engineer: Browser
beforeAll(async () => {
  plant = await startTestHub()
  engineer = await plant.as("engineer")
  await fillHub(engineer, 4, 2)
})
afterAll(() => plant.stop())

const outline = {
  type: "polygon" as const,
  points: [
    [1, 1],
    [9, 1],
    [5, 8],
  ] as [number, number][],
}

/** Builds the bundle of one job on what is labelled now, and reads its files back by name. */
async function build(over: { drawn?: string; seed?: number; escape?: number } = {}) {
  const store = new Map<string, Uint8Array>()
  const { training } = await frozenSets(plant)
  const bundles = createJobBundles({
    dataset: plant.hub.dataset,
    blobs: {
      put: async (bytes) => {
        store.set(sha(bytes), bytes)
        return sha(bytes)
      },
      read: async (digest) => store.get(digest)!,
    },
    drawingAt: (id) =>
      id === over.drawn
        ? { v: 1, regions: [{ id: "a", kinds: ["dent"], outline, by: "person", locked: true }] }
        : null,
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
  })
  const job = {
    dataset: training.digest,
    seed: over.seed ?? 1,
    recipe: { id: "a.recipe", version: 1, task: "segmentation", params: { z: 1, a: true }, max_minutes: 9 },
  } as unknown as TrainingJob
  const digest = await bundles.build(job)
  const { files } = await bundles.manifest(digest)
  const text = (path: string) =>
    new TextDecoder().decode(store.get(files.find((file) => file.path === path)!.sha256))
  const samples = text("samples.jsonl")
    .trim()
    .split("\n")
    .map((line) => v.parse(TrainerSample, JSON.parse(line)))
  return { digest, samples, job: text("job.json") }
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
