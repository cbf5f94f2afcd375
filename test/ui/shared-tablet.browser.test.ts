import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import { builtUi } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { startFixture } from "./support/fixture.ts"

const available = await hasBrowser()
const minute = 60_000
let browser: Browser
let fixture: Awaited<ReturnType<typeof startFixture>>

beforeAll(async () => {
  if (!available) return
  fixture = await startFixture({ ui: await builtUi(), pictures: 4, width: 320 })
  fixture.setEnrolled(true)
  browser = await openBrowser()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await fixture.stop()
})

async function enterPin(page: Page): Promise<void> {
  await page.getByTestId("pin-pad").waitFor()
  for (const digit of "4096") await page.getByRole("button", { name: digit, exact: true }).tap()
  await page.getByTestId("pin-enter").tap()
}

async function comeIn(page: Page, name: string): Promise<void> {
  await page.getByTestId("tablet-tile").filter({ hasText: name }).tap()
  await enterPin(page)
}

describe.skipIf(!available)("a tablet that people share", () => {
  test("locks itself when nobody touches it for three minutes, and goes on with the same part", async () => {
    const { page, close } = await openTablet(browser, { width: 1280, height: 800 })
    await page.clock.install()
    await page.goto(fixture.url)
    await comeIn(page, "이영수")
    await page.getByTestId("nav-label").tap()
    await page.getByTestId("label-canvas").waitFor()
    const part = await page.getByTestId("label-part").innerText()

    await page.clock.runFor(2 * minute)
    await page.getByTestId("label-fit").tap()
    // A touch begins the time anew.
    await page.clock.runFor(2 * minute)
    expect(await page.getByTestId("lock").count()).toBe(0)
    await page.clock.runFor(minute + 2_000)
    await page.getByTestId("lock").waitFor()
    // Nothing behind it hears a key.
    const before = fixture.labels.length
    await page.keyboard.press("o")
    expect(fixture.labels.length).toBe(before)

    await enterPin(page)
    await page.getByTestId("lock").waitFor({ state: "detached" })
    await page.getByTestId("label-canvas").waitFor()
    expect(await page.getByTestId("label-part").innerText()).toBe(part)

    // Opening it anew is no way around.
    await page.clock.runFor(4 * minute)
    await page.getByTestId("lock").waitFor()
    await page.reload()
    await page.getByTestId("lock").waitFor()
    await close()
  }, 90_000)

  test("speaks the language of whoever has it in hand", async () => {
    const { page, close } = await openTablet(browser, { width: 1280, height: 800 })
    await page.goto(fixture.url)
    await comeIn(page, "이영수")
    await page.getByTestId("nav-settings").tap()
    await page.getByTestId("language").getByRole("radio", { name: "English" }).tap()
    await page.locator('html[lang="en"]').waitFor({ state: "attached" })
    const swap = async (to: string, language: string) => {
      await page.goto(`${fixture.url}/label`)
      await page.getByTestId("label-canvas").waitFor()
      await page.getByTestId("label-person").tap()
      await page.getByTestId("person-switch").tap()
      await page.getByTestId("lock").waitFor()
      await page.getByTestId("tablet-people").tap()
      await comeIn(page, to)
      await page.getByTestId("lock").waitFor({ state: "detached" })
      await page.locator(`html[lang="${language}"]`).waitFor({ state: "attached" })
    }
    await swap("박서연", "ko")
    await swap("이영수", "en")
    await close()
  }, 90_000)
})
