import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import type { InspectionView } from "#contract/labelling"
import { type RunningDemo, startDemo } from "../../hub/demo/demo.ts"
import { createDrawnMaterial } from "../../hub/demo/drawn.material.ts"
import type { Material } from "../../hub/demo/material.ts"
import { hasBrowser, openBrowser, openTablet } from "../ui/support/browser.ts"

const available = await hasBrowser()
const minutes = 60_000

const spoken = {
  ko: { language: "한국어", newKind: { own: "균열", other: "crack" }, ok: "양품", home: "균열" },
  en: { language: "English", newKind: { own: "Crack", other: "균열" }, ok: "OK", home: "Crack" },
} as const

/** A small line whose new kind comes at once and often: the test waits for people's steps, not for parts. */
const smallLine = (seed: number) =>
  createDrawnMaterial({
    seed,
    newKindFrom: 2,
    newKindShare: 0.5,
    intervalMs: 700,
    counts: { references: 24, golden: 24, goldenNew: 0, unseen: 0 },
  })

let browser: Browser
beforeAll(async () => {
  if (available) browser = await openBrowser()
})
afterAll(() => browser?.close())

describe.skipIf(!available)("the whole loop on a tablet, against a real hub and real stations", () => {
  for (const [language, seed] of [
    ["ko", 21],
    ["en", 22],
  ] as const)
    test(
      `people judge, the hub trains and proves, an engineer approves, the stations run it (${language})`,
      async () => {
        const words = spoken[language]
        const material = smallLine(seed)
        const demo = await startDemo({ ...plant, seed, material, signal: new AbortController().signal })
        if (demo === "stopped") throw new Error("nobody stopped the demo")
        const tablet = await openTablet(browser, { width: 1280, height: 800, language })
        const { page } = tablet
        page.setDefaultTimeout(30_000)
        try {
          await page.goto(demo.signInUrl)
          await page.getByTestId("home-label").waitFor()
          await page.getByTestId("nav-settings").tap()
          await page.getByTestId("language").getByRole("radio", { name: words.language }).tap()

          await page.getByTestId("nav-label").tap()
          expect(await page.getByTestId("label-ok").innerText()).toContain(words.ok)
          const approved = await labelUntilApprovable(page, demo, material, words.newKind)
          expect(approved).toBeTrue()

          await page.getByTestId("model-approve").tap()
          await page.getByTestId("model-approve-confirm").tap()
          await page
            .locator('[data-testid="rollout-item"][data-state="finished"]')
            .first()
            .waitFor({
              timeout: 3 * minutes,
            })
          expect(await page.getByTestId("rollout-station").count()).toBe(plant.stations)

          await page.getByTestId("nav-home").tap()
          await page.getByText(words.home).first().waitFor()
          expect(await page.getByTestId("home-loop").innerText()).toMatch(/\d/)
          await page.getByTestId("nav-live").tap()
          await page.getByTestId("live-chart").waitFor()
          await page.getByTestId("live-item").first().waitFor()
          expect(await page.getByTestId("live-station").count()).toBe(plant.stations)

          // The browser itself reports a 401 for "is anyone signed in?".
          expect(tablet.complaints.filter((text) => !/401/.test(text))).toEqual([])
        } finally {
          await tablet.close()
          await demo.stop()
        }
      },
      8 * minutes,
    )
})

const plant = {
  materialName: "drawn",
  stations: 2,
  port: 0,
  dir: undefined,
  backbone: undefined,
  robot: false,
  robotThinkMs: 0,
  partsAfter: 0,
  verbose: false,
  say: () => {},
}

/**
 * Judges parts as the truth has them until a training has ended, looks at the gate's report, and goes on judging when
 * the gate has said no. Ends on the page of a model that may be approved.
 */
async function labelUntilApprovable(
  page: Page,
  demo: RunningDemo,
  material: Material,
  newKind: { own: string; other: string },
): Promise<boolean> {
  for (let round = 0; round < 3; round++) {
    await labelUntil(page, material, newKind, () => isTraining(page, demo, round + 2))
    await page.getByTestId("label-exit").tap()
    await page.getByTestId("nav-training").tap()
    const ended = page.locator(
      '[data-testid="training-job"]:is([data-state="succeeded"], [data-state="failed"])',
    )
    await until(async () => (await ended.count()) >= round + 2, 4 * minutes)
    await page.getByTestId("nav-models").tap()
    await page.getByTestId("models-item").first().tap()
    await page.getByTestId("model-gate").waitFor()
    expect(await page.getByTestId("model-check").count()).toBeGreaterThan(4)
    if ((await page.getByTestId("model-approve").count()) > 0) return true
    await page.getByTestId("nav-label").tap()
  }
  return false
}

async function labelUntil(
  page: Page,
  material: Material,
  newKind: { own: string; other: string },
  enough: () => Promise<boolean>,
): Promise<void> {
  let judged = ""
  for (let labels = 0; !(labels % 4 === 0 && (await enough())); labels++) {
    const part = page.getByTestId("label-part")
    await until(async () => (await part.count()) > 0 && (await part.innerText()) !== judged, minutes)
    judged = await part.innerText()
    // The buttons are dead for 150 ms after a change of the picture.
    await page.waitForTimeout(180)
    const truth = material.truthOf({ part_id: judged.split(" · ")[0] ?? "" } as InspectionView)
    if (!truth || truth.verdict === "ok") {
      await page.getByTestId("label-ok").tap()
      continue
    }
    const proposals = page.getByTestId("label-box-remove")
    while ((await proposals.count()) > 0) await proposals.first().tap()
    for (const kind of truth.kinds) await pickKind(page, kind, newKind)
    await page.getByTestId("label-ng").tap()
  }
}

async function pickKind(
  page: Page,
  kind: string,
  { own, other }: { own: string; other: string },
): Promise<void> {
  const button = page.locator(`[data-testid="label-kind"][data-kind="${kind}"]`)
  if ((await button.count()) === 0) {
    await page.getByTestId("label-new-kind").tap()
    await page.getByTestId("label-new-kind-name").fill(own)
    await page.getByTestId("label-new-kind-other").fill(other)
    await page.getByTestId("label-new-kind-create").tap()
    await button.waitFor()
  }
  if ((await button.getAttribute("aria-pressed")) !== "true") await button.tap()
}

/** Whether the hub has begun its n-th training, asked as the signed-in page asks. */
async function isTraining(page: Page, demo: RunningDemo, n: number): Promise<boolean> {
  const answer = await page.request.get(`${demo.url}/api/training/jobs`)
  const { items } = (await answer.json()) as { items: unknown[] }
  return items.length >= n
}

async function until(what: () => Promise<boolean>, ms: number): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error(`it did not come true within ${ms / 1000} s`)
    await Bun.sleep(50)
  }
}
