import { effect, type ReadonlySignal } from "@preact/signals"
import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import type { EditorAction } from "./editor.ts"
import { screenPoint } from "./geometry.ts"
import { readPointer } from "./input.ts"
import type { Picture } from "./picture.ts"
import { createMarks, renderMarks, renderPicture } from "./render.ts"
import { createSheet } from "./sheet.ts"
import type { EditorState, Look } from "./state.ts"

type Props = {
  state: ReadonlySignal<EditorState>
  picture: Picture | null
  dispatch: (action: EditorAction) => void
  nameOf: (kind: string) => string
  /** What a screen reader calls the image. */
  label: string
  testid: string
}

/** Nothing has moved for this long: what was only nearly right is drawn well. */
const restMs = 120

const filterOf = ({ brightness, contrast, invert }: Look): string =>
  brightness === 1 && contrast === 1 && !invert
    ? "none"
    : `brightness(${brightness}) contrast(${contrast})${invert ? " invert(1)" : ""}`

/**
 * The editor's only tie to the DOM: events in, pixels out. Two layers: the picture, which changes when it is moved, and
 * above it the marks, which change all the time.
 */
export function EditorCanvas({ state, picture, dispatch, nameOf, label, testid }: Props) {
  const under = useRef<HTMLCanvasElement>(null)
  const ref = useRef<HTMLCanvasElement>(null)
  const frame = useRef(0)
  const resting = useRef<ReturnType<typeof setTimeout>>(undefined)
  const latest = useRef({ picture, nameOf })
  latest.current = { picture, nameOf }
  const kept = useRef<{ sheet: ReturnType<typeof createSheet>; marksOf: ReturnType<typeof createMarks> }>(
    null,
  )
  kept.current ??= { sheet: createSheet(), marksOf: createMarks() }
  /** What the layer of the picture shows: it is drawn again only when that changes. */
  const drawn = useRef<readonly unknown[]>([])
  /** Whether the layer of the marks is empty: then it need not be emptied again. */
  const isBare = useRef(false)

  function draw(settled = false) {
    cancelAnimationFrame(frame.current)
    frame.current = requestAnimationFrame(() => {
      const canvas = ref.current
      const below = under.current
      const context = canvas?.getContext("2d")
      const ground = below?.getContext("2d")
      if (!canvas || !below || !context || !ground || !kept.current) return
      const { picture, nameOf } = latest.current
      const now = state.peek()
      const filter = filterOf(now.look)
      const wanted = [now.viewport, now.stage, picture, canvas.width, canvas.height, settled]
      if (wanted.some((part, i) => part !== drawn.current[i])) {
        renderPicture(ground, now, picture, devicePixelRatio)
        drawn.current = wanted
      }
      if (below.style.filter !== filter) below.style.filter = filter
      const { sheet, marksOf } = kept.current
      const marks = marksOf(now)
      clearTimeout(resting.current)
      const wasBare = isBare.current
      isBare.current = marks.length === 0 && now.selection.length === 0 && now.gesture.name === "idle"
      if (wasBare && isBare.current) return
      const deps = { sheet, marks, picture, nameOf, font: getComputedStyle(canvas).fontFamily, filter }
      if (!renderMarks(context, now, deps, devicePixelRatio, settled))
        resting.current = setTimeout(() => draw(true), restMs)
    })
  }

  // At once and not behind the next frame, as other effects come: what has changed is drawn in that very frame.
  useLayoutEffect(
    () =>
      effect(() => {
        state.value
        draw()
      }),
    [state],
  )
  useLayoutEffect(draw, [nameOf])
  useLayoutEffect(() => {
    draw()
    return picture?.watch(() => {
      drawn.current = []
      draw()
    })
  }, [picture])

  useEffect(() => {
    const canvas = ref.current
    if (!canvas) return
    const onPointer = (event: PointerEvent) => {
      const input = readPointer(event, canvas.getBoundingClientRect())
      if (!input) return
      if (input.type === "down") canvas.setPointerCapture(input.id)
      dispatch(input)
    }
    const onWheel = (event: WheelEvent) => {
      event.preventDefault()
      const { left, top } = canvas.getBoundingClientRect()
      const at = screenPoint(event.clientX - left, event.clientY - top)
      // A trackpad pinch arrives as a wheel with ctrl and small steps.
      dispatch({ type: "wheel", at, delta: event.ctrlKey ? event.deltaY * 6 : event.deltaY })
    }
    const size = new ResizeObserver(([entry]) => {
      if (!entry) return
      const { width, height } = entry.contentRect
      for (const layer of [canvas, under.current]) {
        if (!layer) continue
        layer.width = Math.max(1, Math.round(width * devicePixelRatio))
        layer.height = Math.max(1, Math.round(height * devicePixelRatio))
      }
      drawn.current = []
      isBare.current = false
      dispatch({ type: "stage", size: { w: width, h: height } })
      draw()
    })
    const types = ["pointerdown", "pointermove", "pointerup", "pointercancel"] as const
    for (const type of types) canvas.addEventListener(type, onPointer)
    canvas.addEventListener("wheel", onWheel, { passive: false })
    size.observe(canvas)
    return () => {
      for (const type of types) canvas.removeEventListener(type, onPointer)
      canvas.removeEventListener("wheel", onWheel)
      size.disconnect()
      cancelAnimationFrame(frame.current)
      clearTimeout(resting.current)
    }
  }, [dispatch])

  return (
    <>
      <canvas ref={under} class="editor-picture" />
      <canvas
        ref={ref}
        class="editor-canvas"
        role="img"
        aria-label={label}
        tabIndex={0}
        data-testid={testid}
      />
    </>
  )
}
