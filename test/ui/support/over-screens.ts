import type { Page } from "playwright-core"
import type { Screen } from "./screen.ts"

const close = (page: Page) => page.getByTestId("dialog-close").last().tap()
/** Taps one thing, and waits for what that opens. */
const opens = (tapped: string, shown: string) => async (page: Page) => {
  await page.locator(tapped).first().tap()
  await page.locator(shown).first().waitFor()
}
const id = (name: string) => `[data-testid="${name}"]`

/** What opens over the work: drawers, bars and questions. */
export const overWork: readonly Screen[] = [
  {
    name: "label: tools",
    path: "/label",
    open: async (page) => {
      await page.getByTestId("label-canvas").waitFor()
      await opens(id("editor-more"), id("editor-drawer"))(page)
    },
  },
  {
    name: "label: regions",
    path: "/label",
    open: async (page) => {
      await page.getByTestId("label-canvas").waitFor()
      await page.getByTestId("label-tool-box").tap()
      const canvas = page.getByTestId("label-canvas")
      await canvas.tap({ position: { x: 300, y: 200 } })
      await canvas.tap({ position: { x: 420, y: 320 } })
      await opens(id("editor-details"), id("editor-note"))(page)
    },
  },
  {
    name: "label: a polygon begun",
    path: "/label",
    open: async (page) => {
      await page.getByTestId("label-canvas").waitFor()
      await opens('.tools [data-mode="polygon"]', id("editor-hint"))(page)
      await page.getByTestId("label-canvas").tap({ position: { x: 200, y: 150 } })
    },
  },
  {
    name: "label: the brush",
    path: "/label",
    open: async (page) => {
      await page.getByTestId("label-canvas").waitFor()
      await opens('.tools [data-mode="brush"]', id("editor-thicker"))(page)
    },
  },
  {
    name: "label: which defect",
    path: "/label",
    open: async (page) => {
      await page.getByTestId("label-canvas").waitFor()
      const remove = page.getByTestId("label-box-remove")
      while ((await remove.count()) > 0) await remove.first().tap()
      await page.waitForTimeout(170)
      await opens(id("label-ng"), ".kinds-asking")(page)
    },
  },
  { name: "label: a new kind", open: opens(id("label-new-kind"), id("label-new-kind-name")) },
  {
    name: "label: giving back",
    open: async (page) => {
      await close(page)
      await opens(id("flow-skip"), id("flow-skip-reason"))(page)
    },
  },
  {
    name: "label: who called me",
    open: async (page) => {
      await close(page)
      await opens(id("flow-mentions"), id("flow-mention"))(page)
    },
  },
]

/** What opens over the screens of a desk. */
export const overDesk: readonly Screen[] = [
  {
    name: "catalogue: a class",
    path: "/catalogue",
    open: opens(id("catalogue-class"), id("catalogue-class-save")),
  },
  {
    name: "catalogue: a product",
    open: async (page) => {
      await close(page)
      await opens(id("catalogue-product"), id("catalogue-product-save"))(page)
    },
  },
  {
    name: "catalogue: criteria",
    open: async (page) => {
      await close(page)
      await opens(id("catalogue-criterion-write"), id("catalogue-criterion-publish"))(page)
    },
  },
  {
    name: "catalogue: a limit sample",
    open: async (page) => {
      await close(page)
      await opens(id("catalogue-sample-add"), id("catalogue-sample-save"))(page)
    },
  },
  { name: "live: a part", path: "/live", open: opens(id("live-item"), id("similar-part")) },
  { name: "parts: a condition", path: "/parts", open: opens(id("parts-add"), id("parts-add-submit")) },
  {
    name: "parts: saved conditions",
    open: async (page) => {
      await close(page)
      await opens(id("parts-views"), id("dialog-close"))(page)
    },
  },
  { name: "cameras: which", path: "/sources", open: opens(id("source-add"), "[data-preset]") },
  { name: "stations: a new one", path: "/stations", open: opens(id("station-enrol"), id("station-id")) },
  { name: "rollouts: a shadow", path: "/rollouts", open: opens(id("shadow-assign"), id("shadow-stations")) },
  { name: "msa: a new study", path: "/msa", open: opens(id("msa-begin"), id("msa-begin-submit")) },
  {
    name: "review: sending back",
    path: "/review",
    open: async (page) => {
      await page.getByTestId("review-item").first().tap()
      await opens(id("review-send-back"), "dialog textarea, dialog input")(page)
    },
  },
  { name: "people: a new one", path: "/people", open: opens(id("people-add"), id("people-submit")) },
  {
    name: "settings: a setup",
    path: "/settings",
    open: async (page) => {
      await opens(id("setup-question-add"), id("setup-question"))(page)
      await opens(id("setup-config-open"), id("setup-config-take"))(page)
      await page.getByTestId("setup-save").tap()
    },
  },
  { name: "no such screen", path: "/nowhere", open: (page) => page.locator(".empty").waitFor() },
  {
    name: "no such model",
    path: `/models/${"0".repeat(64)}`,
    open: (page) => page.locator(".note").waitFor(),
  },
]
