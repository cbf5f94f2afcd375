import type { Page } from "playwright-core"
import sharp from "sharp"
import type { Drawing, Outline } from "#contract/drawing"
import { newLabel, storePicture } from "../../test/hub/support/parts.ts"
import { hasBrowser, openBrowser, openTablet } from "../../test/ui/support/browser.ts"
import { startRealHub } from "../../test/ui/support/real-hub.ts"
import { imagePoint } from "../../ui/editor/geometry.ts"
import { maskOf, strokeSpans } from "../../ui/editor/mask.ts"
import { type BenchRow, median } from "./row.ts"

/** 12 megapixels, the camera of many stations. */
const size = { w: 4000, h: 3000 }
const polygons = 3_000
const masks = 10
/** One frame of a screen that shows 60 a second. */
const frameMs = 1000 / 60

/**
 * The canvas at its fullest, in Chromium without a graphics card: everything is drawn by the processor. The hub is a real
 * one in this process; the drawings come from it, as at a second look.
 */
export async function benchCanvas(): Promise<BenchRow[]> {
  if (!(await hasBrowser())) return []
  const hub = await startRealHub()
  const browser = await openBrowser()
  try {
    const worker = await hub.as("worker")
    const engineer = await hub.as("engineer")
    await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
    const lay = async (outlines: Outline[], grey: number) => {
      const bytes = await sharp({
        create: { width: size.w, height: size.h, channels: 3, background: { r: grey, g: grey, b: grey } },
      })
        .jpeg()
        .toBuffer()
      const { id } = await storePicture(hub, bytes, size)
      const answer = await worker.post(
        "/api/labels",
        newLabel(id, { verdict: "unsure", kinds: ["scratch"], drawing: drawingOf(outlines) }),
      )
      if (!answer.ok) throw new Error(await answer.text())
    }
    const open = async () => {
      const tablet = await openTablet(browser, { width: 1280, height: 800, touch: false })
      await hub.signIn(tablet.page, "reviewer")
      await tablet.page.waitForTimeout(1_500)
      return tablet
    }

    await lay(gridOfPolygons(), 110)
    const full = await open()
    const moved = await moving(full.page)
    const edited = await editing(full.page)
    await full.close()

    await lay(bigMasks(), 120)
    const painted = await open()
    const saved = await saving(painted.page)
    await painted.close()

    const limit = (name: string, value: number, most: number): BenchRow => ({
      name,
      value,
      unit: "ms",
      reference: most,
      ratio: most / value,
      against: `${most.toPrecision(3)} ms, the most it may be`,
    })
    return [
      limit(`${polygons} polygons: a frame while moving the picture, median`, moved.pan, frameMs),
      limit(`${polygons} polygons: a frame while zooming, median`, moved.zoom, frameMs),
      limit(`${polygons} polygons: from a key to the changed picture, p95`, edited, 50),
      limit(`${masks} brush masks on 12 megapixels: from NG to the receipt`, saved, 100),
    ]
  } finally {
    await browser.close()
    await hub.stop()
  }
}

const drawingOf = (outlines: readonly Outline[]): Drawing => ({
  v: 1,
  regions: outlines.map((outline, i) => ({ id: `p${i + 1}`, kinds: ["scratch"], outline, by: "person" })),
})

/** Twelve-cornered, all over the picture. */
function gridOfPolygons(): Outline[] {
  const columns = 60
  const step = size.w / columns
  return Array.from({ length: polygons }, (_, i): Outline => {
    const [cx, cy] = [((i % columns) + 0.5) * step, (Math.floor(i / columns) + 0.5) * (size.h / 50)]
    const points = Array.from({ length: 12 }, (_, k): [number, number] => {
      const t = (k / 12) * 2 * Math.PI
      const r = step * (k % 2 === 0 ? 0.46 : 0.3)
      return [Math.round((cx + r * Math.cos(t)) * 10) / 10, Math.round((cy + r * Math.sin(t)) * 10) / 10]
    })
    return { type: "polygon", points }
  })
}

