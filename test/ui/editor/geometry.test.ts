import { expect, test } from "bun:test"
import fc from "fast-check"
import {
  type Box,
  boxFromCorners,
  handles,
  imagePoint,
  minBox,
  moveBox,
  resizeBox,
  screenPoint,
} from "../../../ui/editor/geometry.ts"
import { fit, keep, pinch, type Turn, toImage, toScreen, zoomAt } from "../../../ui/editor/viewport.ts"

const size = fc.record({ w: fc.integer({ min: 20, max: 8000 }), h: fc.integer({ min: 20, max: 8000 }) })
const anywhere = fc.double({ min: -1e4, max: 1e4, noNaN: true })
const place = fc.tuple(anywhere, anywhere)
const viewport = fc.record({
  scale: fc.double({ min: 0.02, max: 20, noNaN: true }),
  x: anywhere,
  y: anywhere,
  turn: fc.constantFrom(0, 1, 2, 3) as fc.Arbitrary<Turn>,
})
const inside = ([x, y, w, h]: Box, s: { w: number; h: number }) =>
  x >= 0 && y >= 0 && w >= 0 && h >= 0 && x + w <= s.w + 1e-6 && y + h <= s.h + 1e-6
const boxOn = size.chain((s) =>
  fc.record({
    size: fc.constant(s),
    box: fc
      .tuple(fc.nat(s.w - minBox), fc.nat(s.h - minBox))
      .chain(([x, y]) =>
        fc.tuple(
          fc.constant(x),
          fc.constant(y),
          fc.integer({ min: minBox, max: s.w - x }),
          fc.integer({ min: minBox, max: s.h - y }),
        ),
      ) as fc.Arbitrary<Box>,
  }),
)

test("a box from any two corners lies on the image, whichever corner came first", () => {
  fc.assert(
    fc.property(size, place, place, (s, a, b) => {
      const box = boxFromCorners(imagePoint(...a), imagePoint(...b), s)
      expect(inside(box, s)).toBe(true)
      expect(boxFromCorners(imagePoint(...b), imagePoint(...a), s)).toEqual(box)
    }),
  )
})

test("moving a box keeps its size and keeps it on the image", () => {
  fc.assert(
    fc.property(boxOn, anywhere, anywhere, ({ size: s, box }, dx, dy) => {
      const moved = moveBox(box, dx, dy, s)
      expect(inside(moved, s)).toBe(true)
      expect([moved[2], moved[3]]).toEqual([box[2], box[3]])
    }),
  )
})

test("pulling any handle anywhere leaves a box that can be seen, on the image", () => {
  fc.assert(
    fc.property(boxOn, fc.constantFrom(...handles), place, ({ size: s, box }, handle, to) => {
      const pulled = resizeBox(box, handle, imagePoint(...to), s)
      expect(inside(pulled, s)).toBe(true)
      expect(Math.min(pulled[2], pulled[3])).toBeGreaterThanOrEqual(minBox - 1e-6)
    }),
  )
})

test("screen to image and back is the same place", () => {
  fc.assert(
    fc.property(viewport, place, (v, p) => {
      const back = toScreen(v, toImage(v, screenPoint(...p)))
      expect(Math.hypot(back.x - p[0], back.y - p[1])).toBeLessThan(1e-6)
    }),
  )
})

test("zooming keeps what is under the finger under the finger", () => {
  fc.assert(
    fc.property(viewport, place, fc.double({ min: 0.1, max: 10, noNaN: true }), (v, p, factor) => {
      const at = screenPoint(...p)
      const before = toImage(v, at)
      const after = toImage(zoomAt(v, at, factor), at)
      expect(Math.hypot(after.x - before.x, after.y - before.y) * v.scale).toBeLessThan(1e-5)
    }),
  )
})

test("a pinch keeps the middle of the fingers on the same spot of the part", () => {
  fc.assert(
    fc.property(viewport, place, place, place, place, (v, a, b, c, d) => {
      const middle = (p: readonly number[], q: readonly number[]) =>
        screenPoint((p[0]! + q[0]!) / 2, (p[1]! + q[1]!) / 2)
      const after = pinch(v, [screenPoint(...a), screenPoint(...b)], [screenPoint(...c), screenPoint(...d)])
      const was = toImage(v, middle(a, b))
      const is = toImage(after, middle(c, d))
      expect(Math.hypot(is.x - was.x, is.y - was.y) * after.scale).toBeLessThan(1e-3)
    }),
  )
})

test("the middle of the stage always shows a piece of the part", () => {
  fc.assert(
    fc.property(viewport, size, size, (v, image, stage) => {
      const kept = keep(v, image, stage)
      const middle = toImage(kept, screenPoint(stage.w / 2, stage.h / 2))
      expect(middle.x).toBeGreaterThanOrEqual(-1e-6)
      expect(middle.x).toBeLessThanOrEqual(image.w + 1e-6)
      expect(middle.y).toBeGreaterThanOrEqual(-1e-6)
      expect(middle.y).toBeLessThanOrEqual(image.h + 1e-6)
      expect(kept.scale).toBeGreaterThanOrEqual(fit(image, stage, kept.turn).scale - 1e-9)
    }),
  )
})
