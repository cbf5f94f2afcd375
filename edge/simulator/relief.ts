import { smooth } from "./maths.ts"
import { bodyDistance, type Product } from "./product.ts"
import { distance, slope } from "./shape.ts"

/** Where the key light comes from, in picture axes (y down), unit length. */
export const LAMP: readonly [number, number] = [-0.6, -0.8]

/**
 * What a product looks like under even light, per pixel, packed in one 32-bit word so that one bilinear
 * look-up serves all: bits 0–7 tone of the metal (already weighted by its coverage), bits 8–15 share of the
 * background that shows (shadow included), bits 16–23 finish (255 = plain face, 0 = no grinding lines).
 */
export interface ReliefMap {
  words: Uint32Array
  width: number
  height: number
}

const BLOCK = 16

/** About 0.1 s per product and size; drawn once, then only moved. */
export function createReliefMap(product: Product, width: number, height: number): ReliefMap {
  const words = new Uint32Array(width * height)
  const scale = 1280 / width
  const xOf = (column: number) => (column - width / 2) * scale
  const yOf = (row: number) => (row - height / 2) * scale
  for (let top = 0; top < height; top += BLOCK) {
    for (let left = 0; left < width; left += BLOCK) {
      const bottom = Math.min(top + BLOCK, height)
      const right = Math.min(left + BLOCK, width)
      const plain = plainWord(product, xOf(left + BLOCK / 2), yOf(top + BLOCK / 2), BLOCK * 0.71 * scale)
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          words[row * width + column] = plain ?? wordAt(product, xOf(column), yOf(row))
        }
      }
    }
  }
  return { words, width, height }
}

/**
 * The word of a whole neighbourhood, if no edge reaches into it: a distance changes by at most one unit per unit
 * of way. Two thirds of every picture are plain face or plain tray.
 */
function plainWord(product: Product, x: number, y: number, reach: number): number | undefined {
  const body = bodyDistance(product, x, y)
  if (body > 70 + reach) return pack(0, 1, 0)
  if (body > -(product.chamfer + 2 + reach)) return undefined
  if (product.cuts.some((cut) => distance(cut.shape, x, y) < cut.bevel + 2 + reach)) return undefined
  const busy = product.reliefs.some((relief) => {
    const away = distance(relief.shape, x, y)
    return away < 2 + reach && away > -(relief.bevel + 2 + reach)
  })
  return busy ? undefined : wordAt(product, x, y)
}

function wordAt(product: Product, x: number, y: number): number {
  const body = bodyDistance(product, x, y)
  if (body > 70) return pack(0, 1, 0)
  let opening = Number.POSITIVE_INFINITY
  for (const cut of product.cuts) opening = Math.min(opening, distance(cut.shape, x, y))
  const metal = Math.max(body, -opening)
  const coverage = smooth(0.8, -0.8, metal)
  const outside = coverage < 1 ? groundAt(product, x, y, body, opening) : { ground: 0, wall: 0 }
  const face = coverage > 0 ? faceAt(product, x, y, body) : { tone: 0, finish: 0 }
  return pack(
    face.tone * coverage + outside.wall * (1 - coverage),
    outside.ground * (1 - coverage),
    face.finish * coverage,
  )
}

function pack(tone: number, ground: number, finish: number): number {
  const byte = (v: number) => Math.max(0, Math.min(255, Math.round(v)))
  return (byte(tone) | (byte(ground * 255) << 8) | (byte(finish * 255) << 16)) >>> 0
}

/** Metal: the face, with slopes towards or away from the lamp brighter or darker than it. */
function faceAt(product: Product, x: number, y: number, body: number) {
  let light = 1
  let finish = 1
  if (body > -product.chamfer) {
    const [nx, ny] = slope((a, b) => bodyDistance(product, a, b), x, y)
    const edge = smooth(-product.chamfer, -product.chamfer + 1.6, body)
    light *= 1 + edge * slopeLight(nx, ny)
    finish *= 1 - 0.75 * edge
  }
  for (const cut of product.cuts) {
    const away = distance(cut.shape, x, y)
    if (away > cut.bevel + 1 || away < -1) continue
    const [nx, ny] = slope((a, b) => distance(cut.shape, a, b), x, y)
    const edge = smooth(cut.bevel + 0.8, cut.bevel - 0.8, away)
    light *= 1 + edge * slopeLight(-nx, -ny)
    finish *= 1 - 0.8 * edge
  }
  for (const relief of product.reliefs) {
    const away = distance(relief.shape, x, y)
    light *= 1 + (relief.tone - 1) * smooth(0.8, -relief.bevel, away)
    if (away > 1 || away < -relief.bevel - 1) continue
    const wall = smooth(0.8, -0.8, away) * smooth(-relief.bevel - 0.8, -relief.bevel + 0.8, away)
    const [nx, ny] = slope((a, b) => distance(relief.shape, a, b), x, y)
    light *= 1 + wall * 0.8 * slopeLight(-nx * relief.sense, -ny * relief.sense)
    finish *= 1 - 0.6 * wall
  }
  return { tone: product.tone * light, finish }
}

/** Gain of a 45° slope that falls away in direction (nx, ny); a raw metal edge has a bright and a dark side. */
function slopeLight(nx: number, ny: number): number {
  const towards = nx * LAMP[0] + ny * LAMP[1]
  return towards > 0 ? 0.1 + 0.52 * towards : 0.06 + 0.56 * towards
}

/** Beside the part its shadow falls on the tray; through a hole one sees the lit wall and then the dark tray. */
function groundAt(product: Product, x: number, y: number, body: number, opening: number) {
  if (opening < 0) {
    const cut = product.cuts.find((c) => distance(c.shape, x, y) < 0.8)
    const depth = -opening
    let wall = 0
    if (cut && depth < 9) {
      const [nx, ny] = slope((a, b) => distance(cut.shape, a, b), x, y)
      // The wall that faces the lamp lies on the far side of the hole.
      const facing = -(nx * LAMP[0] + ny * LAMP[1])
      wall =
        product.tone * smooth(9, 2, depth) * (0.2 + 0.42 * Math.max(0, -facing) + 0.12 * Math.max(0, facing))
    }
    return { ground: 0.34 + 0.2 * smooth(4, 40, depth), wall }
  }
  const lit = bodyDistance(product, x + LAMP[0] * 16, y + LAMP[1] * 16)
  const cast = smooth(-14, 34, lit)
  const contact = smooth(-4, 16, body)
  return { ground: 0.3 + 0.7 * cast * (0.7 + 0.3 * contact), wall: 0 }
}
