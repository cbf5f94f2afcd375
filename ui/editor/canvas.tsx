import { type ReadonlySignal, useSignalEffect } from "@preact/signals"
import { useEffect, useRef } from "preact/hooks"
import type { EditorAction } from "./editor.ts"
import { screenPoint } from "./geometry.ts"
import { readPointer } from "./input.ts"
import { render } from "./render.ts"
import type { EditorState } from "./state.ts"

type Props = {
  state: ReadonlySignal<EditorState>
  picture: CanvasImageSource | null
  dispatch: (action: EditorAction) => void
  nameOf: (kind: string) => string
  /** What a screen reader calls the image. */
  label: string
  /** Changes when colours do, so that the stage is drawn again. */
  theme: string
  testid: string
}

/** The editor's only tie to the DOM: events in, pixels out. */
export function EditorCanvas({ state, picture, dispatch, nameOf, label, theme, testid }: Props) {
  const ref = useRef<HTMLCanvasElement>(null)
  const frame = useRef(0)
  const latest = useRef({ picture, nameOf })
  latest.current = { picture, nameOf }

  function draw() {
    cancelAnimationFrame(frame.current)
    frame.current = requestAnimationFrame(() => {
      const canvas = ref.current
      const context = canvas?.getContext("2d", { alpha: false })
      if (!canvas || !context) return
      const style = getComputedStyle(canvas)
      const palette = { stage: style.getPropertyValue("--stage"), font: style.fontFamily }
      const { picture, nameOf } = latest.current
      render(context, state.peek(), picture, nameOf, palette, devicePixelRatio)
    })
  }

  useSignalEffect(() => {
    state.value
    draw()
  })
  useEffect(draw, [picture, nameOf, theme])

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
      canvas.width = Math.max(1, Math.round(width * devicePixelRatio))
      canvas.height = Math.max(1, Math.round(height * devicePixelRatio))
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
    }
  }, [dispatch])

  return (
    <canvas ref={ref} class="editor-canvas" role="img" aria-label={label} tabIndex={0} data-testid={testid} />
  )
}
