import type { Outline } from "../../../ui/editor/document.ts"
import { imagePoint } from "../../../ui/editor/geometry.ts"
import { maskOf, strokeSpans } from "../../../ui/editor/mask.ts"
import { createSheet, type Mark } from "../../../ui/editor/sheet.ts"
import { type EditorState, newEditor } from "../../../ui/editor/state.ts"

/** Runs in a browser: a sheet that has lived through many edits and moves, beside one that has just been made. */

const image = { w: 800, h: 600 }
const stage = { w: 400, h: 300 }

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function outlineFrom(random: () => number): Outline {
  const [x, y] = [random() * 700, random() * 500]
  const [w, h] = [10 + random() * 80, 10 + random() * 80]
  const kind = Math.floor(random() * 6)
  if (kind === 0) return { type: "box", box: [x, y, w, h] }
  if (kind === 1) return { type: "ellipse", box: [x, y, w, h], angle: random() * 90 }
  if (kind === 2) return { type: "point", at: [x, y] }
  if (kind === 3)
    return {
      type: "line",
      points: [
        [x, y],
        [x + w, y + h],
      ],
    }
  if (kind === 4) {
    const mask = maskOf(strokeSpans([imagePoint(x, y), imagePoint(x + w, y + h)], 14, image), image)
    if (mask) return mask
  }
  return {
    type: "polygon",
    points: [
      [x, y],
      [x + w, y],
      [x, y + h],
    ],
  }
}

function pixelsOf(draw: (context: CanvasRenderingContext2D) => void): Uint8ClampedArray {
  const canvas = document.createElement("canvas")
  canvas.width = stage.w
  canvas.height = stage.h
  const context = canvas.getContext("2d")
  if (!context) throw new Error("no canvas")
  draw(context)
  return context.getImageData(0, 0, stage.w, stage.h).data
}

/** The most pixels in which the two ever differed, and how many pixels were drawn at all. */
export function compareSheets(seed: number, steps: number): { differ: number; drawn: number } {
  const random = randomFrom(seed)
  const looks = ["kept", "suggested", "chosen"] as const
  const lived = createSheet()
  let marks: Mark[] = Array.from({ length: 40 }, (_, i) => ({
    id: `m${i}`,
    outline: outlineFrom(random),
    look: looks[i % 3] ?? "kept",
  }))
  let state: EditorState = newEditor(image, stage)
  let [made, differ, drawn] = [marks.length, 0, 0]
  for (let step = 0; step < steps; step++) {
    const what = Math.floor(random() * 7)
    const at = Math.floor(random() * marks.length)
    const { viewport } = state
    if (what < 2)
      // By whole pixels: the sheet is always copied to whole ones.
      state = {
        ...state,
        viewport: {
          ...viewport,
          x: viewport.x + Math.round(random() * 500 - 250),
          y: viewport.y + Math.round(random() * 400 - 200),
        },
      }
    else if (what === 2)
      state = { ...state, viewport: { ...viewport, scale: 0.5 + random() * 2, x: -80, y: -60 } }
    else if (what === 3) marks = marks.filter((_, i) => i !== at)
    else if (what === 4) marks = [...marks, { id: `m${made++}`, outline: outlineFrom(random), look: "kept" }]
    else if (what === 5)
      marks = marks.map((mark, i) => (i === at ? { ...mark, outline: outlineFrom(random) } : mark))
    else {
      const [moved] = marks.slice(at, at + 1)
      marks = moved ? [...marks.toSpliced(at, 1), moved] : marks
    }
    const now = state
    const old = pixelsOf((context) => void lived.draw(context, now, marks, 1, true))
    const fresh = pixelsOf((context) => void createSheet().draw(context, now, marks, 1, true))
    let count = 0
    for (let i = 3; i < old.length; i += 4) {
      if ((fresh[i] ?? 0) > 0) drawn += 1
      // A shade at an edge is rounding; a pixel that is there in one and not in the other is a mark in the wrong place.
      const [a, b] = [old[i] ?? 0, fresh[i] ?? 0]
      const light = Math.abs((old[i - 1] ?? 0) * a - (fresh[i - 1] ?? 0) * b) / 255
      if (Math.abs(a - b) > 96 || light > 96) count += 1
    }
    differ = Math.max(differ, count)
  }
  return { differ, drawn }
}

Object.assign(globalThis, { compareSheets })
