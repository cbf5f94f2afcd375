import { existsSync } from "node:fs"
import { join } from "node:path"
import { createCoverage, weightOf } from "#models/embed/coverage"
import { embeddingSize } from "#models/embed/embedder"
import type { Head } from "#models/trainer/head"
import { createRandom, type Random } from "#models/trainer/random"
import {
  balancedAccuracy,
  type EmbeddedPart,
  type EmbeddedSet,
  fit,
  probabilities,
  readSteel,
  readTiles,
} from "./linear.ts"
import type { BenchRow } from "./row.ts"

type Chooser = "random" | "coverage"

/** Labels at which the curve is measured; each step is chosen knowing the labels before it. */
const budgets = [10, 20, 40, 80, 120, 160, 200] as const
const seeds = [1, 2, 3, 4, 5]
/** Of each step, as in the queue: the share that chance alone draws. */
const auditShare = 0.15

/**
 * How fast a model learns from parts that the queue picks for being unlike what is judged, doubtful ones first, beside
 * parts drawn at random: the same classifier on the same embeddings, real photographs, five seeds.
 */
export async function benchLearningCurve(): Promise<BenchRow[]> {
  const data = join(import.meta.dirname, "../../../shared/data")
  if (!existsSync(data)) throw new Error("real photographs are not there (../shared/data)")
  const rows: BenchRow[] = []
  for (const set of [
    await readSteel(join(data, "steel-xsdd")),
    await readTiles(join(data, "magnetic-tile")),
  ]) {
    const [random, ours] = [await curveOf(set, "random"), await curveOf(set, "coverage")]
    console.error(tableOf(set, { random, ours }))
    const target = random.at(-1)!.mean
    const [theirs, needed] = [budgets.at(-1)!, labelsFor(ours, target)]
    rows.push({
      name: `labels for balanced accuracy ${target.toFixed(3)}, ${set.name}, ${seeds.length} seeds`,
      value: needed,
      unit: "labels",
      reference: theirs,
      ratio: theirs / needed,
      against: "parts drawn at random",
    })
  }
  return rows
}

type Point = { labels: number; mean: number; spread: number; kinds: number }

/** Balanced accuracy on the test half after each budget, over the seeds. */
async function curveOf(set: EmbeddedSet, how: Chooser): Promise<Point[]> {
  const runs: { accuracy: number; kinds: number }[][] = []
  for (const seed of seeds) runs.push(await runOf(set, how, seed))
  return budgets.map((labels, i) => {
    const values = runs.map((run) => run[i]!.accuracy)
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    const spread = Math.sqrt(
      values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1),
    )
    return { labels, mean, spread, kinds: runs.reduce((sum, run) => sum + run[i]!.kinds, 0) / runs.length }
  })
}

async function runOf({ parts, classes }: EmbeddedSet, how: Chooser, seed: number) {
  const random = createRandom(seed)
  // Another half of the pool for each seed: else a rule without chance would have one run, not five.
  const pool = random
    .shuffled(parts.filter(({ test }) => !test))
    .slice(0, Math.ceil(0.8 * parts.filter(({ test }) => !test).length))
  const test = parts.filter((part) => part.test)
  const labelled: EmbeddedPart[] = []
  const run: { accuracy: number; kinds: number }[] = []
  let head: Head | undefined
  for (const budget of budgets) {
    const open = pool.filter((part) => !labelled.includes(part))
    labelled.push(...choose(how, open, labelled, head, budget - labelled.length, random))
    head = await fit(labelled, classes)
    const kinds = new Set(labelled.map(({ label }) => label)).size
    run.push({ accuracy: balancedAccuracy(head, test, classes), kinds })
  }
  return run
}

function choose(
  how: Chooser,
  open: readonly EmbeddedPart[],
  labelled: readonly EmbeddedPart[],
  head: Head | undefined,
  count: number,
  random: Random,
): EmbeddedPart[] {
  const shuffled = random.shuffled(open)
  if (how === "random") return shuffled.slice(0, count)
  const chosen = new Set(shuffled.slice(0, Math.floor(count * auditShare)))
  const coverage = createCoverage(embeddingSize)
  for (const [key, { vector }] of open.entries())
    coverage.add(key, vector, head ? weightOf(doubtOf(head, vector)) : 1)
  for (const { vector } of labelled) coverage.cover(vector)
  for (let pick = coverage.pick(); pick && chosen.size < count; pick = coverage.pick())
    chosen.add(open[pick.key]!)
  for (const part of shuffled) if (chosen.size < count) chosen.add(part)
  return [...chosen]
}

/** 1 where the two likeliest classes are as likely, 0 where one is sure. */
function doubtOf(head: Head, vector: Int8Array): number {
  const [first = 1, second = 0] = probabilities(head, vector).toSorted().toReversed()
  return 1 - (first - second)
}

/** Labels at which a curve reaches a height, between its points as if it rose evenly. */
function labelsFor(curve: readonly Point[], target: number): number {
  const at = curve.findIndex(({ mean }) => mean >= target)
  if (at <= 0) return curve.at(at)!.labels
  const [before, after] = [curve[at - 1]!, curve[at]!]
  const share = (target - before.mean) / (after.mean - before.mean)
  return Math.round(before.labels + share * (after.labels - before.labels))
}

function tableOf({ name }: EmbeddedSet, { random, ours }: { random: Point[]; ours: Point[] }): string {
  const cell = ({ mean, spread, kinds }: Point) =>
    `${mean.toFixed(3)} ± ${spread.toFixed(3)} (${kinds.toFixed(1)} kinds)`
  return [
    `${name}: balanced accuracy, mean and deviation over seeds ${seeds.join(", ")}`,
    "labels  random                       queue",
    ...random.map(
      (point, i) => `${String(point.labels).padStart(6)}  ${cell(point).padEnd(27)}  ${cell(ours[i]!)}`,
    ),
  ].join("\n")
}
