import { expect, test } from "bun:test"
import { fitProjection, openDistances, type PatchPool, unitsOf } from "#models/trainer/bank"
import { coreset } from "#models/trainer/coreset"
import { layOut, type PatchShape } from "#models/trainer/extractor"
import { fitHead, openHead } from "#models/trainer/head"
import { minimise } from "#models/trainer/minimise"
import { createRandom } from "#models/trainer/random"
import { sharesAt } from "#models/trainer/temperature"

const random = createRandom(3)
const [count, dim] = [300, 20]
const pool: PatchPool = {
  rows: Float32Array.from({ length: count * dim }, () => 3 * random.normal() + 1),
  folds: new Int32Array(count),
  count,
  dim,
}

/** A grid of one row whose features are one tap. */
const rowOfCells = (cells: number, dim: number): PatchShape => ({
  h: 1,
  w: cells,
  cells,
  dim,
  stride: 8,
  taps: [{ key: "tap", tensor: "tap", stride: 8, h: 1, w: cells, up: 1, columns: { from: 0, to: dim } }],
})
/** Features [cells, dim] as the tap they come from. */
const looksOf = (rows: Float32Array, cells: number, dim: number) =>
  new Map([
    [
      "tap",
      Float32Array.from({ length: cells * dim }, (_, i) => rows[(i % cells) * dim + Math.floor(i / cells)]!),
    ],
  ])

test("a cell's feature is read from the taps as the model reads it", () => {
  const shape: PatchShape = {
    h: 4,
    w: 4,
    cells: 16,
    dim: 2,
    stride: 8,
    taps: [
      { key: "fine", tensor: "fine", stride: 8, h: 4, w: 4, up: 1, columns: { from: 0, to: 1 } },
      { key: "deep", tensor: "deep", stride: 16, h: 2, w: 2, up: 2, columns: { from: 1, to: 2 } },
    ],
  }
  const looks = new Map([
    ["fine", Float32Array.from({ length: 16 }, (_, i) => i)],
    ["deep", Float32Array.of(0, 4, 8, 12)],
  ])
  const row = new Float32Array(2)
  const deep = [0, 5, 10, 15].map((cell) => {
    layOut(shape, looks, cell, row, 0)
    expect(row[0]).toBe(cell)
    return row[1]
  })
  // Half a pixel in: a quarter of the way to the next, nothing beyond the border.
  expect(deep).toEqual([0, 3, 9, 12])
})

test("the distance onnxruntime computes equals the one computed by hand", async () => {
  const projection = fitProjection(pool, 8, random)
  const projected = (row: Float32Array) =>
    Array.from({ length: 8 }, (_, o) => {
      let sum = 0
      for (let d = 0; d < dim; d++) {
        sum += projection.rows[o * dim + d]! * ((row[d]! - projection.mean[d]!) / projection.unit)
      }
      return sum
    })
  const rows = Float32Array.from({ length: count }, (_, i) => i).reduce<number[]>((all, i) => {
    all.push(...projected(pool.rows.subarray(i * dim, (i + 1) * dim)))
    return all
  }, [])
  const { bank } = await coreset({ ...pool, rows: Float32Array.from(rows), dim: 8 }, 40, random)
  expect(bank.size).toBe(40)
  const queries = Float32Array.from({ length: 10 * dim }, () => 3 * random.normal())
  const engine = await openDistances(projection, bank, rowOfCells(10, dim))
  const found = await engine.distances(looksOf(queries, 10, dim))
  await engine.release()
  for (let q = 0; q < 10; q++) {
    const z = projected(queries.subarray(q * dim, (q + 1) * dim))
    const byHand = Array.from(
      { length: bank.size },
      (_, k) => Math.hypot(...z.map((value, d) => value - bank.rows[k * 8 + d]!)) / bank.units[k]!,
    )
    expect(found[q]).toBeCloseTo(Math.min(...byHand), 3)
  }
})

