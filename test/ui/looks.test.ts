import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { AxeResults, RunOptions } from "axe-core"
import type { Browser, Page } from "playwright-core"
import { builtUi } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { fixturePassword, startFixture } from "./support/fixture.ts"
import { differenceOf, lookOf, looksKept } from "./support/looks.ts"
import { speak, standStill, walk } from "./support/screens.ts"

const available = await hasBrowser()
const themes = ["light", "dark", "contrast"] as const
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
let axe: string
let browser: Browser
let fixture: Awaited<ReturnType<typeof startFixture>>

beforeAll(async () => {
  if (!available) return
  fixture = await startFixture({ ui: await builtUi(), pictures: 8, width: 320 })
  browser = await openBrowser()
  axe = await Bun.file(join(import.meta.dir, "../../node_modules/axe-core/axe.min.js")).text()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await fixture.stop()
})

/**
 * What axe finds, one line each. The first theme is looked at for everything, the others for their colours. Of what has
 * opened over a screen that was looked at before, it is what lies on top.
 */
async function complaints(page: Page, where: string, isOver: boolean): Promise<string[]> {
  const found: string[] = []
  for (const theme of themes) {
    await standStill(page, theme)
    const options: RunOptions = {
      resultTypes: ["violations"],
      runOnly:
        theme === "light" ? { type: "tag", values: rules } : { type: "rule", values: ["color-contrast"] },
    }
    const results = await page.evaluate(
      ([asked, isOver]) => {
        const { axe } = globalThis as unknown as {
          axe: { run(place: Element | Document, asked: unknown): Promise<AxeResults> }
        }
        const top = isOver ? [...document.querySelectorAll("dialog:modal")].at(-1) : undefined
        return axe.run(top ?? document, asked)
      },
      [options, isOver] as const,
    )
    for (const { id, nodes } of results.violations)
      found.push(...nodes.map((node) => `${where} ${theme} ${id}: ${node.html.slice(0, 120)}`))
  }
  return found
}

/** Controls that a gloved finger would miss (in CSS pixels). */
const tooSmall = (page: Page, where: string): Promise<string[]> =>
  page.evaluate(
    (name) =>
      [
        ...document.querySelectorAll(
          "button, a[href], select, input:not([type=radio]):not([type=checkbox]):not(.visually-hidden), label.segment, label.check, label.button",
        ),
      ]
        .filter((element) => !element.classList.contains("skip"))
        .map((element) => {
          const least = element.classList.contains("verdict") ? 128 : 48
          return { element, least, box: element.getBoundingClientRect() }
        })
        // Half a pixel is rounding.
        .filter(({ box, least }) => box.width > 0 && Math.min(box.width, box.height) < least - 0.5)
        .map(({ element, box }) => `${name} ${element.outerHTML.slice(0, 80)} ${box.width}×${box.height}`),
    where,
  )

/** axe goes in by the debugger's door: the page itself lets no foreign script in. */
async function lookAt(page: Page, where: string, isOver: boolean): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(axe)
  return [...(await complaints(page, where, isOver)), ...(await tooSmall(page, where))]
}

describe.skipIf(!available)("WCAG 2.2 AA, the size of every control, and how screens look", () => {
  test("every screen, in both languages and every theme", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800, language: "ko" })
    const { page } = tablet
    // axe takes what processor there is; a busy machine is no finding.
    page.setDefaultTimeout(60_000)
    const found: string[] = []
    await walk({ page, fixture, language: "ko" }, async ({ name, picture, isOver = false }) => {
      for (const language of ["ko", "en"] as const) {
        await speak(page, language)
        if (language === "ko" && picture !== undefined) found.push(...(await looksKept(page, picture)))
        found.push(...(await lookAt(page, `${language} ${name}`, isOver)))
      }
    })
    expect(found).toEqual([])
    await tablet.close()
  }, 600_000)

  test("every screen of a hub on its first day", async () => {
    const first = await startFixture({ ui: await builtUi(), pictures: 1, width: 320, empty: true })
    const tablet = await openTablet(browser, { width: 1280, height: 800, language: "ko" })
    const { page } = tablet
    page.setDefaultTimeout(60_000)
    await page.goto(first.url)
    await page.getByTestId("signin-login").fill("admin")
    await page.getByTestId("signin-password").fill(fixturePassword)
    await page.getByTestId("signin-submit").tap()
    await page.locator(".shell").waitFor()
    const found: string[] = []
    const places = ["", ...((await page.locator(".rail a").evaluateAll(addressesOf)) as string[])]
    for (const place of [...new Set([...places, "/msa", "/known", "/order", "/assist", "/connections"])]) {
      await page.goto(first.url + place)
      await page.locator("main :is(h1, h2, p)").first().waitFor()
      for (const language of ["ko", "en"] as const) {
        await speak(page, language)
        found.push(...(await lookAt(page, `${language} ${place} on the first day`, false)))
      }
    }
    expect(found).toEqual([])
    await tablet.close()
    await first.stop()
  }, 300_000)
})

const addressesOf = (links: Element[]) => links.map((link) => link.getAttribute("href") ?? "")

test("another screen looks different, the same one does not", async () => {
  const [home, label] = await Promise.all(["home", "label"].map((name) => Bun.file(lookOf(name)).bytes()))
  expect(await differenceOf(home!, home!)).toBe(0)
  expect(await differenceOf(home!, label!)).toBeGreaterThan(0.3)
})
