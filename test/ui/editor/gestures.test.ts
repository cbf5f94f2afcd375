import { expect, test } from "bun:test"
import { boundsOf } from "#contract/outline"
import type { Outline, Shape } from "../../../ui/editor/document.ts"
import { screenPoint } from "../../../ui/editor/geometry.ts"
import { createTestEditor, suggestion } from "../support/editor.ts"

test("a drag with the box tool makes a box in image pixels and gives the hand back", () => {
  const editor = createTestEditor()
  editor.act({ type: "kind", kind: "dent" })
  editor.act({ type: "mode", mode: "box" })
  editor.drag([100, 100], [200, 150])
  expect(editor.boxes).toEqual([[200, 200, 200, 100]])
  expect(editor.shapes[0]).toMatchObject({ kind: "dent", by: "person", state: "kept" })
  expect(editor.state.mode).toBe("hand")
  expect(editor.state.selected).toBe(editor.shapes[0]!.id)
})

test("two taps make the same box as a drag", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "box" })
  editor.tap([200, 150])
  expect(editor.boxes).toEqual([])
  expect(editor.state.gesture.name).toBe("corner")
  editor.tap([100, 100])
  expect(editor.boxes).toEqual([[200, 200, 200, 100]])
})

test("a box drawn past the edge ends at the edge", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "box" })
  editor.drag([450, 350], [900, 900])
  expect(editor.boxes).toEqual([[900, 700, 100, 100]])
})

test("a tap that trembles is a tap and a box too small to see is none", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "box" })
  editor.drag([100, 100], [106, 104])
  expect(editor.state.gesture.name).toBe("corner")
  editor.tap([101, 101])
  expect(editor.boxes).toEqual([])
})

test("a tap accepts the model's box and selects it; a swipe over it only moves the picture", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.act({ type: "zoom", factor: 2 })
  const { viewport } = editor.state
  editor.drag([250, 200], [220, 180])
  expect(editor.boxes).toEqual([[200, 200, 200, 200]])
  expect(editor.state.viewport.x).toBeCloseTo(viewport.x - 30)
  expect(editor.shapes[0]!.state).toBe("suggested")
  editor.act({ type: "fit" })
  editor.tap([150, 150])
  expect(editor.shapes[0]!.state).toBe("kept")
  expect(editor.state.selected).toBe("m1")
})

test("the smaller of two nested boxes is the one a tap selects", () => {
  const editor = createTestEditor([
    suggestion("large", [100, 100, 600, 600]),
    suggestion("small", [300, 300, 60, 60]),
  ])
  editor.tap([165, 165])
  expect(editor.state.selected).toBe("small")
})

test("a selected box moves under the finger and stays on the image", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.tap([150, 150])
  editor.drag([150, 150], [170, 140])
  expect(editor.boxes).toEqual([[240, 180, 200, 200]])
  editor.drag([170, 140], [900, 140])
  expect(editor.boxes[0]![0]).toBe(800)
})

test("a corner is pulled within 22 px of it, and the whole drag is one undo step", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.tap([150, 150])
  editor.drag([210, 215], [250, 260])
  expect(editor.boxes).toEqual([[200, 200, 300, 320]])
  editor.act({ type: "undo" })
  expect(editor.boxes).toEqual([[200, 200, 200, 200]])
  expect(editor.shapes[0]!.state).toBe("kept")
  editor.act({ type: "undo" })
  expect(editor.shapes[0]!.state).toBe("suggested")
  editor.act({ type: "redo" })
  editor.act({ type: "redo" })
  expect(editor.boxes).toEqual([[200, 200, 300, 320]])
})

test("a side pulled past its opposite stops before it", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.tap([150, 150])
  editor.drag([200, 150], [20, 150])
  expect(editor.boxes).toEqual([[200, 200, 4, 200]])
})

