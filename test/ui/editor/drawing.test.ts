import { expect, test } from "bun:test"
import fc from "fast-check"
import * as v from "valibot"
import { Drawing } from "#contract/drawing"
import { boundsOf, boxesOf, decodeRuns, encodeRuns, spansOf } from "#contract/outline"
import { areasToMasks, mergeAreas } from "../../../ui/editor/areas.ts"
import { type Box, imagePoint } from "../../../ui/editor/geometry.ts"
import { fillSpans, joined, maskOf, strokeSpans, union, without } from "../../../ui/editor/mask.ts"
import { columnsOf, hits, moveOutline, scaleOutline, simplify } from "../../../ui/editor/outline.ts"
import { documentOfDrawing, drawingOf, isPlain, noteKey } from "../../../ui/editor/saved.ts"
import { boxOnSide } from "../../../ui/editor/side.ts"
import { documentOf } from "../../../ui/editor/state.ts"
import { createTestEditor, suggestion } from "../support/editor.ts"

const total = 400
const spans = fc
  .array(fc.tuple(fc.nat(total), fc.nat(total)))
  .map((pairs) => joined(pairs.map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)))
const pixels = (s: Int32Array) => {
  const all = new Set<number>()
  for (let i = 0; i < s.length; i += 2) for (let at = s[i]!; at < s[i + 1]!; at++) all.add(at)
  return all
}

test("a mask written and read again has the same pixels", () => {
  fc.assert(
    fc.property(spans, (s) => {
      expect(decodeRuns(encodeRuns(s, total), total)).toEqual(s)
    }),
  )
})

test("a mask is written as COCO writes it", () => {
  // The small example of COCO's tools: an image of 9 × 10.
  const runs = [6, 1, 40, 4, 5, 4, 5, 4, 21]
  const s: number[] = []
  let at = 0
  runs.forEach((run, i) => {
    if (i % 2 === 1) s.push(at, at + run)
    at += run
  })
  expect(encodeRuns(Int32Array.from(s), 90)).toBe("61X13mN000`0")
})

test("what is no mask is refused instead of read as one", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const read = decodeRuns(text, total)
      if (read) for (let i = 0; i < read.length; i++) expect(read[i]!).toBeLessThanOrEqual(total)
    }),
  )
})

test("brush and eraser do to masks what sets of pixels do", () => {
  fc.assert(
    fc.property(spans, spans, (a, b) => {
      expect(pixels(union(a, b))).toEqual(pixels(a).union(pixels(b)))
      expect(pixels(without(a, b))).toEqual(pixels(a).difference(pixels(b)))
    }),
  )
})

test("a stroke covers the pixels whose centre it passes, and no other", () => {
  const at = fc.record({
    x: fc.double({ min: -5, max: 25, noNaN: true }),
    y: fc.double({ min: -5, max: 25, noNaN: true }),
  })
  fc.assert(
    fc.property(at, at, fc.integer({ min: 1, max: 12 }), (a, b, diameter) => {
      const size = { w: 20, h: 20 }
      const covered = pixels(strokeSpans([imagePoint(a.x, a.y), imagePoint(b.x, b.y)], diameter, size))
      for (let x = 0; x < 20; x++)
        for (let y = 0; y < 20; y++) {
          const [px, py, dx, dy] = [x + 0.5, y + 0.5, b.x - a.x, b.y - a.y]
          const length = dx * dx + dy * dy
          const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((px - a.x) * dx + (py - a.y) * dy) / length))
          const d = Math.hypot(a.x + t * dx - px, a.y + t * dy - py)
          if (Math.abs(d - diameter / 2) < 1e-6) continue
          expect(covered.has(x * 20 + y)).toBe(d < diameter / 2)
        }
    }),
    { numRuns: 60 },
  )
})

test("moving any outline keeps it on the image and keeps its size", () => {
  const size = { w: 200, h: 100 }
  const place = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 100 }))
  const far = fc.integer({ min: -400, max: 400 })
  fc.assert(
    fc.property(fc.array(place, { minLength: 3, maxLength: 9 }), far, far, (points, dx, dy) => {
      const moved = moveOutline({ type: "polygon", points }, dx, dy, size)
      const [[, , w, h], [mx, my, mw, mh]] = [boundsOf({ type: "polygon", points }), boundsOf(moved)]
      expect([mw, mh]).toEqual([w, h])
      expect(mx >= 0 && my >= 0 && mx + mw <= size.w && my + mh <= size.h).toBe(true)
    }),
  )
})

