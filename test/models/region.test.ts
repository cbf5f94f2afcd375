import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { boundsOf, spansOf } from "#contract/outline"
import { readOnnx } from "#models/onnx/read"
import { houseLayout, makeHouseSegmenter } from "#models/segment/house"
import { recogniseSegmenter } from "#models/segment/layout"
import { type Candidate, regionOf } from "#models/segment/region.rules"

const grid = (
  w: number,
  h: number,
  logits: ArrayLike<number>,
  size: { w: number; h: number },
): Candidate => ({
  w,
  h,
  logits: Float32Array.from(logits),
  perX: w / size.w,
  perY: h / size.h,
  score: null,
})

/** Pixels of a mask, numbered down the columns. */
function pixelsOf(mask: { type: "mask"; size: [number, number]; counts: string }): Set<number> {
  const spans = spansOf(mask)
  const pixels = new Set<number>()
  for (let i = 0; i < spans.length; i += 2) for (let p = spans[i]!; p < spans[i + 1]!; p++) pixels.add(p)
  return pixels
}

describe("a region cut out of a decoder's answer", () => {
  const side = fc.integer({ min: 2, max: 7 })
  const cases = fc
    .tuple(side, side, fc.integer({ min: 3, max: 40 }), fc.integer({ min: 3, max: 40 }))
    .chain(([w, h, pw, ph]) =>
      fc.tuple(
        fc.constant({ w, h, size: { w: pw, h: ph } }),
        fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: w * h, maxLength: w * h }),
      ),
    )

  test("has just the pixels where the answer, drawn out between its cells, is above zero", () => {
    fc.assert(
      fc.property(cases, ([{ w, h, size }, logits]) => {
        const candidate = grid(w, h, logits, size)
        // The whole picture as a box: everything positive is meant, no matter how it hangs together.
        const region = regionOf([candidate], { points: [], box: [0, 0, size.w, size.h] }, size)
        const pixels = region ? pixelsOf(region.mask) : new Set<number>()
        const value = (x: number, y: number) => {
          const at = Math.min(h - 1, Math.max(0, y)) * w + Math.min(w - 1, Math.max(0, x))
          return candidate.logits[at]! > 0 ? candidate.logits[at]! : Math.min(candidate.logits[at]!, -1e-6)
        }
        for (let x = 0; x < size.w; x++)
          for (let y = 0; y < size.h; y++) {
            const [gx, gy] = [(x + 0.5) * candidate.perX - 0.5, (y + 0.5) * candidate.perY - 0.5]
            const [cx, cy] = [Math.floor(gx), Math.floor(gy)]
            const [fx, fy] = [gx - cx, gy - cy]
            const upper = value(cx, cy) * (1 - fx) + value(cx + 1, cy) * fx
            const lower = value(cx, cy + 1) * (1 - fx) + value(cx + 1, cy + 1) * fx
            const exact = upper * (1 - fy) + lower * fy
            // Right on the line either is right.
            if (Math.abs(exact) < 1e-6) continue
            expect(pixels.has(x * size.h + y)).toBe(exact > 0)
          }
      }),
      { numRuns: 300 },
    )
  })

  test("holds what was tapped, hangs together, and has a polygon around it on the picture", () => {
    fc.assert(
      fc.property(cases, fc.nat(), ([{ w, h, size }, logits], pick) => {
        const candidate = grid(w, h, logits, size)
        const positive = [...candidate.logits.keys()].filter((i) => candidate.logits[i]! > 0.05)
        if (positive.length === 0) return
        const cell = positive[pick % positive.length]!
        const tap = {
          x: ((cell % w) + 0.5) / candidate.perX,
          y: (Math.floor(cell / w) + 0.5) / candidate.perY,
          inside: true,
        }
        const region = regionOf([candidate], { points: [tap] }, size)
        if (!region) return
        const [x, y, bw, bh] = boundsOf(region.mask)
        expect(x >= 0 && y >= 0 && x + bw <= size.w && y + bh <= size.h).toBe(true)
        for (const [px, py] of region.polygon?.points ?? [])
          expect(px >= 0 && py >= 0 && px <= size.w && py <= size.h).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test("is the piece that was tapped, not another one, and nothing where nothing is", () => {
    const logits = [
      1, -1, -1, -1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1, -1, -1, -1, -1, -1, -1,
    ]
    const candidate = grid(5, 5, logits, { w: 50, h: 50 })
    const tapped = (x: number, y: number) =>
      regionOf([candidate], { points: [{ x, y, inside: true }] }, { w: 50, h: 50 })
    expect(boundsOf(tapped(5, 5)!.mask)[0]).toBeLessThan(5)
    const lower = tapped(25, 35)!
    expect(boundsOf(lower.mask)[1]).toBeGreaterThan(20)
    expect(
      regionOf(
        [
          grid(
            5,
            5,
            logits.map(() => -1),
            { w: 50, h: 50 },
          ),
        ],
        { points: [{ x: 5, y: 5, inside: true }] },
        { w: 50, h: 50 },
      ),
    ).toBeNull()
  })

  test("of several answers the surest is taken, and without sureness the one with the clearest edge", () => {
    const size = { w: 16, h: 16 }
    const block = (steep: number, half: number) =>
      Array.from({ length: 256 }, (_, i) => {
        const [x, y] = [i % 16, Math.floor(i / 16)]
        return Math.max(Math.abs(x - 7.5), Math.abs(y - 7.5)) < half ? 1 : -steep
      })
    const [soft, clear] = [grid(16, 16, block(0.05, 5), size), grid(16, 16, block(3, 3), size)]
    const pointing = { points: [{ x: 8, y: 8, inside: true }] }
    expect(boundsOf(regionOf([soft, clear], pointing, size)!.mask)[2]).toBeLessThan(8)
    const sure = regionOf(
      [
        { ...soft, score: 0.9 },
        { ...clear, score: 0.2 },
      ],
      pointing,
      size,
    )
    expect(boundsOf(sure!.mask)[2]).toBeGreaterThan(8)
  })
})

test("the built-in pair has the form it says it has", () => {
  const { encoder, decoder } = makeHouseSegmenter()
  const recognised = recogniseSegmenter(readOnnx(encoder), readOnnx(decoder))
  // It has no scores, and a box is told by a point in its middle: that nobody can see from its ends.
  expect(recognised).toEqual({ ...houseLayout, decoder: { ...houseLayout.decoder, box: "corners" } })
})