test("two fingers zoom around what is between them", () => {
  const editor = createTestEditor()
  const left = editor.touch([200, 200])
  const right = editor.touch([300, 200])
  left.move([150, 200])
  right.move([350, 200])
  expect(editor.state.viewport.scale).toBeCloseTo(1)
  // The middle of the image was between the fingers and still is.
  expect(500 * editor.state.viewport.scale + editor.state.viewport.x).toBeCloseTo(250)
  left.lift([150, 200])
  right.move([400, 300])
  right.lift([400, 300])
  expect(editor.state.viewport.scale).toBeCloseTo(1)
  expect(editor.state.gesture.name).toBe("idle")
})

test("a second finger takes back the box the first had begun", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "box" })
  const first = editor.touch([100, 100])
  first.move([200, 200])
  expect(editor.state.gesture.name).toBe("draw")
  const second = editor.touch([300, 300])
  second.lift([300, 300])
  first.lift([200, 200])
  expect(editor.boxes).toEqual([])
  expect(editor.state.mode).toBe("box")
})

test("a second finger takes back the move the first had begun", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.tap([150, 150])
  const first = editor.touch([150, 150])
  first.move([250, 250])
  editor.touch([300, 300])
  expect(editor.boxes).toEqual([[200, 200, 200, 200]])
})

test("a palm on the glass is no finger", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "box" })
  editor.touch([100, 100], "touch", 180).lift([100, 100])
  expect(editor.state.gesture.name).toBe("idle")
})

test("once a pen is seen, fingers move the picture and only the pen draws", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "box" })
  editor.drag([100, 100], [150, 150], "pen")
  editor.act({ type: "mode", mode: "box" })
  editor.drag([200, 200], [300, 300], "touch")
  expect(editor.boxes).toHaveLength(1)
})

test("a cancelled pointer leaves no trace", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.tap([150, 150])
  const finger = editor.touch([150, 150])
  finger.move([250, 250])
  finger.cancel([250, 250])
  expect(editor.boxes).toEqual([[200, 200, 200, 200]])
  expect(editor.state.gesture.name).toBe("idle")
})

test("arrow keys move the selected box, and the picture when none is selected", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200])])
  editor.act({ type: "select", id: "m1" })
  editor.act({ type: "nudge", dx: 2, dy: -1 })
  expect(editor.boxes).toEqual([[202, 199, 200, 200]])
  editor.act({ type: "escape" })
  editor.act({ type: "zoom", factor: 4 })
  const { x } = editor.state.viewport
  editor.act({ type: "nudge", dx: 1, dy: 0 })
  expect(editor.state.viewport.x).toBeLessThan(x)
})

test("a new kind for the selected box is one step back", () => {
  const editor = createTestEditor([suggestion("m1", [200, 200, 200, 200], "scratch")])
  editor.act({ type: "select", id: "m1" })
  editor.act({ type: "kind", kind: "crack" })
  expect(editor.shapes[0]).toMatchObject({ kind: "crack", state: "kept" })
  editor.act({ type: "undo" })
  expect(editor.shapes[0]).toMatchObject({ kind: "scratch", state: "suggested" })
})

test("turning the tablet keeps the whole part in view, a closer look stays close", () => {
  const editor = createTestEditor()
  editor.act({ type: "stage", size: { w: 800, h: 640 } })
  expect(editor.state.viewport.scale).toBeCloseTo(0.8)
  editor.act({ type: "zoom", factor: 3 })
  editor.act({ type: "stage", size: { w: 500, h: 400 } })
  expect(editor.state.viewport.scale).toBeCloseTo(2.4)
})

