import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, BrowserContext, CDPSession, Page } from "playwright-core"
import { hasBrowser, openBrowser } from "../../test/ui/support/browser.ts"
import { paintPictures } from "../../test/ui/support/pictures.ts"
import { buildUi } from "../build-ui.ts"
import { type BenchRow, median } from "./row.ts"
import { type BenchHub, startTabletHub } from "./tablet-hub.ts"

/**
 * What a worker feels: the wait for the first screen on a slow tablet, and from the tap to the answer and to the next part,
 * while 50 others work. The screens are the built ones in Chromium without a graphics card; the hub and everybody else
 * share the machine with it.
 */
export async function benchTablet(): Promise<BenchRow[]> {
  if (!(await hasBrowser())) return []
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  await buildUi(join(folder, "ui"))
  const hub = await startTabletHub(folder, { parts })
  const browser = await openBrowser()
  try {
    const signedIn = await signIn(browser, hub)
    const loads: Load[] = []
    const floors: number[] = []
    for (let i = 0; i < 7; i++) {
      loads.push(await firstLoad(browser, signedIn, hub.url))
      floors.push(await leastLoad(browser))
    }
    const floor = median(floors)
    const usable = median(loads.map(({ ms }) => ms))
    const taps = await robotWorker(browser, signedIn, hub)
    const limit = (name: string, value: number, unit: string, most: number): BenchRow => ({
      name,
      value,
      unit,
      reference: most,
      ratio: most / value,
      against: `${most} ${unit}, the most it may be`,
    })
    return [
      limit(
        "first load of the work screen with all its tools, packed",
        median(loads.map(({ bytes }) => bytes)) / 1024,
        "KB",
        150,
      ),
      limit("first load until a part can be judged, processor slowed 4×", usable, "ms", 1000),
      {
        name: "the same against a bare page",
        value: usable,
        unit: "ms",
        reference: floor,
        ratio: floor / usable,
        against: `${floor.toFixed(0)} ms: one page with the picture, three buttons and a script of ten lines`,
      },
      limit(
        "from opening the page to every tool, processor slowed 4×",
        median(loads.map(({ whole }) => whole)),
        "ms",
        3000,
      ),
      limit(
        "tap to feedback while the tools are on their way, processor slowed 4×",
        median(loads.map(({ feedback }) => feedback)),
        "ms",
        200,
      ),
      limit(
        `tap to feedback, p95, ${others} others at work`,
        p95(taps.map(({ feedback }) => feedback)),
        "ms",
        50,
      ),
      limit(
        `tap to the next part painted, p95, ${others} others`,
        p95(taps.map(({ painted }) => painted)),
        "ms",
        100,
      ),
    ]
  } finally {
    await browser.close()
    await hub.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const others = 50
const tapCount = 80
/** What the robots of one run judge, and some to spare. */
const parts = 2_500

/** `ms` until a part can be judged, `whole` until every tool is there, `feedback` of a tap between the two. */
type Load = { bytes: number; ms: number; whole: number; feedback: number }
type Tap = { feedback: number; painted: number }
type Cookies = Awaited<ReturnType<BrowserContext["cookies"]>>

const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? 0

async function signIn(browser: Browser, { url, password }: BenchHub): Promise<Cookies> {
  const context = await browser.newContext()
  const answer = await context.request.post(`${url}/api/session`, {
    headers: { origin: url },
    data: { login: "park", password },
  })
  if (answer.status() !== 201) throw new Error(await answer.text())
  const cookies = await context.cookies()
  await context.close()
  return cookies
}

async function openPage(browser: Browser, cookies: Cookies) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, hasTouch: true })
  await context.addCookies(cookies)
  return { context, page: await context.newPage() }
}

