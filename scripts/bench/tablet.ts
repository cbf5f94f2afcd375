import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { hasBrowser, openBrowser } from "../../test/ui/support/browser.ts"
import { buildUi } from "../build-ui.ts"
import { freePort } from "../faults/plant.ts"
import { type BenchRow, median } from "./row.ts"

/**
 * What a worker feels: the wait for the first screen on a slow tablet, and from the tap to the answer and to the next part,
 * while 50 others work. The screens are the built ones in Chromium without a graphics card; the hub and everybody else
 * share the machine with it.
 */
export async function benchTablet(): Promise<BenchRow[]> {
  if (!(await hasBrowser())) return []
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  await buildUi(join(folder, "ui"))
  const hub = await startHub(folder)
  const browser = await openBrowser()
  try {
    const signedIn = await signIn(browser, hub)
    const loads: Load[] = []
    for (let i = 0; i < 5; i++) loads.push(await firstLoad(browser, signedIn, hub.url))
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
        "first load of the work screen, packed",
        median(loads.map(({ bytes }) => bytes)) / 1024,
        "KB",
        150,
      ),
      limit(
        "first load until the buttons work, processor slowed 4×",
        median(loads.map(({ ms }) => ms)),
        "ms",
        1000,
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

type BenchHub = { url: string; password: string }
type Load = { bytes: number; ms: number }
type Tap = { feedback: number; painted: number }
type Cookies = Awaited<ReturnType<BrowserContext["cookies"]>>

const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? 0

async function startHub(folder: string) {
  const script = join(import.meta.dirname, "../../test/browser/support/hub.child.ts")
  const port = String(await freePort())
  const child = Bun.spawn(
    [process.execPath, script, join(folder, "data"), port, join(folder, "ui"), String(parts)],
    { stdout: "pipe", stderr: "inherit" },
  )
  const { value } = await child.stdout.getReader().read()
  return {
    ...(JSON.parse(new TextDecoder().decode(value)) as BenchHub),
    stop: async () => {
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

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

/** A tablet that has never seen this hub opens the work screen. */
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
  await page.addInitScript(() => {
    const seen = setInterval(() => {
      const button = document.querySelector<HTMLButtonElement>('[data-testid="label-ok"]')
      if (!button || button.disabled) return
      clearInterval(seen)
      document.documentElement.dataset.usable = String(performance.now())
    }, 5)
  })
  await page.goto(`${url}/label`)
  await page.locator("html[data-usable]").waitFor({ state: "attached", timeout: 60_000 })
  const ms = Number(await page.locator("html").getAttribute("data-usable"))
  await context.close()
  return { bytes, ms }
}

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
    const taps: Tap[] = []
    for (let i = 0; i < tapCount; i++) {
      await page.waitForTimeout(350)
      await page.getByTestId("label-ok").tap()
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

async function measured(page: Page, i: number): Promise<Tap> {
  const read = () => page.evaluate(() => (globalThis as unknown as { taps: Partial<Tap>[] }).taps)
  for (let tries = 0; tries < 1_000; tries++) {
    const { feedback, painted } = (await read())[i] ?? {}
    if (feedback !== undefined && painted !== undefined) return { feedback, painted }
    await Bun.sleep(10)
  }
  throw new Error("the next part was not painted within 10 s")
}

/** Runs in the page: from each lifted finger to the frame with the toast, and to the frame with another picture. */
function watchPaints(): void {
  const taps: { at: number; feedback?: number; painted?: number }[] = []
  Object.assign(globalThis, { taps })
  /** A frame has been handed over when a task runs after its animation callbacks. */
  const afterFrame = (then: () => void) =>
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = then
      port2.postMessage(null)
    })
  addEventListener(
    "pointerup",
    (event) => {
      if (event.target instanceof Element && event.target.closest(".verdict"))
        taps.push({ at: event.timeStamp })
    },
    { capture: true },
  )
  let stamp: Element | null = null
  new MutationObserver(() => {
    const now = document.querySelector(".stamp")
    const tap = taps.at(-1)
    if (!now || now === stamp || !tap || tap.feedback !== undefined) return
    stamp = now
    afterFrame(() => {
      tap.feedback ??= performance.now() - tap.at
    })
  }).observe(document, { childList: true, subtree: true })
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
        afterFrame(() => {
          tap.painted ??= performance.now() - tap.at
        })
    }
    Reflect.apply(draw, this, what)
  } as typeof draw
}

if (import.meta.main) console.table(await benchTablet())