test("a channel that hardly moves on good parts does not outshout the others", async () => {
  const still = { ...pool, rows: pool.rows.map((value, i) => (i % dim === 0 ? value / 1000 : value)) }
  const projection = fitProjection(still, dim, random)
  const bank = { rows: new Float32Array(dim), units: Float32Array.of(1), size: 1, dim }
  const engine = await openDistances(projection, bank, rowOfCells(1, dim))
  const movedBy = async (channel: number) => {
    const moved = projection.mean.map((value, d) => value + (d === channel ? 1 : 0))
    return (await engine.distances(looksOf(moved, 1, dim)))[0]!
  }
  const [quiet, lively] = [await movedBy(0), await movedBy(1)]
  await engine.release()
  expect(quiet).toBeCloseTo(lively, 3)
})

test("a row among others far apart measures in a larger unit than one in a crowd", async () => {
  const rows = Float32Array.from({ length: 40 }, (_, i) => (i < 20 ? i * 0.01 : i))
  const units = await unitsOf(rows, 40, 1)
  expect(Math.max(...units.subarray(0, 20))).toBeLessThan(Math.min(...units.subarray(20)))
  expect((await unitsOf(Float32Array.of(1, 1, 1), 3, 1)).every((unit) => unit > 0)).toBe(true)
  expect(await unitsOf(Float32Array.of(1), 1, 1)).toHaveLength(1)
})

test("the coreset never takes the same patch twice and stops at copies", async () => {
  const copies: PatchPool = { ...pool, rows: pool.rows.map((_, i) => pool.rows[i % (5 * dim)]!) }
  expect((await coreset(copies, 100, createRandom(1))).bank.size).toBe(5)
})

test("a bank without a fold holds no row of it and is as large as any", async () => {
  const folds = Int32Array.from({ length: count }, (_, i) => i % 3)
  const core = await coreset({ ...pool, folds }, 40, createRandom(1))
  const rowOf = (i: number) => Float16Array.from(pool.rows.subarray(i * dim, (i + 1) * dim)).join()
  for (const fold of [0, 1, 2]) {
    const held = await core.without(fold)
    expect(held.size).toBe(40)
    const own = new Set(
      Array.from({ length: count }, (_, i) => i)
        .filter((i) => i % 3 === fold)
        .map(rowOf),
    )
    for (let k = 0; k < held.size; k++) {
      expect(own.has(held.rows.subarray(k * dim, (k + 1) * dim).join())).toBe(false)
    }
  }
})

test("the minimiser finds the bottom of a narrow valley", async () => {
  const [x, y] = await minimise(
    (theta, gradient) => {
      const [a, b] = [theta[0]!, theta[1]!]
      gradient[0] = -2 * (1 - a) - 400 * a * (b - a * a)
      gradient[1] = 200 * (b - a * a)
      return (1 - a) ** 2 + 100 * (b - a * a) ** 2
    },
    2,
    200,
  )
  expect([x, y]).toEqual([expect.closeTo(1, 2), expect.closeTo(1, 2)])
})

test("the head separates classes and its NG logit has the sign of the class", async () => {
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3)
  const rows = pool.rows.map((value, i) => value + (i % dim === labels[Math.floor(i / dim)] ? 30 : 0))
  const sample = { rows, labels, weights: new Float32Array(count).fill(1), count, dim, classes: 3 }
  const scale = { mean: new Float32Array(dim).fill(1), std: new Float32Array(dim).fill(3) }
  const head = await fitHead(sample, scale, { l2: 0.001, iterations: 60 })
  const features = new Float32Array(count * (dim - 1))
  const last = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    features.set(rows.subarray(i * dim, (i + 1) * dim - 1), i * (dim - 1))
    last[i] = rows[(i + 1) * dim - 1]!
  }
  const engine = await openHead(head, rowOfCells(count, dim - 1))
  const { ng: logits, kinds } = await engine.look(looksOf(features, count, dim - 1), last)
  await engine.release()
  const ofKind = (kind: number) => [...labels.keys()].filter((i) => labels[i] === kind)
  expect(sharesAt(kinds(ofKind(2)), 1)[1]).toBeGreaterThan(0.9)
  expect(sharesAt(kinds(ofKind(1)), 1).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5)
  expect(logits.every((logit, i) => logit > 0 === labels[i]! > 0)).toBe(true)
})
