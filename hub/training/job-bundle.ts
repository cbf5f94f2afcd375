import { createHash } from "node:crypto"
import canonicalize from "canonicalize"
import * as v from "valibot"
import type { Drawing } from "#contract/drawing"
import { Problem } from "#contract/problem"
import type { GatePolicy } from "#contract/registry"
import {
  type BundleFile,
  BundleManifest,
  type TrainerDataset,
  type TrainerJob,
  type TrainerPolicy,
  type TrainerSample,
} from "#contract/trainer"
import type { SampleLabel } from "#contract/training"
import type { Dataset, FrozenSet } from "../dataset/dataset.service.ts"
import type { TrainingJob } from "./training.store.ts"

const Manifest = v.pipe(v.string(), v.parseJson(), BundleManifest)

/** What stations can run, and where thresholds aim: the part of every job that is the hub's. */
export type BundleTarget = TrainerJob["target"]

export type JobBundlesDeps = {
  dataset: Pick<Dataset, "frozen" | "version" | "picture">
  blobs: { put(bytes: Uint8Array): Promise<string>; read(sha256: string): Promise<Uint8Array> }
  /** What was drawn on a part by the label that was stored then. */
  drawingAt: (id: string, at: number) => Drawing | null
  target: BundleTarget
  policy: GatePolicy
}

/** Pictures a trainer reproduces its scores on. */
const parityPictures = 16

/**
 * Job bundles: what a trainer is given, named by its content. Nothing in one names the job or the time, so the same task
 * is the same bundle. The golden set is in none.
 */
export function createJobBundles({ dataset, blobs, drawingAt, target, policy }: JobBundlesDeps) {
  /** Manifests by their digest: every picture that is fetched asks for one. */
  const known = new Map<string, BundleManifest>()

  const manifestOf = async (digest: string): Promise<BundleManifest> => {
    const before = known.get(digest)
    if (before) return before
    const manifest = v.parse(Manifest, new TextDecoder().decode(await blobs.read(digest)))
    if (known.size > 32) known.clear()
    known.set(digest, manifest)
    return manifest
  }

  return {
    /** Puts a job's bundle together and stores it. Returns its digest: that of `bundle.json`. */
    async build(job: TrainingJob): Promise<string> {
      const set = dataset.frozen(job.dataset)
      const samples = samplesOf(set, drawingAt)
      const texts: Record<string, string> = {
        "dataset.json": canonical(datasetOf(set, samples, dataset.version(job.dataset).created_at)),
        "job.json": canonical(taskOf(job, set, target)),
        "policy.json": canonical({ v: 1, gate: policy } satisfies TrainerPolicy),
        "samples.jsonl": samples.map((sample) => `${canonical(sample)}\n`).join(""),
      }
      const files: BundleFile[] = []
      for (const path of Object.keys(texts).sort()) {
        const bytes = new TextEncoder().encode(texts[path])
        files.push({ path, sha256: await blobs.put(bytes), size: bytes.length })
      }
      const bytes = samples.reduce((sum, { size }) => sum + size, 0)
      const manifest: BundleManifest = { v: 1, files, blobs: { count: samples.length, bytes } }
      return await blobs.put(new TextEncoder().encode(canonical(manifest)))
    },

    manifest: manifestOf,

    /** Bytes of `bundle.json`. */
    read: (digest: string): Promise<Uint8Array> => blobs.read(digest),

    /** Whether an object is part of a job's bundle: one of its files, or a picture of its training set. */
    async holds(job: Pick<TrainingJob, "bundle" | "dataset">, sha256: string): Promise<boolean> {
      if (job.bundle === null) return false
      const { files } = await manifestOf(job.bundle)
      if (files.some((file) => file.sha256 === sha256)) return true
      const picture = dataset.picture(job.dataset, sha256)
      return picture !== undefined && picture.split !== "golden"
    },

    /** Its pictures, in the order of the samples. */
    pictures: (job: Pick<TrainingJob, "dataset">): { sha256: string; size: number }[] =>
      samplesOf(dataset.frozen(job.dataset), () => null).map(({ sha256, size }) => ({ sha256, size })),
  }
}
export type JobBundles = ReturnType<typeof createJobBundles>

/** Kinds of the training split, in order: a kind that is nowhere to be learned has no class. */
export function kindsOf(set: FrozenSet): string[] {
  const trained = set.samples.filter((s) => s.split === "train").flatMap((s) => s.label.kinds)
  return [...new Set(trained)].filter((kind) => kind !== "unknown").sort()
}

function taskOf(job: TrainingJob, set: FrozenSet, target: BundleTarget): TrainerJob {
  const { id, version, params, task, max_minutes } = job.recipe
  return {
    v: 1,
    recipe: { id, version, params },
    task,
    seed: job.seed,
    // 0 is OK in every model.
    classes: kindsOf(set).map((key, i) => ({ id: i + 1, key })),
    dataset: job.dataset,
    budget: { max_minutes },
    target,
    export: { parity_samples: parityPictures },
  }
}

const samplesOf = (set: FrozenSet, drawingAt: JobBundlesDeps["drawingAt"]): TrainerSample[] =>
  set.samples
    .flatMap(({ id, image, mime, size, w, h, split, group, product, weight, label, said }) =>
      // A golden part in a bundle would prove nothing any more; the set holds none, and this line says so again.
      split === "golden"
        ? []
        : [
            {
              id,
              sha256: image,
              path: `blobs/${image}`,
              mime,
              size,
              w,
              h,
              split,
              group,
              ...(product && { product }),
              weight,
              label: withRegions(label, said ? drawingAt(id, said.at) : null),
            },
          ],
    )
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))

/** Boxes alone say nothing that the label does not say already. */
function withRegions(label: SampleLabel, drawing: Drawing | null): TrainerSample["label"] {
  const regions = (drawing?.regions ?? []).filter(({ hidden }) => hidden !== true)
  if (regions.every(({ outline }) => outline.type === "box" && !outline.angle)) return label
  return { ...label, regions: regions.map(({ kinds, outline }) => ({ kinds, outline })) }
}

function datasetOf(set: FrozenSet, samples: readonly TrainerSample[], createdAt: number): TrainerDataset {
  const count = (split: TrainerSample["split"], verdict: "ok" | "ng") =>
    samples.filter((s) => s.split === split && s.label.verdict === verdict).length
  const both = (split: TrainerSample["split"]) => ({ ok: count(split, "ok"), ng: count(split, "ng") })
  return {
    v: 1,
    digest: set.digest,
    created_at: createdAt,
    samples: samples.length,
    splits: { train: both("train"), val: both("val"), calib: both("calib") },
    by_kind: set.byKind,
  }
}

/** RFC 8785: the same value is the same bytes in every language. */
export function canonical(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined)
    throw new Problem("internal", "internal", "a bundle holds something that is no JSON")
  return text
}

export const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex")
