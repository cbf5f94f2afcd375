import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import { brotliDecompressSync } from "node:zlib"
import type { AxeResults } from "axe-core"
import type { Browser, Page, Route } from "playwright-core"
import { theHub } from "../../hub/platform/audit.ts"
import { systemIds } from "../../hub/platform/ids.ts"
import { uiFiles } from "../../scripts/build-ui.ts"
import { testPassword } from "../hub/support/hub.ts"
import { storePictures } from "../hub/support/parts.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { paintPictures } from "./support/pictures.ts"
import { startRealHub } from "./support/real-hub.ts"

const available = await hasBrowser()
let browser: Browser
let hub: Awaited<ReturnType<typeof startRealHub>>

beforeAll(async () => {
  if (!available) return
  hub = await startRealHub()
  const painted = await paintPictures(24, 160)
  await storePictures(
    hub,
    painted.map(({ jpeg }) => jpeg),
  )
  browser = await openBrowser()
}, 60_000)
afterAll(async () => {
  if (!available) return
  await browser.close()
  await hub.stop()
})

/** A tablet on which a new worker is signed in, with nothing opened yet. */
async function signedIn(language: "ko" | "en" = "en") {
  const login = `worker-${systemIds.random(4)}`
  const user = { login, name: login, role: "worker", language, password: testPassword } as const
  await hub.hub.users.create(theHub, user)
  const tablet = await openTablet(browser, { width: 1280, height: 800 })
  const answer = await tablet.context.request.post(`${hub.url}/api/session`, {
    headers: { origin: hub.url },
    data: { login, password: testPassword },
  })
  expect(answer.status()).toBe(201)
  return { ...tablet, login }
}

type Row = { verdict: string; inspection_id: string }
const labelsOf = (login: string): Row[] =>
  hub.hub.db
    .prepare<Row>(
      "SELECT verdict, inspection_id FROM label JOIN user ON user.id = label.user_id WHERE login = $login ORDER BY n",
    )
    .all({ login })

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error("it did not come true within 20 s")
    await Bun.sleep(20)
  }
}

/** Keeps the screens from coming until `let` is called. */
async function holdScreens(page: Page) {
  const held: Route[] = []
  let open = false
  await page.route("**/assets/main-*.js", (route) => (open ? route.continue() : void held.push(route)))
  return {
    let: async () => {
      open = true
      for (const route of held) await route.continue()
    },
    refuse: async () => {
      open = true
      for (const route of held) await route.abort()
    },
  }
}

const ready = (page: Page, verdict = "ok") =>
  page.locator(`[data-testid="first-${verdict}"]:not(:disabled)`).waitFor()

