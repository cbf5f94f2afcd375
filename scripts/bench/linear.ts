import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { type Backbone, loadBackbone } from "#models/backbone/backbone"
import { ensureBackbone } from "#models/backbone/convert"
import { embeddingSize, openEmbedder } from "#models/embed/embedder"
import { fitHead, type Head } from "#models/trainer/head"
import { readImageFolder } from "../../edge/simulator/images.ts"

/** A part as its embedding, with its class; those of the test half are never chosen and never learned from. */
export type EmbeddedPart = { vector: Int8Array; label: number; test: boolean }
export type EmbeddedSet = { name: string; classes: number; parts: EmbeddedPart[] }
const unitOf = (vector: Int8Array): Float32Array => {
  const length = Math.hypot(...vector) || 1
  return Float32Array.from(vector, (x) => (x * 16) / length)
}

/** The linear classifier of the trainer on embeddings. */
export async function fit(parts: readonly EmbeddedPart[], classes: number): Promise<Head> {
  const dim = embeddingSize
  const rows = new Float32Array(parts.length * dim)
  for (const [i, { vector }] of parts.entries()) rows.set(unitOf(vector), i * dim)
  const counts = parts.reduce(
    (of, { label }) => of.with(label, of[label]! + 1),
    new Array<number>(classes).fill(0),
  )
  return await fitHead(
    {
      rows,
      labels: Int32Array.from(parts, ({ label }) => label),
      weights: Float32Array.from(parts, ({ label }) => 1 / counts[label]!),
      count: parts.length,
      dim,
      classes,
    },
    { mean: new Float32Array(dim), std: new Float32Array(dim).fill(1) },
    { l2: 0.01, iterations: 60 },
  )
}

/** What a classifier gives each class. */
export function probabilities({ weight, bias, classes, dim }: Head, vector: Int8Array): Float64Array {
  const x = unitOf(vector)
  const logits = Float64Array.from(bias)
  for (let c = 0; c < classes; c++) for (let d = 0; d < dim; d++) logits[c]! += weight[c * dim + d]! * x[d]!
  const top = logits.reduce((most, z) => Math.max(most, z), Number.NEGATIVE_INFINITY)
  const exps = logits.map((z) => Math.exp(z - top))
  const sum = exps.reduce((total, e) => total + e, 0)
  return exps.map((e) => e / sum)
}

/** The mean over classes of how often their parts are named right. */
export function balancedAccuracy(head: Head, test: readonly EmbeddedPart[], classes: number): number {
  const right = new Array<number>(classes).fill(0)
  const all = new Array<number>(classes).fill(0)
  for (const { vector, label } of test) {
    const p = probabilities(head, vector)
    const said = p.indexOf(p.reduce((most, value) => Math.max(most, value), 0))
    all[label]! += 1
    if (said === label) right[label]! += 1
  }
  const seen = all.flatMap((n, c) => (n > 0 ? [right[c]! / n] : []))
  return seen.reduce((sum, share) => sum + share, 0) / seen.length
}

async function embedded(
  name: string,
  parts: readonly { path: string; kind: string; test: boolean }[],
  backbone?: Backbone,
): Promise<EmbeddedSet> {
  const files = await ensureBackbone()
  const embedder = await openEmbedder(backbone ?? (await loadBackbone(files.onnx, files.contract)))
  const kinds = [...new Set(parts.map(({ kind }) => kind))].sort()
  const found: EmbeddedPart[] = []
  for (const { path, kind, test } of parts)
    found.push({ vector: await embedder.embed({ path }), label: kinds.indexOf(kind), test })
  await embedder.release()
  return { name, classes: kinds.length, parts: found }
}

/** Steel strips, seven kinds of defect; half of each kind is the test. */
export async function readSteel(dir: string, backbone?: Backbone): Promise<EmbeddedSet> {
  const lines = (await readFile(join(dir, "index.csv"), "utf8")).trim().split("\n").slice(1)
  const parts = lines.map((line) => {
    const [image = "", kind = "", split = ""] = line.trim().split(",")
    return { path: join(dir, image), kind, test: split === "test" }
  })
  return embedded("steel strips, 7 kinds", parts, backbone)
}

/** Magnetic tiles, good ones and five kinds of defect; no picture of a part stands on both sides. */
export async function readTiles(dir: string): Promise<EmbeddedSet> {
  const { items } = await readImageFolder(dir, 1)
  const parts = items.map(({ path, defects, split }) => ({
    path,
    kind: defects[0]?.kind ?? "good",
    test: split === "golden",
  }))
  return embedded("magnetic tiles, good and 5 kinds", parts)
}
