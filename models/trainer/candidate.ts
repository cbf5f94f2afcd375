import type { ModelInput } from "#contract/model"
import { type Bank, type DistanceEngine, fitProjection, openDistances, type Projection } from "./bank.ts"
import { type Coreset, coreset } from "./coreset.ts"
import { type Looks, layOut, type PatchShape, type Taps, type Trunk } from "./extractor.ts"
import { assignFolds } from "./folds.ts"
import { type ImageStats, type LabelledStats, meanOfWorst, worstCells } from "./fusion.ts"
import { fitHead, type Head, type HeadEngine, type KindLook, openHead } from "./head.ts"
import { highest, type Patch, stackPatches } from "./patches.ts"
import { projectPool, samplePool } from "./pool.ts"
import { type Fusions, fitFusions, separationOf } from "./products.ts"
import { createRandom, type Random } from "./random.ts"
import { isGood, productOf, type Region, regionsOf, type TrainingImage, weightsOf } from "./samples.ts"
import { calibrateKinds, type KindFigures, type KindPoint, sharesAt } from "./temperature.ts"

export type CandidateOptions = {
  bankRows: number
  projection: number
  seed: number
  overkill: number
  head: { l2: number; iterations: number; rounds: number }
  /** Class number of a defect kind, from 1. */
  labelOf: (kind: string) => number
  classes: number
  onProgress: (phase: "bank" | "head", share: number, metrics?: Record<string, number>) => void
}

/** Everything a model is made of for one choice of taps, with scores of parts it was not trained on. */
export type Candidate = {
  taps: Taps
  shape: PatchShape
  input: ModelInput
  projection: Projection
  bank: Bank
  head?: Head
  fusions: Fusions
  /** Out-of-fold statistics per training image, in order. */
  stats: LabelledStats[]
  /** How heads that had not seen it share out the kinds over each training image's worst cells; empty without a head. */
  kinds: number[][]
  /** Softens how the kinds share out a defect, in `kinds` as in the model. */
  temperature: number
  /** How well kinds are named; absent without a head. */
  kindFigures?: KindFigures
  /** Out-of-fold area under the ROC curve, parts counted by their weight; higher is better. */
  separation: number
  /** Statistics of any image under the final bank and head. */
  statsOf: (image: TrainingImage) => Promise<ImageStats>
  /** The final head's shares of the kinds over an image's worst cells; empty without a head. */
  kindsOf: (image: TrainingImage) => Promise<number[]>
  release: () => Promise<void>
}

/** Cells kept of one boxed defect, and of an NG image without boxes. */
const boxedCells = 40
const unboxedCells = 10
const okRowsTotal = 2600
/** Trains bank, head and fusion on `images` for one choice of taps. Deterministic for equal input. */
export async function trainCandidate(
  trunk: Trunk,
  taps: Taps,
  images: readonly TrainingImage[],
  options: CandidateOptions,
): Promise<Candidate> {
  const random = createRandom(options.seed)
  const shape = trunk.shapeOf(taps)
  const folds = assignFolds(images, random)
  const good = images.flatMap((image, i) => (isGood(image) ? [{ image, fold: folds.bank[i]! }] : []))
  const raw = await samplePool(good, trunk, shape, random, (share) => options.onProgress("bank", share * 0.3))
  const projection = fitProjection(raw, Math.min(options.projection, shape.dim), random)
  const pool = await projectPool(raw, projection)
  const core = await coreset(pool, options.bankRows, random)
  const { bank } = core
  const engine = await openDistances(projection, bank, shape)
  const worst = worstCells(shape.cells)
  const cells = Array.from({ length: shape.cells }, (_, cell) => cell)

  const regions = images.map((image) => regionsOf(image, shape, options.labelOf))
  const okPerImage = Math.max(6, Math.floor(okRowsTotal / Math.max(1, good.length)))
  const patches: Patch[] = []
  const distancesOf: Float32Array[] = []
  const heldOut = await openHeldOut(core, folds.bankFolds, projection, shape)
  for (const [i, image] of images.entries()) {
    const looks = await trunk.look(image.pixels)
    const distances = await heldOut[folds.bank[i]!]!.distances(looks)
    distancesOf.push(distances)
    const patch = patchOf(i, shape, looks, distances)
    patches.push(...firstPatches(image, regions[i]!, distances, okPerImage, patch, random))
    options.onProgress("bank", 0.6 + (0.4 * (i + 1)) / images.length)
  }

  for (const one of heldOut) await one.release()

  const scale = headScale(projection, patches)
  const fit = (rows: readonly Patch[]) =>
    fitHead(stackPatches(rows, shape.dim + 1, options.classes), scale, options.head)
  const hasDefects = patches.some((patch) => patch.label > 0)
  const weights = weightsOf(images)
  const stats: LabelledStats[] = images.map((image, i) => ({
    bank: meanOfWorst(distancesOf[i]!, worst),
    ng: !isGood(image),
    weight: weights[i]!,
    ...productOf(image),
  }))
  const kinds: KindLook[] = images.map(() => [])
  let head: Head | undefined
  if (hasDefects) {
    let kept = patches
    for (let round = 0; round < options.head.rounds; round++) {
      const heads: HeadEngine[] = []
      for (let f = 0; f < folds.headFolds; f++) {
        const others = kept.filter((patch) => folds.head[patch.image] !== f)
        heads.push(await openHead(await fit(others), shape))
      }
      const mined: Patch[] = []
      for (const [i, image] of images.entries()) {
        const looks = await trunk.look(image.pixels)
        const distances = distancesOf[i]!
        const look = await heads[folds.head[i]!]!.look(looks, distances)
        stats[i] = { ...stats[i]!, head: meanOfWorst(look.ng, worst) }
        kinds[i] = look.kinds(highest(cells, look.ng, worst))
        mined.push(...minedPatches(regions[i]!, look.ng, patchOf(i, shape, looks, distances)))
        options.onProgress("head", (round + (i + 1) / images.length) / options.head.rounds)
      }
      for (const one of heads) await one.release()
      if (round + 1 < options.head.rounds) kept = refine(kept, mined)
    }
    head = await fit(kept)
  }
  const fusions = await fitFusions(stats, options.overkill)
  const whole = head && (await openHead(head, shape))
  const lookAt = async (image: TrainingImage) => {
    const looks = await trunk.look(image.pixels)
    const distances = await engine.distances(looks)
    return { distances, look: await whole?.look(looks, distances) }
  }
  const kindFigures = head && calibrateKinds(kindPoints(images, kinds, folds.head, options.labelOf))
  const temperature = kindFigures?.temperature ?? 1
  return {
    taps,
    shape,
    input: trunk.input,
    projection,
    bank,
    ...(head && { head }),
    fusions,
    stats,
    kinds: kinds.map((look) => sharesAt(look, temperature)),
    temperature,
    ...(kindFigures && { kindFigures }),
    separation: separationOf(stats, fusions),
    statsOf: async (image) => {
      const { distances, look } = await lookAt(image)
      return { bank: meanOfWorst(distances, worst), ...(look && { head: meanOfWorst(look.ng, worst) }) }
    },
    kindsOf: async (image) => {
      const { look } = await lookAt(image)
      return look ? sharesAt(look.kinds(highest(cells, look.ng, worst)), temperature) : []
    },
    release: async () => {
      await whole?.release()
      await engine.release()
    },
  }
}

