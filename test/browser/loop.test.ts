import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import type { Device } from "#contract/fleet"
import type { InspectionView } from "#contract/labelling"
import type { JobView } from "#contract/registry"
import { type RunningDemo, startDemo } from "../../hub/demo/demo.ts"
import { createDrawnMaterial } from "../../hub/demo/drawn.material.ts"
import type { Material } from "../../hub/demo/material.ts"
import { hasBrowser, openBrowser, openTablet } from "../ui/support/browser.ts"

const available = await hasBrowser()
const minutes = 60_000

const languages = ["ko", "en"] as const
const spoken = {
  ko: { language: "한국어", ok: "양품", newKind: { own: "버", other: "burr" } },
  en: { language: "English", ok: "OK", newKind: { own: "Burr", other: "버" } },
} as const

type Tablet = { page: Page; language: (typeof languages)[number]; complaints: string[] }

let browser: Browser
beforeAll(async () => {
  if (available) browser = await openBrowser()
})
afterAll(() => browser?.close())

describe.skipIf(!available)(
  "two tablets, one Korean and one English, at a real hub with real stations",
  () => {
    test(
      "people judge in turn, the hub trains and proves, an engineer approves, the stations run it, and both screens say so",
      async () => {
        // A small line whose new kind comes at once and often: the test waits for people's steps, not for parts.
        const material = createDrawnMaterial({
          seed: 21,
          newKindFrom: 2,
          newKindShare: 0.5,
          intervalMs: 900,
          counts: { references: 18, golden: 24, goldenNew: 0, unseen: 0 },
        })
        const demo = await startDemo({ ...plant, material, signal: new AbortController().signal })
        if (demo === "stopped") throw new Error("nobody stopped the demo")
        try {
          const tablets: Tablet[] = []
          for (const language of languages) tablets.push(await signIn(demo, language))
          const [korean, english] = tablets as [Tablet, Tablet]

          const digest = await labelUntilApprovable(tablets, demo, material)

          // The report in both languages; the approval in one.
          for (const { page } of tablets) {
            await page.getByTestId("nav-models").tap()
            await page.getByTestId("models-item").first().tap()
            await page.getByTestId("model-gate").waitFor()
            expect(await page.getByTestId("model-check").count()).toBeGreaterThan(4)
            expect(await page.getByTestId("model-approve").count()).toBe(1)
          }
          await english.page.getByTestId("model-approve").tap()
          await english.page.getByTestId("model-approve-confirm").tap()
          await korean.page.getByTestId("nav-rollouts").tap()
          for (const { page } of tablets) {
            await page
              .locator('[data-testid="rollout-item"][data-state="finished"]')
              .nth(1)
              .waitFor({ timeout: 3 * minutes })
            expect(await page.getByTestId("rollout-station").count()).toBeGreaterThanOrEqual(plant.stations)
          }

          const { items: devices } = await read<{ items: Device[] }>(korean.page, demo, "/api/devices")
          expect(devices.map((d) => d.reported?.slots.current?.digest)).toEqual([digest, digest])
          for (const { page, language } of tablets) {
            await page.getByTestId("nav-home").tap()
            await page.getByText(spoken[language].newKind.own).first().waitFor()
            await page.getByTestId("nav-live").tap()
            await page.getByTestId("live-chart").waitFor()
            await page.getByTestId("live-item").first().waitFor()
            expect(await page.getByTestId("live-station").count()).toBe(plant.stations)
          }
          // The browser itself reports a 401 for "is anyone signed in?".
          expect(tablets.flatMap((t) => t.complaints).filter((text) => !/401/.test(text))).toEqual([])
        } finally {
          await demo.stop()
        }
      },
      12 * minutes,
    )
  },
)

const plant = {
  seed: 21,
  materialName: "drawn",
  language: "ko" as const,
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

/** Signs in by a one-time link and chooses the language on the settings screen. */
async function signIn(demo: RunningDemo, language: Tablet["language"]): Promise<Tablet> {
  const { page, complaints } = await openTablet(browser, { width: 1280, height: 800, language })
  page.setDefaultTimeout(60_000)
  await page.goto(await demo.oneTimeLink())
  await page.getByTestId("home-label").waitFor()
  await page.getByTestId("nav-settings").tap()
  await page.getByTestId("language").getByRole("radio", { name: spoken[language].language }).tap()
  return { page, language, complaints }
}

/**
 * Judges parts as the truth has them, the tablets in turn, until a training has ended; goes on judging when the gate
 * has said no. Answers the model that may be approved.
 */
async function labelUntilApprovable(
  tablets: Tablet[],
  demo: RunningDemo,
  material: Material,
): Promise<string> {
  const [first] = tablets as [Tablet]
  const jobs = async () => (await read<{ items: JobView[] }>(first.page, demo, "/api/training/jobs")).items
  for (let round = 2; round <= 5; round++) {
    for (const { page, language } of tablets) {
      await page.getByTestId("nav-label").tap()
      expect(await page.getByTestId("label-ok").innerText()).toContain(spoken[language].ok)
    }
    for (let i = 0; (await jobs()).length < round; i++)
      await judgeParts(tablets[i % tablets.length]!, material, 3)
    for (const { page } of tablets) {
      await page.getByTestId("label-exit").tap()
      await page.getByTestId("nav-training").tap()
      await page.getByTestId("training-job").first().waitFor()
    }
    await until(async () => (await jobs()).every((job) => job.finished_at !== null), 4 * minutes)
    const job = (await jobs())[0]
    if (job?.model && job.gate_pass) return job.model
  }
  throw new Error("the gate let no model through")
}

async function judgeParts(tablet: Tablet, material: Material, count: number): Promise<void> {
  const { page, language } = tablet
  const part = page.getByTestId("label-part")
  for (let n = 0; n < count; n++) {
    // An empty queue fills again with the next parts of the line.
    await part.waitFor({ timeout: 2 * minutes })
    const shown = await part.innerText()
    // The buttons are dead for 150 ms after a change of the picture.
    await page.waitForTimeout(180)
    const truth = material.truthOf({ part_id: shown.split(" · ")[0] ?? "" } as InspectionView)
    if (!truth || truth.verdict === "ok") await page.getByTestId("label-ok").tap()
    else {
      await removeProposals(page)
      for (const kind of truth.kinds) await pickKind(page, kind, spoken[language].newKind)
      await page.getByTestId("label-ng").tap()
    }
    await until(async () => (await part.count()) === 0 || (await part.innerText()) !== shown, minutes)
  }
}

/** Takes away what the model has marked: one by one, and all at once where it has marked too much for that. */
async function removeProposals(page: Page): Promise<void> {
  const proposals = page.getByTestId("label-box-remove")
  while ((await proposals.count()) > 0) await proposals.first().tap()
  if ((await page.locator(".box-bar").count()) === 0) return
  await page.keyboard.press("Control+a")
  await page.keyboard.press("Delete")
  await page.locator(".box-bar").waitFor({ state: "detached" })
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

/** What the hub answers the signed-in page. */
async function read<T>(page: Page, demo: RunningDemo, path: string): Promise<T> {
  return (await (await page.request.get(`${demo.url}${path}`)).json()) as T
}

async function until(what: () => Promise<boolean>, ms: number): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error(`it did not come true within ${ms / 1000} s`)
    await Bun.sleep(50)
  }
}
