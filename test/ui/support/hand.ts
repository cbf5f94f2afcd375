import type { Page } from "playwright-core"

type Place = readonly [number, number]

/**
 * Fingers and a pen on the work screen, as the browser gets them from the glass: no events made in the page. Places are
 * in pixels of an image that is seen as a whole.
 */
export async function createHand(page: Page, image: { w: number; h: number }) {
  const cdp = await page.context().newCDPSession(page)
  const box = await page.getByTestId("label-canvas").boundingBox()
  if (!box) throw new Error("the canvas is not on the screen")
  const scale = Math.min(box.width / image.w, box.height / image.h)
  const [left, top] = [box.x + (box.width - image.w * scale) / 2, box.y + (box.height - image.h * scale) / 2]
  const at = ([x, y]: Place) => ({ x: left + x * scale, y: top + y * scale })
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", places: readonly Place[], radius = 10) =>
    cdp.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: places.map((place, id) => ({ ...at(place), id, radiusX: radius, radiusY: radius })),
    })
  const pen = (type: "mousePressed" | "mouseMoved" | "mouseReleased", place: Place) =>
    cdp.send("Input.dispatchMouseEvent", {
      type,
      ...at(place),
      button: "left",
      buttons: type === "mouseReleased" ? 0 : 1,
      clickCount: 1,
      pointerType: "pen",
    })
  const steps = (from: Place, to: Place): Place[] =>
    [0.25, 0.5, 0.75, 1].map((t) => [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t])

  return {
    scale,
    async tap(place: Place) {
      await touch("touchStart", [place])
      await touch("touchEnd", [])
    },
    async drag(...places: readonly [Place, Place, ...Place[]]) {
      let last = places[0]
      await touch("touchStart", [last])
      for (const place of places.slice(1)) {
        for (const step of steps(last, place)) await touch("touchMove", [step])
        last = place
      }
      // A finger that leaves the glass in full swing flings, and the browser takes the next tap for the end of that.
      await page.waitForTimeout(80)
      await touch("touchMove", [last])
      await touch("touchEnd", [])
    },
    /** Puts a finger down, moves it and leaves it there; what comes back lifts it. */
    async hold(from: Place, to: Place): Promise<() => Promise<void>> {
      await touch("touchStart", [from])
      for (const step of steps(from, to)) await touch("touchMove", [step])
      await page.waitForTimeout(80)
      return async () => void (await touch("touchEnd", []))
    },
    /** Two fingers, each from one place to another. */
    async pinch(a: readonly [Place, Place], b: readonly [Place, Place]) {
      await touch("touchStart", [a[0]])
      await touch("touchStart", [a[0], b[0]])
      const [one, two] = [steps(...a), steps(...b)]
      for (let i = 0; i < one.length; i++) await touch("touchMove", [one[i]!, two[i]!])
      await touch("touchEnd", [])
    },
    async penDrag(from: Place, to: Place) {
      await pen("mousePressed", from)
      for (const step of steps(from, to)) await pen("mouseMoved", step)
      await pen("mouseReleased", to)
    },
    /** The heel of a hand: larger than any finger. */
    async palm(place: Place) {
      await touch("touchStart", [place], 90)
      await touch("touchEnd", [])
    },
  }
}
