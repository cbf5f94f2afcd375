import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { buildUi, type UiFile } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { fixturePassword, startFixture } from "./support/fixture.ts"

const available = await hasBrowser()
let folder: string
let files: UiFile[]
let browser: Browser
let fixture: Awaited<ReturnType<typeof startFixture>>

beforeAll(async () => {
  if (!available) return
  folder = await mkdtemp(join(tmpdir(), "crux-ui-"))
  files = await buildUi(join(folder, "ui"))
  fixture = await startFixture({ ui: join(folder, "ui"), pictures: 8, width: 640 })
  browser = await openBrowser()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await fixture.stop()
  await rm(folder, { recursive: true, force: true })
})

async function signIn(page: Page, path = "/"): Promise<void> {
  await page.goto(fixture.url + path)
  await page.getByTestId("signin-login").fill("admin")
  await page.getByTestId("signin-password").fill(fixturePassword)
  await page.getByTestId("signin-submit").click()
}

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error("it did not come true within 10 s")
    await Bun.sleep(20)
  }
}

/** The browser itself reports a 401 for "is anyone signed in?"; everything else is ours to answer for. */
const ours = (complaints: string[]) => complaints.filter((text) => !/401/.test(text))

describe.skipIf(!available)("the built screens in a browser", () => {
  for (const language of ["ko", "en"] as const)
    test(`a worker signs in and judges parts by touch (${language})`, async () => {
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      await signIn(page)
      await page.getByTestId("home-label").waitFor()
      await page.getByTestId("nav-settings").tap()
      await page
        .getByTestId("language")
        .getByRole("radio", { name: language === "ko" ? "한국어" : "English" })
        .tap()
      await page.getByTestId("nav-label").tap()
      await page.getByTestId("label-canvas").waitFor()
      expect(await page.getByTestId("label-ok").innerText()).toContain(language === "ko" ? "양품" : "OK")

      // OK in one tap; the receipt is in before the count says so.
      const before = fixture.labels.length
      await page.waitForTimeout(200)
      const part = await page.getByTestId("label-part").innerText()
      await page.getByTestId("label-ok").tap()
      await page.getByTestId("label-toast").waitFor()
      await until(() => fixture.labels.length === before + 1)
      expect(fixture.labels.at(-1)).toMatchObject({ verdict: "ok", kinds: [], boxes: [] })
      expect(await page.getByTestId("label-part").innerText()).not.toBe(part)

      // Undo brings the very part back.
      await page.getByTestId("label-undo").tap()
      await until(() => fixture.labels.at(-1)?.verdict === "withdrawn")
      expect(await page.getByTestId("label-part").innerText()).toBe(part)

      // NG with a kind from the panel.
      await page.waitForTimeout(200)
      while ((await page.getByTestId("label-box-remove").count()) > 0)
        await page.getByTestId("label-box-remove").first().tap()
      await page.getByTestId("label-ng").tap()
      await page.locator('[data-testid="label-kind"][data-kind="crack"]').tap()
      await until(() => fixture.labels.at(-1)?.verdict === "ng")
      expect(fixture.labels.at(-1)).toMatchObject({ kinds: ["crack"], boxes: [], accepted: false })

      // A box by two taps, named, then NG.
      await page.waitForTimeout(200)
      while ((await page.getByTestId("label-box-remove").count()) > 0)
        await page.getByTestId("label-box-remove").first().tap()
      await page.getByTestId("label-tool-box").tap()
      const canvas = page.getByTestId("label-canvas")
      await canvas.tap({ position: { x: 300, y: 200 } })
      await canvas.tap({ position: { x: 420, y: 320 } })
      await page.locator('[data-testid="label-kind"][data-kind="dent"]').tap()
      await page.getByTestId("label-ng").tap()
      await until(() => fixture.labels.at(-1)?.boxes.length === 1)
      expect(fixture.labels.at(-1)).toMatchObject({ verdict: "ng", kinds: ["dent"] })

      expect(ours(tablet.complaints)).toEqual([])
      await tablet.close()
    }, 60_000)

  test("a finger that slides off the button judges nothing", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800, touch: false })
    const { page } = tablet
    await signIn(page, "/label")
    await page.getByTestId("label-canvas").waitFor()
    await page.waitForTimeout(200)
    const before = fixture.labels.length
    const box = await page.getByTestId("label-ok").boundingBox()
    if (!box) throw new Error("the OK button is not on the screen")
    await page.mouse.move(box.x + 60, box.y + 60)
    await page.mouse.down()
    await page.mouse.move(box.x + 60, box.y - 200, { steps: 4 })
    await page.mouse.up()
    expect(await page.getByTestId("label-toast").count()).toBe(0)
    expect(fixture.labels.length).toBe(before)
    await tablet.close()
  }, 60_000)

  test("verdicts given while the hub is away are kept through a reload and sent when it is back", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    const { page } = tablet
    await signIn(page, "/label")
    await page.getByTestId("label-canvas").waitFor()
    await page.waitForTimeout(300)
    fixture.setDown(true)
    const before = fixture.labels.length
    await page.getByTestId("label-unsure").tap()
    await page.locator('[data-testid="label-unsent"][data-unsent="1"]').waitFor()
    expect(fixture.labels.length).toBe(before)
    fixture.setDown(false)
    await page.reload()
    await until(() => fixture.labels.length === before + 1)
    await page.locator('[data-testid="label-unsent"][data-unsent="0"]').waitFor()
    await tablet.close()
  }, 60_000)

  test("a one-time link signs in and leaves the address bar", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    await tablet.page.goto(`${fixture.url}/#token=once`)
    await tablet.page.getByTestId("home-label").waitFor()
    expect(tablet.page.url()).not.toContain("once")
    expect(ours(tablet.complaints)).toEqual([])
    await tablet.close()
  }, 60_000)

  test("what the work screen needs stays under 150 KB of gzipped script and style", () => {
    const isOurs = (path: string) =>
      /assets\/(main|label\.screen|fonts)-/.test(path) && !path.endsWith(".woff2")
    const sum = files.filter((f) => isOurs(f.path)).reduce((n, f) => n + f.gzip, 0)
    expect(sum).toBeLessThan(150 * 1024)
  })
})
