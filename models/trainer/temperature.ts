import type { KindLook } from "./head.ts"

/** How a head that had not seen a defect shared out the kinds, which one it is, and the fold the head was kept from. */
export type KindPoint = { look: KindLook; kind: number; fold: number }

/** With fewer defects a temperature would be fitted to chance. */
const leastPoints = 20
/** Logarithms of the coolest and the hottest temperature; beyond either something else is wrong. */
const reach = { low: Math.log(0.25), high: Math.log(8) }
const bins = 15

/** Probabilities of the kinds over some cells: the mean of the cells' own, each softened by the temperature. */
export function sharesAt(look: KindLook, temperature: number): number[] {
  const sums: number[] = (look[0] ?? []).map(() => 0)
  for (const cell of look) {
    const top = Math.max(...cell)
    const parts = cell.map((log) => Math.exp((log - top) / temperature))
    const whole = parts.reduce((sum, part) => sum + part, 0)
    for (const [kind, part] of parts.entries()) sums[kind]! += part / whole / look.length
  }
  return sums
}

/**
 * The temperature at which what was given to the kinds that the defects are is largest (least cross-entropy); 1 where too
 * few defects are known to tell. One number for all kinds, so it changes no order and no name.
 */
export function fitTemperature(points: readonly KindPoint[]): number {
  if (points.length < leastPoints) return 1
  const loss = (log: number) => {
    const temperature = Math.exp(log)
    let sum = 0
    for (const { look, kind } of points) sum -= Math.log(Math.max(1e-9, sharesAt(look, temperature)[kind]!))
    return sum / points.length
  }
  return Math.exp(goldenSection(loss, reach.low, reach.high, 40))
}

/** The place of the least value of a function with one valley, by golden section. */
function goldenSection(of: (x: number) => number, from: number, to: number, steps: number): number {
  const golden = (Math.sqrt(5) - 1) / 2
  let [low, high] = [from, to]
  let [a, b] = [high - golden * (high - low), low + golden * (high - low)]
  let [atA, atB] = [of(a), of(b)]
  for (let step = 0; step < steps; step++) {
    if (atA <= atB) {
      ;[high, b, atB] = [b, a, atA]
      a = high - golden * (high - low)
      atA = of(a)
    } else {
      ;[low, a, atA] = [a, b, atB]
      b = low + golden * (high - low)
      atB = of(b)
    }
  }
  return (low + high) / 2
}

/**
 * Expected calibration error: parts in order of how sure the model was, cut into 15 groups of equal size; by how much its
 * sureness and how often it was right lie apart, on average. 0 without parts.
 */
export function calibrationError(said: readonly { sure: number; right: boolean }[]): number {
  const rising = said.toSorted((a, b) => a.sure - b.sure)
  const groups = Math.min(bins, rising.length)
  let error = 0
  for (let group = 0; group < groups; group++) {
    const from = Math.floor((group * rising.length) / groups)
    const to = Math.floor(((group + 1) * rising.length) / groups)
    let apart = 0
    for (const { sure, right } of rising.slice(from, to)) apart += sure - (right ? 1 : 0)
    error += Math.abs(apart)
  }
  return rising.length === 0 ? 0 : error / rising.length
}

export type KindFigures = {
  temperature: number
  parts: number
  right: number
  ece: number
  ece_before: number
}

/**
 * The temperature for a head, and how well its kinds are named and how sure of them it is, before and after: each part
 * under a temperature fitted without its fold.
 */
export function calibrateKinds(points: readonly KindPoint[]): KindFigures {
  const folds = new Set(points.map(({ fold }) => fold))
  const others = new Map(
    [...folds].map((fold) => [fold, fitTemperature(points.filter((point) => point.fold !== fold))]),
  )
  const saidAt = (temperatureOf: (fold: number) => number) =>
    points.map(({ look, kind, fold }) => {
      const shares = sharesAt(look, temperatureOf(fold))
      const sure = Math.max(...shares)
      return { sure, right: shares.indexOf(sure) === kind }
    })
  const before = saidAt(() => 1)
  return {
    temperature: fitTemperature(points),
    parts: points.length,
    right: before.filter(({ right }) => right).length / Math.max(1, points.length),
    ece: calibrationError(saidAt((fold) => others.get(fold)!)),
    ece_before: calibrationError(before),
  }
}