/** When the picture has been painted and the buttons are enabled, and when all the rest is there, as the page notes it. */
function watchLoad(): void {
  const note = (name: string) => {
    if (document.documentElement.dataset[name]) return
    requestAnimationFrame(() => {
      // A task behind the callbacks of this frame: it has been handed over.
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = () => {
        const at = performance.now()
        document.documentElement.dataset[name] = String(at)
        ;(globalThis as unknown as { told: (line: string) => void }).told(`${name} ${at}`)
      }
      port2.postMessage(null)
    })
  }
  const looking = setInterval(() => {
    const enabled = (id: string) => document.querySelector(`[data-testid="${id}"]:not(:disabled)`) !== null
    if (enabled("first-ok") || enabled("label-ok")) note("usable")
    if (!enabled("label-ok") || document.querySelector("#first > *")) return
    note("whole")
    clearInterval(looking)
  }, 5)
  addEventListener("pointerup", (event) => Object.assign(globalThis, { lifted: event.timeStamp }), true)
  const stamps = new MutationObserver(() => {
    if (!document.querySelector(".stamp")) return
    stamps.disconnect()
    note("stamped")
  })
  stamps.observe(document, { childList: true, subtree: true })
}

/**
 * What a page notes, as it notes it. Asked for by a locator it would come with the locator's own script, which a slowed
 * processor reads for a sixth of a second, in the middle of what is measured.
 */
async function notesOf(debug: CDPSession): Promise<(name: string) => Promise<number>> {
  const found = new Map<string, PromiseWithResolvers<number>>()
  const of = (name: string) => {
    const known = found.get(name) ?? Promise.withResolvers<number>()
    found.set(name, known)
    return known
  }
  debug.on("Runtime.bindingCalled", ({ payload }) => {
    const [name = "", at] = payload.split(" ")
    of(name).resolve(Number(at))
  })
  await debug.send("Runtime.enable")
  await debug.send("Runtime.addBinding", { name: "told" })
  return (name) => {
    const { promise, reject } = of(name)
    setTimeout(() => reject(new Error(`the page was not ${name} within 60 s`)), 60_000).unref()
    return promise
  }
}

/** A tablet that has never seen this hub opens the work screen, and judges the part as soon as it may. */
async function firstLoad(browser: Browser, cookies: Cookies, url: string): Promise<Load> {
  const { context, page } = await openPage(browser, cookies)
  const debug = await context.newCDPSession(page)
  await debug.send("Network.enable")
  await debug.send("Emulation.setCPUThrottlingRate", { rate: 4 })
  const code = new Set<string>()
  let bytes = 0
  debug.on("Network.responseReceived", ({ requestId, type }) => {
    if (["Document", "Script", "Stylesheet"].includes(type)) code.add(requestId)
  })
  debug.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (code.has(requestId)) bytes += encodedDataLength
  })
  const noted = await notesOf(debug)
  await page.addInitScript(watchLoad)
  await page.goto(`${url}/label`, { waitUntil: "commit" })
  const ms = await noted("usable")
  // A tap that comes sooner is taken for one that was meant for something else.
  await Bun.sleep(200)
  await page.touchscreen.tap(200, 730)
  const stamped = await noted("stamped")
  const lifted = await page.evaluate(() => (globalThis as unknown as { lifted: number }).lifted)
  const whole = await noted("whole")
  await context.close()
  return { bytes, ms, whole, feedback: stamped - lifted }
}

/** What no screen can be quicker than: the least page that shows the same picture and takes a tap. */
async function leastLoad(browser: Browser): Promise<number> {
  const [picture] = await paintPictures(1, 320)
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) =>
      url.endsWith("/picture")
        ? new Response(new Uint8Array(picture!.jpeg), { headers: { "content-type": "image/jpeg" } })
        : new Response(leastPage, { headers: { "content-type": "text/html" } }),
  })
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, hasTouch: true })
  try {
    const page = await context.newPage()
    const debug = await context.newCDPSession(page)
    await debug.send("Network.enable")
    await debug.send("Emulation.setCPUThrottlingRate", { rate: 4 })
    const noted = await notesOf(debug)
    await page.addInitScript(watchLoad)
    await page.goto(server.url.href, { waitUntil: "commit" })
    return await noted("usable")
  } finally {
    await context.close()
    await server.stop(true)
  }
}

const leastPage = `<!doctype html>
<img src="/picture"><p><button data-testid="label-ok" disabled>OK</button><button>?</button><button>NG</button>
<script>
  const [ok] = document.querySelectorAll("button")
  const picture = document.querySelector("img")
  ok.addEventListener("pointerup", () => { document.body.append("OK") })
  picture.decode().then(() => { ok.disabled = false })
</script>`

