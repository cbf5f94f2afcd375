/**
 * Follows a finger on a button of which each press counts. It fires when the finger is lifted inside (WCAG 2.5.2) however
 * much a glove rolls on the way: the browser's own click gives up after a few pixels of movement. Returns how to stop.
 */
export function followPress(
  button: HTMLButtonElement,
  on: { held: (held: boolean) => void; press: () => void },
): () => void {
  const isInside = ({ clientX, clientY }: PointerEvent) => {
    const { left, right, top, bottom } = button.getBoundingClientRect()
    return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom
  }
  const down = (event: PointerEvent) => {
    if (event.button !== 0) return
    button.setPointerCapture(event.pointerId)
    on.held(true)
  }
  const move = (event: PointerEvent) => {
    if (button.hasPointerCapture(event.pointerId)) on.held(isInside(event))
  }
  const up = (event: PointerEvent) => {
    const captured = button.hasPointerCapture(event.pointerId)
    on.held(false)
    if (captured && isInside(event)) on.press()
  }
  const cancel = () => on.held(false)
  const click = (event: MouseEvent) => {
    // Keyboard and assistive technology click without a pointer.
    if (event.detail === 0) on.press()
  }
  button.addEventListener("pointerdown", down)
  button.addEventListener("pointermove", move)
  button.addEventListener("pointerup", up)
  button.addEventListener("pointercancel", cancel)
  button.addEventListener("click", click)
  return () => {
    button.removeEventListener("pointerdown", down)
    button.removeEventListener("pointermove", move)
    button.removeEventListener("pointerup", up)
    button.removeEventListener("pointercancel", cancel)
    button.removeEventListener("click", click)
  }
}