test("a traced edge made simpler stays as near as was asked, and keeps its ends", () => {
  const trace = fc.array(fc.tuple(fc.nat(100), fc.nat(100)), { minLength: 2, maxLength: 40 })
  fc.assert(
    fc.property(trace, (places) => {
      const points = places.map(([x, y]) => imagePoint(x, y))
      const simple = simplify(points, 3)
      expect([simple[0], simple.at(-1)]).toEqual([points[0], points.at(-1)])
      const line = { type: "line" as const, points: simple.map(({ x, y }): [number, number] => [x, y]) }
      for (const p of points) expect(hits(line, p, 3 + 1e-6)).toBe(true)
    }),
  )
})

test("a turned box has the side it was drawn from", () => {
  const box = boxOnSide(imagePoint(100, 100), imagePoint(200, 200), imagePoint(100, 200))
  expect(box?.angle).toBe(45)
  expect(box?.box[2]).toBeCloseTo(Math.hypot(100, 100))
  expect(box?.box[3]).toBeCloseTo(Math.hypot(100, 100) / 2)
})

test("taps set the corners of a polygon and a tap on the first closes it", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "polygon" })
  editor.tap([100, 100])
  editor.tap([200, 100])
  editor.tap([200, 200])
  editor.tap([104, 102])
  expect(editor.shapes[0]!.outline).toEqual({
    type: "polygon",
    points: [
      [200, 200],
      [400, 200],
      [400, 400],
    ],
  })
  expect(editor.state.mode).toBe("hand")
})

test("a polygon traced in one go is closed when the finger is lifted", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "polygon" })
  const finger = editor.touch([100, 100])
  for (const place of [
    [200, 100],
    [200, 200],
    [100, 200],
  ] as const)
    finger.move(place)
  finger.lift([100, 110])
  expect(editor.shapes[0]!.outline.type).toBe("polygon")
})

test("two fingers look closer in the middle of a polygon, and undo takes one corner back", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "polygon" })
  editor.tap([100, 100])
  editor.tap([200, 100])
  editor.tap([300, 300])
  const a = editor.touch([200, 200])
  const b = editor.touch([300, 200])
  b.move([400, 200])
  a.lift([200, 200])
  b.lift([400, 200])
  expect(editor.state.viewport.scale).toBeGreaterThan(0.5)
  editor.act({ type: "undo" })
  expect(editor.state.gesture).toMatchObject({ name: "path", points: [{ x: 200 }, { x: 400 }] })
})

test("a turned box takes three taps", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "rotated" })
  editor.tap([100, 100])
  editor.tap([150, 150])
  editor.tap([100, 150])
  expect(editor.shapes[0]!.outline).toMatchObject({ type: "box", angle: 45 })
})

test("two taps make an ellipse, one a point, a drag a line", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "ellipse" })
  editor.tap([100, 100])
  editor.tap([200, 150])
  editor.act({ type: "mode", mode: "point" })
  editor.tap([50, 50])
  editor.act({ type: "mode", mode: "line" })
  editor.drag([300, 300], [400, 300])
  expect(editor.shapes.map(({ outline }) => outline)).toEqual([
    { type: "ellipse", box: [200, 200, 200, 100] },
    { type: "point", at: [100, 100] },
    {
      type: "line",
      points: [
        [600, 600],
        [800, 600],
      ],
    },
  ])
})

test("a handle that is tapped goes to the next tap: no drag is needed", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.tap([150, 150])
  editor.tap([200, 200])
  expect(editor.state.gesture.name).toBe("carry")
  editor.tap([250, 260])
  expect(editor.boxes).toEqual([[200, 200, 300, 320]])
})

test("what is selected can be brought to a tap", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.tap([150, 150])
  editor.act({ type: "bring" })
  editor.tap([300, 200])
  expect(editor.boxes).toEqual([[500, 300, 200, 200]])
})

