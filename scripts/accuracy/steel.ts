import { join } from "node:path"
import type { Backbone } from "#models/backbone/backbone"
import { createRandom } from "#models/trainer/random"
import { calibrationError, fitTemperature, type KindPoint, sharesAt } from "#models/trainer/temperature"
import { balancedAccuracy, type EmbeddedPart, fit, probabilities, readSteel } from "../bench/linear.ts"

/** Labels of each of the seven kinds. */
const perKind = [1, 7, 28]
const seeds = [1, 2, 3]
const folds = 4

export type SteelRow = {
  labels: number
  accuracy: number
  /** Calibration error on the test half; `after` a temperature fitted on the labels held out in turn. */
  before: number
  after: number
}

/**
 * How well kinds of defects are told apart from few labels, and how sure one may be of it: strips of steel have no good parts
 * to learn from, so this is the trainer's linear head on the embeddings alone. Means of three draws.
 */
export async function measureSteel(data: string, backbone: Backbone): Promise<SteelRow[]> {
  const { parts, classes } = await readSteel(join(data, "steel-xsdd"), backbone)
  const test = parts.filter((part) => part.test)
  const rows: SteelRow[] = []
  for (const each of perKind) {
    const draws: Omit<SteelRow, "labels">[] = []
    for (const seed of seeds) {
      const pool = createRandom(seed).shuffled(parts.filter((part) => !part.test))
      const labelled = Array.from({ length: classes }, (_, kind) =>
        pool.filter(({ label }) => label === kind).slice(0, each),
      ).flat()
      const head = await fit(labelled, classes)
      const temperature = fitTemperature(await heldOut(labelled, classes))
      const errorAt = (t: number) =>
        calibrationError(
          test.map(({ vector, label }) => {
            const shares = sharesAt([logsOf(probabilities(head, vector))], t)
            const sure = Math.max(...shares)
            return { sure, right: shares.indexOf(sure) === label }
          }),
        )
      draws.push({
        accuracy: balancedAccuracy(head, test, classes),
        before: errorAt(1),
        after: errorAt(temperature),
      })
    }
    const mean = (of: (draw: (typeof draws)[number]) => number) =>
      draws.reduce((sum, draw) => sum + of(draw) / draws.length, 0)
    rows.push({
      labels: each * classes,
      accuracy: mean((draw) => draw.accuracy),
      before: mean((draw) => draw.before),
      after: mean((draw) => draw.after),
    })
  }
  return rows
}

/** What classifiers that had not seen them make of labelled parts. */
async function heldOut(labelled: readonly EmbeddedPart[], classes: number): Promise<KindPoint[]> {
  const points: KindPoint[] = []
  for (let fold = 0; fold < folds; fold++) {
    const head = await fit(
      labelled.filter((_, i) => i % folds !== fold),
      classes,
    )
    for (const { vector, label } of labelled.filter((_, i) => i % folds === fold))
      points.push({ look: [logsOf(probabilities(head, vector))], kind: label, fold })
  }
  return points
}

const logsOf = (shares: Float64Array) => Array.from(shares, (share) => Math.log(Math.max(1e-12, share)))