describe.skipIf(!available)("the first part on a tablet", () => {
  test("is there and can be judged after the page and its picture, with no question to the hub, and its label outlives the page", async () => {
    const { page, login, close } = await signedIn()
    // What had been fetched at the very moment the buttons began to work.
    await page.addInitScript(() => {
      new MutationObserver((_, seen) => {
        if (!document.querySelector('[data-testid="first-ok"]:not(:disabled)')) return
        seen.disconnect()
        const fetched = performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname)
        document.documentElement.dataset.fetched = JSON.stringify(fetched)
      }).observe(document, { subtree: true, childList: true, attributeFilter: ["disabled"] })
    })
    const screens = await holdScreens(page)
    await page.goto(`${hub.url}/label`)
    await ready(page)
    const fetched: string[] = JSON.parse(
      (await page.locator("html[data-fetched]").getAttribute("data-fetched")) ?? "[]",
    )
    expect(fetched.map((path) => path.replace(/[0-9a-f]{64}/, "."))).toEqual(["/api/images/."])
    const part = await page.locator(".top-part").innerText()
    await page.waitForTimeout(200)
    await page.getByTestId("first-ok").tap()
    await page.locator(".stamp-ok").waitFor()
    expect(await page.getByTestId("first-ok").isDisabled()).toBe(true)
    expect(labelsOf(login)).toEqual([])
    await screens.refuse()
    await page.getByTestId("first-note").waitFor()
    expect(labelsOf(login)).toEqual([])
    await page.getByTestId("first-again").tap()
    // The page opens itself anew, and what lay on the tablet's disk goes out.
    await until(() => labelsOf(login).length === 1)
    await page.getByTestId("label-canvas").waitFor()
    expect(await page.getByTestId("label-part").innerText()).not.toBe(part)
    expect(labelsOf(login)).toMatchObject([{ verdict: "ok" }])
    await close()
  }, 60_000)

  test("stays when the screens do not come: it says so, tries again later each time, and waits for a hub that is away", async () => {
    const { page, close } = await signedIn("ko")
    await page.clock.install()
    await page.route("**/assets/main-*.js", (route) => route.abort())
    await page.goto(`${hub.url}/label`)
    await page.getByTestId("first-note").filter({ hasText: "3초 뒤에" }).waitFor()
    await page.clock.fastForward(3_000)
    await page.getByTestId("first-note").filter({ hasText: "6초 뒤에" }).waitFor()
    const away = (route: Route) => (route.request().method() === "HEAD" ? route.abort() : route.continue())
    await page.route(`${hub.url}/label`, away)
    await page.evaluate(() => {
      document.documentElement.dataset.same = "yes"
    })
    await page.getByTestId("first-again").tap()
    await page.getByTestId("first-note").filter({ hasText: "12초 뒤에" }).waitFor()
    expect(await page.locator("html[data-same]").count()).toBe(1)
    await page.unroute(`${hub.url}/label`, away)
    await page.unroute("**/assets/main-*.js")
    await page.getByTestId("first-again").tap()
    await page.getByTestId("label-canvas").waitFor()
    expect(await page.getByTestId("first-note").count()).toBe(0)
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
    await close()
  }, 60_000)

  test("is taken over by the screens: the verdict is told, can be taken back, and is stored once", async () => {
    const { page, login, close, complaints } = await signedIn()
    const screens = await holdScreens(page)
    await page.goto(`${hub.url}/label`)
    await ready(page)
    const part = await page.locator(".top-part").innerText()
    await page.waitForTimeout(200)
    await page.getByTestId("first-unsure").tap()
    await screens.let()
    await page.locator('[data-testid="label-toast"][data-verdict="unsure"]').waitFor()
    expect(await page.locator("#first").count()).toBe(0)
    await page.getByTestId("label-part").filter({ hasNotText: part }).waitFor()
    await page.getByTestId("label-undo").tap()
    await page.getByTestId("label-part").filter({ hasText: part }).waitFor()
    await until(() => labelsOf(login).length === 2)
    expect(labelsOf(login).map(({ verdict }) => verdict)).toEqual(["unsure", "withdrawn"])
    expect(complaints).toEqual([])
    await close()
  }, 60_000)

  test("asks for the defect once the screens are there, and hears the keys that were pressed before", async () => {
    const { page, login, close } = await signedIn()
    const screens = await holdScreens(page)
    await page.goto(`${hub.url}/label`)
    await ready(page, "ng")
    const part = await page.locator(".top-part").innerText()
    await page.waitForTimeout(200)
    await page.getByTestId("first-ng").tap()
    await screens.let()
    await page.locator(".kinds-asking").waitFor()
    expect(await page.getByTestId("label-part").innerText()).toBe(part)
    expect(labelsOf(login)).toEqual([])

    const again = await holdScreens(page)
    await page.reload()
    await ready(page)
    await page.waitForTimeout(200)
    await page.keyboard.press("u")
    await again.let()
    await until(() => labelsOf(login).length === 1)
    expect(labelsOf(login)).toMatchObject([{ verdict: "unsure" }])
    await close()
  }, 60_000)

  test("can be read and hit by everybody, in every theme and both languages", async () => {
    const axe = await Bun.file(join(import.meta.dir, "../../node_modules/axe-core/axe.min.js")).text()
    for (const language of ["ko", "en"] as const) {
      const { page, close } = await signedIn(language)
      await holdScreens(page)
      await page.goto(`${hub.url}/label`)
      await ready(page)
      // By the debugger's door: the page itself lets no foreign script in.
      await page.evaluate(axe)
      expect(await page.locator("html").getAttribute("lang")).toBe(language)
      for (const theme of ["light", "dark", "contrast"]) {
        const found = await page.evaluate(async (name) => {
          document.documentElement.dataset.theme = name
          const { axe: looker } = globalThis as unknown as {
            axe: { run(asked: unknown): Promise<AxeResults> }
          }
          const asked = { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }
          return (await looker.run(asked)).violations.map(({ id, nodes }) => `${id} ${nodes[0]?.html}`)
        }, theme)
        expect(found).toEqual([])
      }
      for (const verdict of ["ok", "unsure", "ng"]) {
        const box = await page.getByTestId(`first-${verdict}`).boundingBox()
        expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(128)
      }
      await close()
    }
  }, 60_000)

  test("comes in one small script that holds neither the editor's tools, nor schemas, nor the other screens", async () => {
    const page = (await uiFiles(hub.ui)).find(({ path }) => path === "work.html")
    const text = await Bun.file(join(hub.ui, "work.html")).text()
    // It shares nothing with the others, and takes them from what the page says.
    expect(text).not.toMatch(/(from|import)\s*"/)
    expect(text).not.toMatch(/setPointerCapture.*getContext|safeParse|createContext|OffscreenCanvas/)
    expect(text).not.toContain("BlinkMacSystemFont")
    expect(page?.gzip).toBeLessThan(16 * 1024)
  })

  test("is followed by screens in the packing the browser takes, all of them the same inside", async () => {
    const script = (await uiFiles(hub.ui)).find(({ path }) => /label\.screen-.*\.js$/.test(path))!
    const fetched = async (takes: string) => {
      const answer = await fetch(`${hub.url}/${script.path}`, {
        headers: { "accept-encoding": takes },
        decompress: false,
      })
      return { packing: answer.headers.get("content-encoding"), bytes: await answer.bytes() }
    }
    const plain = await fetched("gzip;q=0, identity")
    const gzip = await fetched("gzip, deflate")
    const brotli = await fetched("gzip, deflate, br, zstd")
    expect([plain.packing, gzip.packing, brotli.packing]).toEqual([null, "gzip", "br"])
    expect(Bun.gunzipSync(gzip.bytes)).toEqual(plain.bytes)
    expect(new Uint8Array(brotliDecompressSync(brotli.bytes))).toEqual(plain.bytes)
    expect(brotli.bytes.length).toBeLessThan(gzip.bytes.length)
  })
})
