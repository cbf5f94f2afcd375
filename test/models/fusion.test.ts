import { expect, test } from "bun:test"
import { fitFusion, type LabelledStats, separation } from "#models/trainer/fusion"
import { weightsOf } from "#models/trainer/samples"

const point = (ng: boolean, bank: number, head: number, weight = 1): LabelledStats => ({
  ng,
  bank,
  head,
  weight,
})
/** Twenty good parts and six defects; `headOf` says what the head thinks of a part. */
const parts = (headOf: (ng: boolean, i: number) => number) => [
  ...Array.from({ length: 20 }, (_, i) => point(false, 1 + (i % 7) / 10, headOf(false, i))),
  ...Array.from({ length: 6 }, (_, i) => point(true, 1.65 + i / 5, headOf(true, i))),
]

test("a head that knows nothing leaves the verdict to the bank", async () => {
  const noise = [3, -2, 1, -3, 2, -1, 0]
  const points = parts((_, i) => noise[i % 7]!)
  const { fused } = await fitFusion(points, 0.02)
  const rated = separation(points, await fitFusion(points, 0.02))
  expect(rated).toBeGreaterThan(0.98)
  expect(fused!.head).toBeLessThan(fused!.bank)
})

test("a head that tells defects apart is heard", async () => {
  const points = parts((ng, i) => (ng ? 4 : -4) + (i % 3))
  const fusion = await fitFusion(points, 0.02)
  expect(fusion.fused!.head).toBeGreaterThan(0)
  expect(separation(points, fusion)).toBe(1)
})

test("the separation counts a part by what it stands for", () => {
  const fusion = { bank: { gain: 1, offset: 0 } }
  const [low, high, bad] = [point(false, 1, 0, 9), point(false, 3, 0, 1), point(true, 2, 0)]
  expect(separation([low, high, bad], fusion)).toBeCloseTo(0.9)
  expect(separation([low, high], fusion)).toBe(1)
})

test("near-copies of one part count once, and a part drawn at random more than a doubted one", () => {
  const image = (group: number, weight?: number) => ({
    group,
    pixels: { data: new Uint8Array(), width: 0, height: 0, channels: 3 as const } as never,
    sample: { label: { verdict: "ok" as const, kinds: [], boxes: [] }, ...(weight && { weight }) } as never,
  })
  const plain = weightsOf([image(1), image(2), image(2)])
  expect(plain).toEqual([1, 0.5, 0.5])
  const [doubted, random] = weightsOf([image(1, 0.5), image(2, 2)])
  expect(random! / doubted!).toBeCloseTo(4)
  // (0.5 + 2)² / (0.25 + 4): two unequal parts say less than two equal ones.
  expect(doubted! + random!).toBeCloseTo(1.47, 2)
})
