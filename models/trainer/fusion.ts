import { minimise } from "./minimise.ts"

/** What two views say about one image: mean of the worst patches' bank distance and of their head logit. */
export type ImageStats = { bank: number; head?: number }
export type LabelledStats = ImageStats & { ng: boolean; weight: number }

/**
 * Image logit = max(bank view, fused view). The bank view alone may reject, so a defect nobody has labelled
 * yet is not talked away by a head that never saw it; the fused view lets labels catch what the bank passes.
 * Both apply to single cells as well, which keeps map and score on one scale.
 */
export type Fusion = {
  bank: { gain: number; offset: number }
  fused?: { bank: number; head: number; offset: number }
}

/** Number of cells whose mean is the image's statistic: small defects cover a few cells only. */
export function worstCells(cells: number): number {
  return Math.max(3, Math.round(cells * 0.0015))
}

/** Mean of the `k` largest values. */
export function meanOfWorst(values: Float32Array, k: number): number {
  const sorted = Float32Array.from(values).sort()
  let sum = 0
  for (let i = sorted.length - k; i < sorted.length; i++) sum += sorted[i]!
  return sum / k
}

export function imageLogit({ bank, fused }: Fusion, stats: ImageStats): number {
  const alone = bank.gain * stats.bank + bank.offset
  if (!fused || stats.head === undefined) return alone
  return Math.max(alone, fused.bank * stats.bank + fused.head * stats.head + fused.offset)
}

/**
 * Fits the two views on statistics no part of which was trained on the same part. `overkill` is the share of
 * good parts the bank view may reach its middle with.
 */
export async function fitFusion(points: readonly LabelledStats[], overkill: number): Promise<Fusion> {
  const bank = fitBankView(
    points.filter((point) => !point.ng).map((point) => point.bank),
    overkill,
  )
  const usable = points.filter((point) => point.head !== undefined)
  const fused = usable.some((point) => point.ng) ? await fitFusedView(usable) : undefined
  return { bank, ...(fused && { fused }) }
}

/** Logit -3 at the median good part, 0 a quarter of the spread beyond the upper quantile of good parts. */
function fitBankView(good: readonly number[], overkill: number): Fusion["bank"] {
  const sorted = good.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  const upper = sorted[Math.min(sorted.length - 1, Math.ceil((sorted.length + 1) * (1 - overkill)) - 1)] ?? 1
  const reach = Math.max(1.25 * (upper - median), 0.05 * Math.abs(median), 1e-6)
  const gain = 3 / reach
  return { gain, offset: -3 - gain * median }
}

/** Class-balanced logistic regression on two inputs, weights never below zero, ridge against running off. */
async function fitFusedView(points: readonly LabelledStats[]): Promise<NonNullable<Fusion["fused"]>> {
  const columns = [points.map((p) => p.bank), points.map((p) => p.head!)]
  const scale = columns.map((column) => {
    const mean = column.reduce((sum, x) => sum + x, 0) / column.length
    const variance = column.reduce((sum, x) => sum + (x - mean) ** 2, 0) / column.length
    return { mean, std: Math.sqrt(variance) + 1e-6 }
  })
  const ngCount = points.filter((p) => p.ng).length
  const balance = { ng: 0.5 / ngCount, ok: 0.5 / (points.length - ngCount) }
  const fit = (active: readonly boolean[]) =>
    minimise(
      (theta, gradient) => {
        gradient.fill(0)
        let loss = 0
        for (const [i, point] of points.entries()) {
          const x = columns.map((column, c) =>
            active[c] ? (column[i]! - scale[c]!.mean) / scale[c]!.std : 0,
          )
          const z = theta[2]! + theta[0]! * x[0]! + theta[1]! * x[1]!
          const weight = point.ng ? balance.ng : balance.ok
          const signed = point.ng ? z : -z
          loss +=
            weight * (signed > 0 ? Math.log1p(Math.exp(-signed)) : -signed + Math.log1p(Math.exp(signed)))
          const g = weight * (1 / (1 + Math.exp(-z)) - (point.ng ? 1 : 0))
          gradient[0]! += g * x[0]!
          gradient[1]! += g * x[1]!
          gradient[2]! += g
        }
        for (const c of [0, 1]) {
          loss += 0.5 * ridge * theta[c]! ** 2
          gradient[c]! += ridge * theta[c]!
        }
        return loss
      },
      3,
      50,
    )
  let theta = await fit([true, true])
  if (theta[0]! < 0) theta = await fit([false, true])
  else if (theta[1]! < 0) theta = await fit([true, false])
  const weights = scale.map(({ std }, c) => Math.max(0, theta[c]!) / std)
  const offset = theta[2]! - weights.reduce((sum, w, c) => sum + w * scale[c]!.mean, 0)
  return { bank: weights[0]!, head: weights[1]!, offset }
}

const ridge = 0.01