/** Somebody who judges as fast as the screen allows, while the others do what people do. */
async function robotWorker(browser: Browser, cookies: Cookies, hub: BenchHub): Promise<Tap[]> {
  const { context, page } = await openPage(browser, cookies)
  const robots = Bun.spawn(
    [process.execPath, join(import.meta.dirname, "robots.child.ts"), hub.url, String(others), hub.password],
    { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
  )
  const said = robots.stdout.getReader()
  await said.read()
  try {
    await page.addInitScript(watchPaints)
    await page.goto(`${hub.url}/label`)
    await page.locator('[data-testid="label-ok"]:not(:disabled)').waitFor({ timeout: 60_000 })
    const touch = await fingerOn(page, "label-ok")
    const taps: Tap[] = []
    for (let i = 0; i < tapCount; i++) {
      await page.waitForTimeout(350)
      await touch()
      taps.push(await measured(page, i))
    }
    return taps
  } finally {
    robots.stdin.end()
    await said.read()
    await robots.exited
    await context.close()
  }
}

/** As long as a finger rests on a button that it taps. */
const contactMs = 80

/** Taps a control as a finger does: down, a moment of rest, up. */
async function fingerOn(page: Page, testid: string): Promise<() => Promise<void>> {
  const box = await page.getByTestId(testid).boundingBox()
  if (!box) throw new Error(`there is no ${testid}`)
  const debug = await page.context().newCDPSession(page)
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  return async () => {
    await debug.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [point] })
    await Bun.sleep(contactMs)
    await debug.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] })
  }
}

/** The page says it itself: asking it again and again would be work for the very thread that is measured. */
async function measured(page: Page, i: number): Promise<Tap> {
  const tap = await page.evaluate(
    (i) =>
      new Promise<Partial<Tap>>((resolve) => {
        const { taps } = globalThis as unknown as { taps: Partial<Tap>[] }
        const deadline = performance.now() + 10_000
        const looking = setInterval(() => {
          const { feedback, painted } = taps[i] ?? {}
          if ((feedback === undefined || painted === undefined) && performance.now() < deadline) return
          clearInterval(looking)
          resolve({ ...taps[i] })
        }, 100)
      }),
    i,
  )
  const { feedback, painted } = tap
  if (feedback === undefined || painted === undefined)
    throw new Error("the next part was not painted within 10 s")
  return { feedback, painted }
}

/** Runs in the page: from each lifted finger to the frame with the stamp, and to the frame with another picture. */
function watchPaints(): void {
  const taps: { at: number; feedback?: number; painted?: number }[] = []
  Object.assign(globalThis, { taps })
  const afterTask = (then: () => void) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = then
    port2.postMessage(null)
  }
  let stamp: Element | null = null
  /**
   * A frame has been handed over when a task runs after its animation callbacks. Asked for before the page asks for its own:
   * what it does behind that frame is no part of the wait.
   */
  const watchFor = (tap: (typeof taps)[number]) =>
    requestAnimationFrame(() => {
      const now = document.querySelector(".stamp")
      if (!now || now === stamp) return watchFor(tap)
      stamp = now
      afterTask(() => {
        tap.feedback = performance.now() - tap.at
      })
    })
  addEventListener(
    "pointerup",
    (event) => {
      if (!(event.target instanceof Element && event.target.closest(".verdict"))) return
      const tap = { at: event.timeStamp }
      taps.push(tap)
      watchFor(tap)
    },
    { capture: true },
  )
  let shown: unknown
  const draw = CanvasRenderingContext2D.prototype.drawImage
  CanvasRenderingContext2D.prototype.drawImage = function (
    this: CanvasRenderingContext2D,
    ...what: unknown[]
  ) {
    const tap = taps.at(-1)
    if (what[0] instanceof ImageBitmap && what[0] !== shown) {
      shown = what[0]
      if (tap && tap.painted === undefined)
        // Drawn by the callbacks of a frame already: it is handed over when the next task runs.
        afterTask(() => {
          tap.painted ??= performance.now() - tap.at
        })
    }
    Reflect.apply(draw, this, what)
  } as typeof draw
}

if (import.meta.main) console.table(await benchTablet())
