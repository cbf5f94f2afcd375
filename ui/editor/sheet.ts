import type { Outline } from "./document.ts"
import type { Box } from "./geometry.ts"
import type { EditorState } from "./state.ts"
import { type Context, type Look, onScreen, overhang, strokeOutline } from "./stroke.ts"
import type { Viewport } from "./viewport.ts"

/** One shape on the sheet. */
export type Mark = { readonly id: string; readonly outline: Outline; readonly look: Look }

/** The sheet reaches this many CSS pixels beyond the stage on every side, so that a small pan shows nothing new. */
const margin = 128
/** So few are drawn anew whenever the scale changes, instead of showing the old ones larger for a moment. */
const few = 150
/** More places than these that have changed are not worth looking at one by one. */
const mostDirty = 48

type Rect = readonly [number, number, number, number]

/**
 * All shapes that nobody is working at, as one image that is kept. Moving the picture copies it; an edit draws anew only
 * the places that have changed; while the scale changes the old one is shown larger or smaller until the fingers rest.
 * So thousands of shapes cost no more than a few, except for a moment when the scale has changed.
 */
export function createSheet() {
  let front: OffscreenCanvas | undefined
  let back: OffscreenCanvas | undefined
  let at: Viewport | undefined
  let shown: readonly Mark[] = []
  let pixels = 1

  const contextOf = (canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D => {
    const context = canvas.getContext("2d")
    if (!context) throw new Error("this browser draws no canvas off the screen")
    return context
  }

  /** The viewport as the sheet sees it: its own corner lies outside of the stage. */
  const onSheet = (v: Viewport): Viewport => ({ ...v, x: v.x + margin, y: v.y + margin })

  /** Draws a rectangle of the sheet, in device pixels, anew. */
  function paint(marks: readonly Mark[], v: Viewport, [x, y, w, h]: Rect): void {
    if (!front) return
    const context = contextOf(front)
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.save()
    context.beginPath()
    context.rect(x, y, w, h)
    context.clip()
    context.clearRect(x, y, w, h)
    context.setTransform(pixels, 0, 0, pixels, 0, 0)
    const own = onSheet(v)
    for (const { outline, look } of marks) {
      const [left, top, width, height] = onScreen(own, outline)
      if ((left - overhang) * pixels > x + w || (left + width + overhang) * pixels < x) continue
      if ((top - overhang) * pixels > y + h || (top + height + overhang) * pixels < y) continue
      strokeOutline(context, own, outline, look)
    }
    context.restore()
  }

  const whole = (): Rect => [0, 0, front?.width ?? 0, front?.height ?? 0]

  function paintAll(marks: readonly Mark[], v: Viewport): void {
    at = v
    shown = marks
    paint(marks, v, whole())
  }

  /** Device pixels of the sheet that a mark may touch. */
  function rectOf(v: Viewport, { outline }: Mark): Rect {
    const [x, y, w, h]: Box = onScreen(onSheet(v), outline)
    const [left, top] = [Math.floor((x - overhang) * pixels), Math.floor((y - overhang) * pixels)]
    const right = Math.ceil((x + w + overhang) * pixels)
    const bottom = Math.ceil((y + h + overhang) * pixels)
    return [left, top, right - left, bottom - top]
  }

  /** Brings the sheet to other marks at the same viewport. */
  function change(marks: readonly Mark[], v: Viewport): void {
    const before = new Map(shown.map((mark) => [mark.id, mark]))
    const dirty: Rect[] = []
    for (const mark of marks) {
      const old = before.get(mark.id)
      before.delete(mark.id)
      if (old && old.outline === mark.outline && old.look === mark.look) continue
      if (old) dirty.push(rectOf(v, old))
      dirty.push(rectOf(v, mark))
      if (dirty.length > mostDirty) break
    }
    // In another order the same marks may lie on each other otherwise.
    const reordered =
      dirty.length === 0 && before.size === 0 && marks.some(({ id }, i) => id !== shown[i]?.id)
    if (dirty.length + before.size > mostDirty || reordered) {
      paintAll(marks, v)
      return
    }
    for (const gone of before.values()) dirty.push(rectOf(v, gone))
    shown = marks
    for (const rect of dirty) paint(marks, v, rect)
  }

  /** Moves what is on the sheet and draws the strips that come into view. */
  function scroll(marks: readonly Mark[], from: Viewport, dx: number, dy: number): void {
    if (!front || !back) return
    const context = contextOf(back)
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, back.width, back.height)
    context.drawImage(front, dx, dy)
    const old = front
    front = back
    back = old
    const next = { ...from, x: from.x + dx / pixels, y: from.y + dy / pixels }
    at = next
    const [w, h] = [front.width, front.height]
    if (dx !== 0) paint(marks, next, dx > 0 ? [0, 0, dx, h] : [w + dx, 0, -dx, h])
    if (dy !== 0) paint(marks, next, dy > 0 ? [0, 0, w, dy] : [0, h + dy, w, -dy])
  }

  return {
    /**
     * Draws the marks onto the stage. False when they are only nearly right and should be drawn again once nothing
     * moves any more, with `settled`.
     */
    draw(
      context: Context,
      state: EditorState,
      marks: readonly Mark[],
      ratio: number,
      settled: boolean,
    ): boolean {
      const { stage, viewport: v } = state
      const w = Math.ceil((stage.w + 2 * margin) * ratio)
      const h = Math.ceil((stage.h + 2 * margin) * ratio)
      if (!front || !back || front.width !== w || front.height !== h || pixels !== ratio) {
        front = new OffscreenCanvas(w, h)
        back = new OffscreenCanvas(w, h)
        pixels = ratio
        at = undefined
      }
      const sameScale = at?.scale === v.scale && at.turn === v.turn
      context.save()
      context.setTransform(1, 0, 0, 1, 0, 0)
      if (at && !sameScale && at.turn === v.turn && marks === shown && marks.length > few && !settled) {
        const zoom = v.scale / at.scale
        const x = (v.x - (at.x + margin) * zoom) * pixels
        const y = (v.y - (at.y + margin) * zoom) * pixels
        context.drawImage(front, x, y, w * zoom, h * zoom)
        context.restore()
        return false
      }
      if (!at || !sameScale) paintAll(marks, v)
      else {
        if (marks !== shown) change(marks, at)
        const dx = Math.round((v.x - at.x) * pixels)
        const dy = Math.round((v.y - at.y) * pixels)
        const room = margin * pixels
        if (Math.abs(dx) >= w || Math.abs(dy) >= h) paintAll(marks, v)
        else if (Math.abs(dx) > room || Math.abs(dy) > room) scroll(marks, at, dx, dy)
      }
      const now = at ?? v
      const [left, top] = [
        Math.round((v.x - now.x - margin) * pixels),
        Math.round((v.y - now.y - margin) * pixels),
      ]
      context.drawImage(front, left, top)
      context.restore()
      return true
    },
  }
}
export type Sheet = ReturnType<typeof createSheet>
