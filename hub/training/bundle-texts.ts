import { createHash } from "node:crypto"
import { open } from "node:fs/promises"
import { join } from "node:path"
import canonicalize from "canonicalize"
import type { Drawing } from "#contract/drawing"
import { Problem } from "#contract/problem"
import type { GatePolicy } from "#contract/registry"
import type { BundleFile, TrainerDataset, TrainerJob, TrainerPolicy, TrainerSample } from "#contract/trainer"
import type { SampleLabel } from "#contract/training"
import type { Dataset } from "../dataset/dataset.service.ts"
import type { FrozenSample } from "../dataset/dataset.store.ts"
import type { TrainingJob } from "./training.store.ts"

/** What stations can run, and where thresholds aim: the part of every job that is the hub's. */
export type BundleTarget = TrainerJob["target"]

/** The task that a bundle tells, as a child of the hub is told of it. */
export type BundleTask = Pick<TrainingJob, "recipe" | "seed" | "dataset"> & {
  /** When its set was frozen. */
  frozenAt: number
  target: BundleTarget
  policy: GatePolicy
}
/** The files of a bundle by their paths, and the pictures that belong to it. */
export type BundleText = { files: BundleFile[]; pictures: { count: number; bytes: number } }

/** Pictures a trainer reproduces its scores on. */
const parityPictures = 16
const pieceLength = 256 * 1024

/** Writes the texts of bundles, picture by picture, in any process; nothing of a set is held. */
export function createBundleTexts({
  samples,
  drawingAt,
}: {
  samples: Dataset["samples"]
  /** What was drawn on a part by the label that was stored then. */
  drawingAt: (id: string, at: number) => Drawing | null
}) {
  return async (task: BundleTask, folder: string): Promise<BundleText> => {
    const tally = createTally()
    async function* lines() {
      for await (const sample of samples(task.dataset)) {
        // A golden part in a bundle would prove nothing any more; the set holds none, and this line says so again.
        if (sample.split === "golden") continue
        tally.add(sample)
        yield `${canonical(sampleOf(sample, drawingAt))}\n`
      }
    }
    const listed = await writeText(folder, "samples.jsonl", lines())
    const texts: Record<string, string> = {
      "dataset.json": canonical(tally.dataset(task)),
      "job.json": canonical(taskOf(task, tally.kinds())),
      "policy.json": canonical({ v: 1, gate: task.policy } satisfies TrainerPolicy),
    }
    const files: BundleFile[] = []
    for (const path of Object.keys(texts)) files.push(await writeText(folder, path, [texts[path]!]))
    return { files: [...files, listed], pictures: tally.pictures() }
  }
}
export type BundleTexts = ReturnType<typeof createBundleTexts>

/** Kinds of the training split, in order: a kind that is nowhere to be learned has no class. */
export function createKinds() {
  const kinds = new Set<string>()
  return {
    add({ split, label }: Pick<FrozenSample, "split" | "label">): void {
      if (split === "train") for (const kind of label.kinds) kinds.add(kind)
    },
    classes: (): { id: number; key: string }[] =>
      // 0 is OK in every model.
      [...kinds]
        .filter((kind) => kind !== "unknown")
        .sort()
        .map((key, i) => ({ id: i + 1, key })),
  }
}

function createTally() {
  const kinds = createKinds()
  const byKind: Record<string, number> = {}
  const splits = { train: { ok: 0, ng: 0 }, val: { ok: 0, ng: 0 }, calib: { ok: 0, ng: 0 } }
  let [count, bytes] = [0, 0]
  return {
    add(sample: FrozenSample): void {
      const { split, label, size } = sample
      kinds.add(sample)
      count++
      bytes += size
      if (split !== "golden") splits[split][label.verdict]++
      for (const kind of new Set(label.kinds)) byKind[kind] = (byKind[kind] ?? 0) + 1
    },
    kinds: kinds.classes,
    pictures: () => ({ count, bytes }),
    dataset: ({ dataset, frozenAt }: BundleTask): TrainerDataset => ({
      v: 1,
      digest: dataset,
      created_at: frozenAt,
      samples: count,
      splits,
      by_kind: byKind,
    }),
  }
}

function taskOf({ recipe, seed, dataset, target }: BundleTask, classes: TrainerJob["classes"]): TrainerJob {
  const { id, version, params, task, max_minutes } = recipe
  return {
    v: 1,
    recipe: { id, version, params },
    task,
    seed,
    classes,
    dataset,
    budget: { max_minutes },
    target,
    export: { parity_samples: parityPictures },
  }
}

function sampleOf(
  { id, image, mime, size, w, h, split, group, product, weight, label, said }: FrozenSample,
  drawingAt: (id: string, at: number) => Drawing | null,
): TrainerSample {
  return {
    id,
    sha256: image,
    path: `blobs/${image}`,
    mime,
    size,
    w,
    h,
    split: split as TrainerSample["split"],
    group,
    ...(product && { product }),
    weight,
    label: withRegions(label, said ? drawingAt(id, said.at) : null),
  }
}

/** Boxes alone say nothing that the label does not say already. */
function withRegions(label: SampleLabel, drawing: Drawing | null): TrainerSample["label"] {
  const regions = (drawing?.regions ?? []).filter(({ hidden }) => hidden !== true)
  if (regions.every(({ outline }) => outline.type === "box" && !outline.angle)) return label
  return { ...label, regions: regions.map(({ kinds, outline }) => ({ kinds, outline })) }
}

async function writeText(
  folder: string,
  path: string,
  lines: AsyncIterable<string> | Iterable<string>,
): Promise<BundleFile> {
  const hash = createHash("sha256")
  const file = await open(join(folder, path), "wx", 0o600)
  let [size, held, length] = [0, [] as string[], 0]
  const flush = async () => {
    const bytes = new TextEncoder().encode(held.join(""))
    held = []
    length = 0
    hash.update(bytes)
    size += bytes.length
    await file.writeFile(bytes)
  }
  try {
    for await (const line of lines) {
      held.push(line)
      length += line.length
      if (length >= pieceLength) await flush()
    }
    await flush()
  } finally {
    await file.close()
  }
  return { path, sha256: hash.digest("hex"), size }
}

/** RFC 8785: the same value is the same bytes in every language. */
export function canonical(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined)
    throw new Problem("internal", "internal", "a bundle holds something that is no JSON")
  return text
}