test("with keys alone a box is placed, moved, stretched and turned, and every key is one step back", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "box" })
  editor.act({ type: "done" })
  expect(editor.boxes).toEqual([[400, 320, 200, 160]])
  expect(editor.state.mode).toBe("hand")
  editor.act({ type: "nudge", dx: 10, dy: 0 })
  editor.act({ type: "grow", dw: 50, dh: -20 })
  expect(editor.boxes).toEqual([[410, 320, 250, 140]])
  editor.act({ type: "spin", degrees: 90 })
  expect(editor.shapes[0]!.outline).toEqual({ type: "box", box: [410, 320, 250, 140], angle: 90 })
  editor.act({ type: "spin", degrees: -90 })
  expect(editor.shapes[0]!.outline).toEqual({ type: "box", box: [410, 320, 250, 140] })
  for (let i = 0; i < 3; i++) editor.act({ type: "undo" })
  expect(editor.boxes).toEqual([[400, 320, 200, 160]])
})

test("what is stretched stays on the image and keeps a size", () => {
  const editor = createTestEditor([suggestion("m1", [800, 600, 150, 150])])
  editor.tap([440, 340])
  editor.act({ type: "grow", dw: 900, dh: -900 })
  expect(editor.boxes).toEqual([[800, 600, 200, 4]])
})

test("a polygon and an ellipse are turned together about the middle between them, a locked one is not", () => {
  const square = {
    type: "polygon" as const,
    points: [
      [200, 200],
      [300, 200],
      [300, 300],
      [200, 300],
    ] as [number, number][],
  }
  const shape = (id: string, outline: Outline, locked = false): Shape => ({
    id,
    kind: "scratch",
    by: "person",
    state: "kept",
    outline,
    locked,
  })
  const editor = createTestEditor([
    shape("p", square),
    shape("e", { type: "ellipse", box: [500, 200, 100, 100] }),
    shape(
      "l",
      {
        type: "line",
        points: [
          [0, 0],
          [10, 0],
        ],
      },
      true,
    ),
  ])
  editor.act({ type: "select-all" })
  editor.act({ type: "spin", degrees: 180 })
  const [p, e, l] = editor.shapes.map(({ outline }) => boundsOf(outline).map(Math.round))
  // The middle between all that turns: (400, 250).
  expect([p, e, l]).toEqual([
    [500, 200, 100, 100],
    [200, 200, 100, 100],
    [0, 0, 10, 0],
  ])
})

test("turning the view keeps what is in the middle, and a box drawn then lies where the picture shows it", () => {
  const editor = createTestEditor()
  editor.act({ type: "turn", quarters: 1 })
  expect(editor.state.viewport.turn).toBe(1)
  // The whole picture, on its side: 800 wide, 1000 high, on a stage of 500 by 400.
  expect(editor.state.viewport.scale).toBeCloseTo(0.4)
  editor.act({ type: "mode", mode: "box" })
  editor.tap([250, 200])
  editor.tap([290, 240])
  // To the right on the screen is up in the picture, down on the screen is right.
  const [x, y, w, h] = editor.boxes[0]!.map(Math.round)
  expect([x, y, w, h]).toEqual([500, 300, 100, 100])
  editor.act({ type: "turn", quarters: -1 })
  expect(editor.state.viewport).toMatchObject({ turn: 0, scale: 0.5 })
})

test("the other end of a pen erases", () => {
  const editor = createTestEditor()
  editor.act({ type: "mode", mode: "brush" })
  editor.act({ type: "brush", size: 40 })
  editor.drag([100, 100], [200, 100])
  const before = boundsOf(editor.shapes[0]!.outline)
  const pen = { id: 9, kind: "pen" as const, contact: 1 }
  editor.act({ ...pen, type: "down", at: screenPoint(90, 100), eraser: true })
  for (let x = 95; x <= 150; x += 5) editor.act({ ...pen, type: "move", at: screenPoint(x, 100) })
  editor.act({ ...pen, type: "up", at: screenPoint(150, 100) })
  const after = boundsOf(editor.shapes[0]!.outline)
  expect(editor.shapes).toHaveLength(1)
  expect(after[0]).toBeGreaterThan(before[0] + 90)
  expect(after[0] + after[2]).toBe(before[0] + before[2])
})