/** Strokes to and fro over some 600 × 600 pixels each, with the ragged edge that a hand leaves. */
function bigMasks(): Outline[] {
  return Array.from({ length: masks }, (_, i): Outline => {
    const [x, y] = [200 + (i % 5) * 740, 300 + Math.floor(i / 5) * 1300]
    const points = Array.from({ length: 40 }, (_, k) =>
      imagePoint(x + (k % 2 === 0 ? 0 : 560) + 30 * Math.sin(k * 5), y + k * 15 + 12 * Math.cos(k * 3)),
    )
    const mask = maskOf(strokeSpans(points, 46, size), size)
    if (!mask) throw new Error("a stroke without pixels")
    return mask
  })
}

/** Time between frames while something is going on in the page. */
async function frames(page: Page, work: () => Promise<void>): Promise<number[]> {
  await page.evaluate(() => {
    const seen: number[] = []
    Object.assign(globalThis, { seen, watching: true })
    const next = (now: number) => {
      seen.push(now)
      if ((globalThis as unknown as { watching: boolean }).watching) requestAnimationFrame(next)
    }
    requestAnimationFrame(next)
  })
  await work()
  const times = await page.evaluate(() => {
    const here = globalThis as unknown as { seen: number[]; watching: boolean }
    here.watching = false
    return here.seen
  })
  return times.slice(1).map((time, i) => time - (times[i] ?? time))
}

async function moving(page: Page): Promise<{ pan: number; zoom: number }> {
  const box = await page.getByTestId("label-canvas").boundingBox()
  if (!box) throw new Error("the canvas is not on the screen")
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
  // Looked at twice as near, so that there is something to move.
  await page.mouse.move(x, y)
  for (let i = 0; i < 4; i++) await page.mouse.wheel(0, -120)
  await page.waitForTimeout(800)
  const pan = await frames(page, async () => {
    await page.mouse.down({ button: "middle" })
    for (let round = 0; round < 3; round++)
      for (const [dx, dy] of [
        [-260, -160],
        [260, -60],
        [120, 160],
      ] as const)
        await page.mouse.move(x + dx, y + dy, { steps: 40 })
    await page.mouse.up({ button: "middle" })
  })
  await page.waitForTimeout(500)
  const zoom = await frames(page, async () => {
    for (let i = 0; i < 120; i++) await page.mouse.wheel(0, i % 40 < 20 ? -30 : 30)
  })
  await page.waitForTimeout(500)
  return { pan: median(pan), zoom: median(zoom) }
}

/** Another region selected, moved, removed, brought back: each from the key to the frame that shows it. */
async function editing(page: Page): Promise<number> {
  await page.getByTestId("label-fit").click()
  await page.waitForTimeout(800)
  await page.evaluate(() => {
    const times: number[] = []
    Object.assign(globalThis, { times })
    addEventListener(
      "keydown",
      (event) =>
        requestAnimationFrame(() => {
          // A task behind the callbacks of this frame: the canvas has been drawn and handed over.
          const { port1, port2 } = new MessageChannel()
          port1.onmessage = () => times.push(performance.now() - event.timeStamp)
          port2.postMessage(null)
        }),
      true,
    )
  })
  for (let i = 0; i < 12; i++)
    for (const key of ["]", "ArrowRight", "Delete", "z"]) {
      await page.keyboard.press(key)
      await page.waitForTimeout(60)
    }
  const times = await page.evaluate(() => (globalThis as unknown as { times: number[] }).times)
  return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? Number.NaN
}

/** From the finger that leaves NG to the hub's receipt, as the browser has noted both. */
async function saving(page: Page): Promise<number> {
  await page.evaluate(() =>
    addEventListener("pointerup", (event) => Object.assign(globalThis, { lifted: event.timeStamp }), true),
  )
  const receipt = page.waitForResponse(
    (response) => response.url().endsWith("/api/labels") && response.request().method() === "POST",
  )
  await page.getByTestId("label-ng").click()
  if (!(await receipt).ok()) throw new Error("the hub did not take the label")
  await page.waitForTimeout(200)
  return page.evaluate(() => {
    const sent = performance.getEntriesByType("resource").filter(({ name }) => name.endsWith("/api/labels"))
    const last = sent.at(-1) as PerformanceResourceTiming
    return last.responseEnd - (globalThis as unknown as { lifted: number }).lifted
  })
}

if (import.meta.main) console.table(await benchCanvas())