/** One bank per fold, without that fold's images. */
async function openHeldOut(
  core: Coreset,
  folds: number,
  projection: Projection,
  shape: PatchShape,
): Promise<DistanceEngine[]> {
  const engines: DistanceEngine[] = []
  for (let fold = 0; fold < folds; fold++) {
    engines.push(await openDistances(projection, await core.without(fold), shape))
  }
  return engines
}

/** Defects of one known kind each. */
function kindPoints(
  images: readonly TrainingImage[],
  looks: readonly KindLook[],
  folds: readonly number[],
  labelOf: (kind: string) => number,
): KindPoint[] {
  return images.flatMap(({ sample: { label } }, i) => {
    const [kind, ...more] = new Set(label.kinds)
    if (label.verdict === "ok" || kind === undefined || more.length > 0) return []
    return [{ look: looks[i]!, kind: labelOf(kind) - 1, fold: folds[i]! }]
  })
}

type ToPatch = (cell: number, label: number) => Patch

/**
 * Patches before any head exists: of good parts the oddest and some random ones; of defects those farthest
 * from the bank, because a box around a diagonal scratch holds mostly good surface.
 */
function firstPatches(
  { sample }: TrainingImage,
  regions: readonly Region[],
  distances: Float32Array,
  okPerImage: number,
  patch: ToPatch,
  random: Random,
): Patch[] {
  if (sample.label.verdict === "ok") {
    const odd = highest(distances.keys(), distances, Math.ceil(okPerImage / 2))
    const some = Array.from({ length: Math.floor(okPerImage / 2) }, () => random.below(distances.length))
    return [...new Set([...odd, ...some])].map((cell) => patch(cell, 0))
  }
  return regions.flatMap(({ cells, label, boxed }) => {
    const most = boxed ? Math.min(boxedCells, Math.max(3, Math.ceil(cells.length / 2))) : unboxedCells
    return highest(cells, distances, most).map((cell) => patch(cell, label))
  })
}

/** Patches a held-out head points at: false alarms on good parts, and the defect inside its region. */
function minedPatches(regions: readonly Region[], logits: Float32Array, patch: ToPatch): Patch[] {
  if (regions.length === 0) return highest(logits.keys(), logits, 8).map((cell) => patch(cell, 0))
  return regions.flatMap(({ cells, label, boxed }) =>
    highest(cells, logits, boxed ? boxedCells : unboxedCells)
      .filter((cell, rank) => rank < 3 || logits[cell]! > 0)
      .map((cell) => patch(cell, label)),
  )
}

/** What the head sees of a cell: its features and, last, its distance to the bank. */
function patchOf(image: number, shape: PatchShape, looks: Looks, distances: Float32Array): ToPatch {
  return (cell, label) => {
    const row = new Float32Array(shape.dim + 1)
    layOut(shape, looks, cell, row, 0)
    row[shape.dim] = distances[cell]!
    return { image, cell, label, weight: 1, features: row }
  }
}

/** Standardisation of the head's input: that of the bank's features, and of the distance over OK patches. */
function headScale({ mean, std }: Projection, patches: readonly Patch[]) {
  const distances = patches.filter((patch) => patch.label === 0).map((patch) => patch.features.at(-1)!)
  const centre = distances.reduce((sum, d) => sum + d, 0) / distances.length
  const spread = Math.sqrt(distances.reduce((sum, d) => sum + (d - centre) ** 2, 0) / distances.length)
  return { mean: Float32Array.of(...mean, centre), std: Float32Array.of(...std, spread + 1e-6) }
}

/** Second round: false alarms join, and within a defect the head's own choice joins the bank's. */
function refine(kept: readonly Patch[], mined: readonly Patch[]): Patch[] {
  const known = new Set(kept.map((patch) => `${patch.image}/${patch.cell}/${patch.label}`))
  return [...kept, ...mined.filter((patch) => !known.has(`${patch.image}/${patch.cell}/${patch.label}`))]
}