test("the knob above a turned box turns it further, an upright box has none", () => {
  const upright = createTestEditor([suggestion("m1", [400, 300, 200, 200])])
  upright.tap([250, 200])
  upright.drag([250, 115], [350, 200])
  expect(upright.shapes[0]!.outline).toEqual({ type: "box", box: [400, 300, 200, 200] })
  const turned = suggestion("m1", [400, 300, 200, 200])
  const editor = createTestEditor([
    { ...turned, outline: { type: "box", box: [400, 300, 200, 200], angle: 0 } },
  ])
  editor.tap([250, 200])
  editor.drag([250, 115], [350, 200])
  expect(editor.shapes[0]!.outline).toMatchObject({ angle: 90 })
})

test("the brush paints one mask in many strokes, the eraser takes from it, and undo brings it back", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "brush" })
  editor.act({ type: "brush", size: 40 })
  editor.drag([100, 100], [200, 100])
  editor.drag([150, 50], [150, 150])
  expect(editor.shapes).toHaveLength(1)
  const before = editor.shapes[0]!.outline
  editor.act({ type: "mode", mode: "eraser" })
  editor.act({ type: "brush", size: 1000 })
  editor.tap([150, 100])
  expect(editor.shapes).toHaveLength(0)
  editor.act({ type: "undo" })
  expect(editor.shapes[0]!.outline).toEqual(before)
})

test("merging areas gives one mask with the pixels of both", () => {
  const editor = createTestEditor([suggestion("a", [0, 0, 10, 10]), suggestion("b", [5, 5, 10, 10])])
  editor.act({ type: "select-all" })
  const merged = mergeAreas(editor.state)
  expect(merged).not.toBeNull()
  editor.act(merged!)
  const { outline } = editor.shapes[0]!
  expect(outline.type === "mask" && pixels(spansOf(outline)).size).toBe(175)
})

test("an area becomes a mask of its pixels", () => {
  const editor = createTestEditor([suggestion("a", [10, 10, 20, 30])])
  editor.act({ type: "select-all" })
  editor.act(areasToMasks(editor.state)!)
  expect(pixels(fillSpans(editor.shapes[0]!.outline, { w: 1000, h: 800 })).size).toBe(600)
})

test("two taps relate two regions; removing one removes the relation", () => {
  const editor = createTestEditor([suggestion("a", [0, 0, 100, 100]), suggestion("b", [400, 400, 100, 100])])
  editor.act({ type: "mode", mode: "link" })
  editor.tap([25, 25])
  editor.tap([225, 225])
  expect(documentOf(editor.state).relations).toEqual([{ from: "a", to: "b" }])
  editor.act({ type: "remove", id: "b" })
  expect(documentOf(editor.state).relations).toEqual([])
})

test("a locked shape is neither moved nor removed", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.act({ type: "lock", ids: ["m1"], on: true })
  editor.act({ type: "select", id: "m1" })
  editor.drag([150, 150], [250, 250])
  editor.act({ type: "remove-selection" })
  expect(editor.boxes).toEqual([[200, 200, 200, 200]])
})

test("a copy lies beside its original and goes along to the next part", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.act({ type: "select", id: "m1" })
  editor.act({ type: "copy" })
  editor.act({ type: "paste" })
  expect(editor.boxes[1]).toEqual([248, 248, 200, 200])
  editor.act({ type: "open", image: { w: 1000, h: 800 }, shapes: [] })
  editor.act({ type: "paste" })
  expect(editor.boxes).toEqual([[248, 248, 200, 200]])
})

test("with snapping a corner lands on the corner nearby", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.act({ type: "snap", on: true })
  editor.act({ type: "mode", mode: "box" })
  editor.drag([204, 203], [300, 300])
  expect(editor.boxes[1]).toEqual([400, 400, 200, 200])
})

test("undo has no limit and a held arrow key is one step", () => {
  const editor = createTestEditor()
  for (let i = 0; i < 300; i++) {
    editor.act({ type: "mode", mode: "point" })
    editor.tap([50 + (i % 400), 50])
  }
  for (let i = 0; i < 300; i++) editor.act({ type: "undo" })
  expect(editor.shapes).toHaveLength(0)
  for (let i = 0; i < 300; i++) editor.act({ type: "redo" })
  editor.act({ type: "select", id: "p1" })
  for (let i = 0; i < 20; i++) editor.act({ type: "nudge", dx: 1, dy: 0 })
  editor.act({ type: "undo" })
  expect(editor.boxes[0]).toEqual([100, 100, 0, 0])
})

