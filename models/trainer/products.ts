import type { Thresholds } from "../infer/verdict.ts"
import { type Fusion, fitFusion, type ImageStats, imageLogit, type LabelledStats, ranked } from "./fusion.ts"
import { quantile, type Target, thresholdsFor, type Weighted } from "./thresholds.ts"

/** How parts are judged: any part, and those of products that are known well enough to stand on a scale of their own. */
export type Fusions = { common: Fusion; products: ReadonlyMap<string, Fusion> }
export type LimitsOf = { common: Thresholds; products: ReadonlyMap<string, Thresholds> }

/** Good parts a product needs before anything is said of its scale. */
const leastGood = 8
/** Each costs the model two outputs; lines that run more products know the most frequent ones apart. */
const mostProducts = 64
/** Standard error of a median, in spreads of the parts and over the root of their number. */
const medianError = 1.25

/**
 * The fusion for any part, and one for each of several products. Good parts of two products lie apart for reasons that have
 * nothing to do with defects: one is rougher, or has more edges. So each product's statistics are moved to where those of
 * all products lie before anything is fitted on them, and its own fusion moves them in the model.
 */
export async function fitFusions(points: readonly LabelledStats[], overkill: number): Promise<Fusions> {
  const common = await fitFusion(points, overkill)
  const shifts = shiftsOf(points)
  if (shifts.size < 2) return { common, products: new Map() }
  const aligned = points.flatMap((point) => {
    const shift = shifts.get(point.product ?? "")
    return shift ? [moved(point, shift)] : []
  })
  const fusion = await fitFusion(aligned, overkill)
  return {
    common,
    products: new Map([...shifts].map(([product, shift]) => [product, onScaleOf(fusion, shift)])),
  }
}

/** The logit of a part, on the scale of its product where that is known. */
export function partLogit({ common, products }: Fusions, point: ImageStats & { product?: string }): number {
  return imageLogit(products.get(point.product ?? "") ?? common, point)
}

/** As `separation`, each part on the scale it will be judged on. */
export function separationOf(points: readonly LabelledStats[], fusions: Fusions): number {
  return ranked(
    points.map((point) => ({ value: partLogit(fusions, point), ng: point.ng, weight: point.weight })),
  )
}

/**
 * The operating point for any part and for each product. Products on one scale share what their parts say, as few of them
 * may be known; one with good and bad parts enough to show both targets by itself gets its own.
 */
export function limitsFrom(points: readonly LabelledStats[], fusions: Fusions, target: Target): LimitsOf {
  const valued = (of: readonly LabelledStats[], ng: boolean, logitOf: (point: LabelledStats) => number) =>
    of
      .filter((point) => point.ng === ng)
      .map((point): Weighted => ({ value: logitOf(point), weight: point.weight }))
  const common = thresholdsFor(
    valued(points, false, (point) => imageLogit(fusions.common, point)),
    valued(points, true, (point) => imageLogit(fusions.common, point)),
    target,
  )
  const onScale = (of: readonly LabelledStats[], ng: boolean) =>
    valued(of, ng, (point) => partLogit(fusions, point))
  const known = points.filter(({ product = "" }) => fusions.products.has(product))
  const shared =
    known.length > 0 ? thresholdsFor(onScale(known, false), onScale(known, true), target) : common
  const products = [...fusions.products.keys()].map((product): [string, Thresholds] => {
    const own = known.filter((point) => point.product === product)
    const [good, bad] = [onScale(own, false), onScale(own, true)]
    const enough = shows(good, target.overkill) && shows(bad, target.escape)
    return [product, enough ? thresholdsFor(good, bad, target) : shared]
  })
  return { common, products: new Map(products) }
}

/** Whether there are as many parts as a share can be shown by. */
const shows = (points: readonly Weighted[], share: number) => (weightOf(points) + 1) * share >= 1

const weightOf = (points: readonly { weight: number }[]) =>
  points.reduce((sum, { weight }) => sum + weight, 0)

type Shift = { bank: number; head: number }

const moved = <T extends ImageStats>(stats: T, shift: Shift): T => ({
  ...stats,
  bank: stats.bank - shift.bank,
  ...(stats.head !== undefined && { head: stats.head - shift.head }),
})

/** The fusion that says of a part what `fusion` says of it when it is moved. */
function onScaleOf({ bank, fused }: Fusion, shift: Shift): Fusion {
  return {
    bank: { gain: bank.gain, offset: bank.offset - bank.gain * shift.bank },
    ...(fused && {
      fused: { ...fused, offset: fused.offset - fused.bank * shift.bank - fused.head * shift.head },
    }),
  }
}

/** How far the good parts of each product lie from those of all; empty unless several products have good parts enough. */
function shiftsOf(points: readonly LabelledStats[]): Map<string, Shift> {
  const byProduct = new Map<string, LabelledStats[]>()
  for (const point of points) {
    if (point.ng || point.product === undefined) continue
    const own = byProduct.get(point.product)
    if (own) own.push(point)
    else byProduct.set(point.product, [point])
  }
  const known = [...byProduct]
    .filter(([, own]) => weightOf(own) >= leastGood)
    .sort(([a, ownA], [b, ownB]) => weightOf(ownB) - weightOf(ownA) || (a < b ? -1 : 1))
    .slice(0, mostProducts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  if (known.length < 2) return new Map()
  const goods = known.map(([, own]) => own)
  const bank = shifts(goods, ({ bank }) => bank)
  const head = shifts(goods, ({ head }) => head ?? 0)
  return new Map(known.map(([product], i) => [product, { bank: bank[i]!, head: head[i]! }]))
}

/**
 * How far each group's median lies from the middle of all. What chance alone would put between medians of so few parts is
 * taken off (empirical Bayes): products that do not differ stay where they are.
 */
function shifts(
  groups: readonly (readonly LabelledStats[])[],
  get: (point: LabelledStats) => number,
): number[] {
  const measured = groups.map((group) => {
    const points = group.map((point): Weighted => ({ value: get(point), weight: point.weight }))
    const total = weightOf(points)
    const [low, middle, high] = [0.16, 0.5, 0.84].map((share) => quantile(points, share * total)) as Triple
    return { middle, error: ((medianError * (high - low)) / 2) ** 2 / total }
  })
  const centre = measured.reduce((sum, { middle }) => sum + middle, 0) / measured.length
  const between =
    measured.reduce((sum, { middle }) => sum + (middle - centre) ** 2, 0) / (measured.length - 1)
  const chance = measured.reduce((sum, { error }) => sum + error, 0) / measured.length
  const real = Math.max(0, between - chance)
  return measured.map(({ middle, error }) => (real === 0 ? 0 : ((middle - centre) * real) / (real + error)))
}
type Triple = [number, number, number]
