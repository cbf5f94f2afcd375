import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser } from "playwright-core"
import { theHub } from "../../hub/platform/audit.ts"
import { partPicture } from "../hub/support/models.ts"
import { newLabel, storePictures } from "../hub/support/parts.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { startRealHub } from "./support/real-hub.ts"

const available = await hasBrowser()
let hub: Awaited<ReturnType<typeof startRealHub>>
let browser: Browser

beforeAll(async () => {
  if (!available) return
  hub = await startRealHub()
  hub.hub.catalogue.addDefectClass(theHub, { key: "dent", names: { ko: "찍힘", en: "Dent" } })
  const pictures = Array.from({ length: 12 }, (_, i) =>
    partPicture({ grey: 40 + i * 12, square: i % 3 === 0 }),
  )
  const ids = await storePictures(hub, pictures)
  const reviewer = await hub.as("reviewer")
  for (const id of ids.slice(0, 4))
    await reviewer.post("/api/labels", newLabel(id, { verdict: "ng", kinds: ["dent"] }))
  browser = await openBrowser()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await hub.stop()
})

describe.skipIf(!available)("parts on the screen, with the real hub", () => {
  for (const language of ["ko", "en"] as const)
    test(`are found, changed by the many, put back, and told of (${language})`, async () => {
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      // A busy machine is no failure.
      page.setDefaultTimeout(30_000)
      const label = language === "ko" ? "라벨" : "label"
      const marks = page.getByTestId("parts-item")
      const many = (count: number) =>
        page.waitForFunction(
          (n) => document.querySelectorAll('[data-testid="parts-item"]').length === n,
          count,
        )
      await hub.signIn(page, "engineer", language)
      await page.goto(`${hub.url}/parts`)
      await many(12)

      // A word that is not understood is marked while it is written; the list stays.
      await page.getByTestId("parts-filter").fill(`${label}:none colour:red`)
      await page.getByTestId("parts-fault").locator("mark").filter({ hasText: "colour:red" }).waitFor()
      await page.getByTestId("parts-filter").fill(`${label}:none`)
      await page.getByTestId("parts-find").click()
      await many(8)
      // It says what it asks for in the words of the screen, not in those of the filter.
      expect(await page.getByTestId("parts-chip").innerText()).toContain(
        language === "ko" ? "라벨 없음" : "Label None",
      )

      // Conditions come together from lists, and go by a tap.
      await page.getByTestId("parts-add").click()
      await page.getByTestId("parts-add-field").selectOption("part")
      await page.getByTestId("parts-add-value").fill("P-1*")
      await page.getByTestId("parts-add-submit").click()
      await many(2)
      await page.getByTestId("parts-chip").nth(1).click()
      await many(8)

      // All that were found are judged at once, and it is taken back.
      await page.locator('[data-testid="parts-act"][data-kind="label"]').click()
      await page.getByTestId("parts-will").locator("img").first().waitFor()
      await page.getByTestId("parts-go").click()
      await page.locator('[data-testid="parts-done"][data-state="done"]').waitFor()
      await page.getByTestId("parts-undo").click()
      await page.locator('[data-testid="parts-done"][data-state="undone"]').waitFor()
      await page.getByTestId("dialog-close").click()
      await many(8)

      // A filter is kept, and opened again as a table.
      await page.getByTestId("parts-look").locator("label").nth(1).click()
      await page.locator(".parts-table").waitFor()
      await page.getByTestId("parts-views").click()
      await page.getByTestId("parts-view-name").fill("unjudged")
      await page.getByTestId("parts-view-save").click()
      await page.getByTestId("parts-view").first().waitFor()
      await page.getByTestId("dialog-close").click()
      await page.goto(`${hub.url}/parts`)
      await many(12)
      await page.getByTestId("parts-views").click()
      await page.getByTestId("parts-view").first().click()
      await page.locator(".parts-table").waitFor()
      await many(8)

      await page.goto(`${hub.url}/parts?filter=${encodeURIComponent("label:dent")}`)
      await many(4)
      await marks.first().click()
      await page.getByTestId("part-history").waitFor()
      await page
        .getByTestId("part-label")
        .filter({ hasText: language === "ko" ? "찍힘" : "Dent" })
        .waitFor()
      // Before anybody has signed in the page asks who it is; this hub has no backbone to compare pictures with.
      expect(tablet.complaints.filter((text) => !/401|503/.test(text))).toEqual([])
      await tablet.close()
    }, 120_000)
})