test("whatever was drawn is a drawing the wire takes, and comes back as it was", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  expect(isPlain(documentOf(editor.state))).toBe(true)
  editor.act({ type: "mode", mode: "brush" })
  editor.drag([300, 300], [350, 300])
  editor.act({ type: "also", kind: "rust" })
  editor.act({ type: "answer", id: "p1", key: noteKey, answer: "deep" })
  editor.act({ type: "answer", id: null, key: "place", answer: [["surface", "front"]] })
  const doc = documentOf(editor.state)
  expect(isPlain(doc)).toBe(false)
  const sent = JSON.parse(JSON.stringify(drawingOf(doc)))
  const read = v.parse(Drawing, sent)
  expect(read).toEqual(sent)
  expect(drawingOf(documentOfDrawing(read))).toEqual(sent)
  expect(boxesOf(read, editor.state.image).map(({ kind }) => kind)).toEqual(["scratch", "unknown", "rust"])
})

test("a mask drawn out to any frame fills it as it filled its own, and out and back it is nearly the same", () => {
  const size = { w: 120, h: 90 }
  const corner = fc.record({ x: fc.integer({ min: 10, max: 50 }), y: fc.integer({ min: 10, max: 40 }) })
  fc.assert(
    fc.property(corner, fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 3 }), (at, radius, by) => {
      const stroke = [imagePoint(at.x, at.y), imagePoint(at.x + 8, at.y + 5)]
      const mask = maskOf(strokeSpans(stroke, radius * 2, size), size)!
      const from = boundsOf(mask)
      const to: Box = [0, 0, Math.min(size.w, from[2] * by), Math.min(size.h, from[3] * by)]
      const larger = scaleOutline(mask, from, to)
      expect(boundsOf(larger)).toEqual(to)
      expect(boundsOf(scaleOutline(larger, to, from))).toEqual(from)
      const share = (outline: typeof mask, [, , w, h]: Box) => pixels(spansOf(outline)).size / (w * h)
      expect(Math.abs(share(larger as typeof mask, to) - share(mask, from))).toBeLessThan(0.15)
    }),
    { numRuns: 60 },
  )
})

test("a mask is resized by the corners of its frame, and undo brings it back", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "brush" })
  editor.act({ type: "brush", size: 40 })
  editor.drag([100, 100], [200, 100])
  editor.act({ type: "done" })
  expect(editor.state.mode).toBe("hand")
  const before = editor.boxes[0]!
  const [x, y, w, h] = before
  editor.drag([(x + w) / 2, (y + h) / 2], [(x + w) / 2 + 60, (y + h) / 2 + 20])
  expect(editor.shapes[0]!.outline.type).toBe("mask")
  expect(editor.boxes[0]).toEqual([x, y, w + 120, h + 40])
  editor.act({ type: "undo" })
  expect(editor.boxes[0]).toEqual(before)
})

test("Done closes a polygon and ends a line without a tap on a corner; with too few corners it waits", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "polygon" })
  editor.tap([100, 100])
  editor.tap([200, 100])
  editor.act({ type: "done" })
  expect(editor.shapes).toHaveLength(0)
  editor.tap([200, 200])
  editor.act({ type: "done" })
  expect(editor.shapes[0]!.outline).toMatchObject({ type: "polygon" })
  editor.act({ type: "mode", mode: "line" })
  editor.tap([300, 300])
  editor.tap([400, 300])
  editor.act({ type: "done" })
  expect(editor.shapes[1]!.outline).toMatchObject({ type: "line" })
  expect(editor.state.mode).toBe("hand")
})

test("what the columns of a mask say is the mask", () => {
  fc.assert(
    fc.property(spans, (s) => {
      fc.pre(s.length > 0)
      const mask = maskOf(s, { w: 20, h: 20 })!
      const found = new Set<number>()
      for (const [x, ends] of columnsOf(mask))
        for (let i = 0; i < ends.length; i += 2)
          for (let y = ends[i]!; y < ends[i + 1]!; y++) found.add(x * 20 + y)
      expect(found).toEqual(pixels(s))
    }),
  )
})
