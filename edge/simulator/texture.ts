import { createRandom } from "./random.ts"

/** Side of the square, wrapping texture tiles: a power of two, so that a coordinate wraps by a bit mask. */
export const TILE = 1024
const NOISE_BITS = 18
/** Bit mask of an index into the camera noise. */
export const NOISE_MASK = (1 << NOISE_BITS) - 1

/** Signed bytes; grinding lines run along a row of `brushed`. `noise` has a deviation of 32. */
export interface Textures {
  brushed: Int8Array
  grain: Int8Array
  noise: Int8Array
}

/** The tiles every picture is cut from. About 0.3 s once; they depend on nothing. */
export function createTextures(): Textures {
  return { brushed: brushed(), grain: grain(), noise: cameraNoise() }
}

/** Grinding: many short fine lines over fewer long ones, so that no two bands of a sheet look alike. */
function brushed(): Int8Array {
  const sum = new Float32Array(TILE * TILE)
  const octaves: [number, number, number][] = [
    [24, 0, 0.5],
    [90, 0, 0.8],
    [340, 1, 0.9],
    [500, 5, 0.45],
  ]
  for (const [length, height, weight] of octaves) {
    const layer = whiteNoise(`brushed/${length}`)
    blurRows(layer, length)
    if (height > 0) blurColumns(layer, height)
    addNormalised(sum, layer, weight)
  }
  return toBytes(sum, 38)
}

function grain(): Int8Array {
  const sum = new Float32Array(TILE * TILE)
  for (const [size, weight] of [
    [1, 0.9],
    [4, 0.5],
    [30, 0.4],
  ] as const) {
    const layer = whiteNoise(`grain/${size}`)
    blurRows(layer, size)
    blurColumns(layer, size)
    addNormalised(sum, layer, weight)
  }
  return toBytes(sum, 38)
}

function cameraNoise(): Int8Array {
  const random = createRandom("noise")
  return Int8Array.from({ length: NOISE_MASK + 1 }, () => Math.round(random.normal() * 32))
}

function whiteNoise(name: string): Float32Array {
  const random = createRandom(name)
  const out = new Float32Array(TILE * TILE)
  for (let i = 0; i < out.length; i++) out[i] = random.next() - 0.5
  return out
}

/** Two box passes of half-width `reach` along each row, wrapping. */
function blurRows(field: Float32Array, reach: number) {
  const line = new Float64Array(TILE)
  for (let row = 0; row < TILE; row++) blurLine(field, line, row * TILE, 1, reach)
}

function blurColumns(field: Float32Array, reach: number) {
  const line = new Float64Array(TILE)
  for (let column = 0; column < TILE; column++) blurLine(field, line, column, TILE, reach)
}

function blurLine(field: Float32Array, line: Float64Array, start: number, step: number, reach: number) {
  for (let pass = 0; pass < 2; pass++) {
    let sum = 0
    for (let i = 0; i < TILE; i++) line[i] = field[start + i * step]!
    for (let i = -reach; i <= reach; i++) sum += line[i & (TILE - 1)]!
    for (let i = 0; i < TILE; i++) {
      field[start + i * step] = sum
      sum += line[(i + reach + 1) & (TILE - 1)]! - line[(i - reach) & (TILE - 1)]!
    }
  }
}

function addNormalised(sum: Float32Array, layer: Float32Array, weight: number) {
  let mean = 0
  let square = 0
  for (const value of layer) {
    mean += value
    square += value * value
  }
  mean /= layer.length
  const scale = weight / Math.sqrt(square / layer.length - mean * mean)
  for (let i = 0; i < sum.length; i++) sum[i]! += (layer[i]! - mean) * scale
}

function toBytes(field: Float32Array, deviation: number): Int8Array {
  const total = new Float32Array(field.length)
  addNormalised(total, field, deviation)
  return Int8Array.from(total, (value) => Math.max(-127, Math.min(127, Math.round(value))))
}
