import { expect, test } from "bun:test"
import { createRandom } from "#models/trainer/random"
import {
  calibrateKinds,
  calibrationError,
  fitTemperature,
  type KindPoint,
  sharesAt,
} from "#models/trainer/temperature"

const seed = Number(process.env.CRUX_TEST_SEED ?? 1)
const random = createRandom(seed)

/** Logarithms of probabilities. */
const logsOf = (logits: readonly number[]) => {
  const sum = Math.log(logits.reduce((total, z) => total + Math.exp(z), 0))
  return logits.map((z) => z - sum)
}

/** Defects whose kinds fall as a head says, were its logits not `shouted` times too large. */
function pointsOf(count: number, shouted: number): KindPoint[] {
  return Array.from({ length: count }, (_, i) => {
    const logits = [0, 1, 2].map(() => 2 * random.normal())
    const shares = sharesAt([logsOf(logits)], 1)
    const at = random.uniform()
    const kind = shares.findIndex(
      (_, k) => at < shares.slice(0, k + 1).reduce((sum, share) => sum + share, 0),
    )
    return { look: [logsOf(logits.map((z) => z * shouted))], kind: Math.max(0, kind), fold: i % 4 }
  })
}

test("a temperature undoes how much too loud a head is", () => {
  for (const shouted of [0.5, 1, 3]) {
    const temperature = fitTemperature(pointsOf(2_000, shouted))
    expect(temperature / shouted).toBeGreaterThan(0.8)
    expect(temperature / shouted).toBeLessThan(1.25)
  }
})

test("it changes how sure a head is, and never what it names", () => {
  for (const { look } of pointsOf(200, 2)) {
    const named = (temperature: number) => {
      const shares = sharesAt(look, temperature)
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 6)
      return shares.indexOf(Math.max(...shares))
    }
    expect(named(4)).toBe(named(1))
    expect(named(0.3)).toBe(named(1))
  }
})

test("a head that shouts errs less about how sure it may be afterwards, judged on parts the temperature was not fitted on", () => {
  const { temperature, ece, ece_before } = calibrateKinds(pointsOf(600, 4))
  expect(temperature).toBeGreaterThan(2)
  expect(ece).toBeLessThan(ece_before)
})

test("a few defects change nothing", () => {
  expect(fitTemperature(pointsOf(19, 4))).toBe(1)
  expect(calibrateKinds([])).toEqual({ temperature: 1, parts: 0, right: 0, ece: 0, ece_before: 0 })
})

test("the calibration error is nought for one that is right as often as it is sure, and what it is off by otherwise", () => {
  const said = (sure: number, right: number, of: number) =>
    Array.from({ length: of }, (_, i) => ({ sure, right: i < right }))
  expect(
    calibrationError(said(0.75, 3, 4).flatMap((one) => Array.from({ length: 15 }, () => one))),
  ).toBeCloseTo(0.25 * 2 * 0.75, 1)
  expect(calibrationError(said(1, 30, 30))).toBe(0)
  expect(calibrationError(said(1, 0, 30))).toBe(1)
})
