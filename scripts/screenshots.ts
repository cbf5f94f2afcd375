#!/usr/bin/env bun
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { Page } from "playwright-core"
import type { LabelSetup } from "#contract/questions"
import { plainSetup } from "#contract/setups"
import { openBrowser, openTablet, type View } from "../test/ui/support/browser.ts"
import { fixturePassword, startFixture } from "../test/ui/support/fixture.ts"
import { builtUi } from "./build-ui.ts"

/**
 * Photographs every screen in both languages and themes, for people to look at:
 * `bun scripts/screenshots.ts --out /tmp/shots [--only label] [--size 1280x800] [--languages ko,en] [--themes light,dark]`
 */
const { values } = parseArgs({
  options: {
    out: { type: "string", default: "./screenshots" },
    only: { type: "string", default: "" },
    size: { type: "string", default: "1280x800" },
    languages: { type: "string", default: "ko,en" },
    themes: { type: "string", default: "light,dark" },
  },
})

const shots: Record<string, (page: Page) => Promise<void>> = {
  home: (page) => page.goto(`${fixture.url}/`).then(() => page.getByTestId("home-label").waitFor()),
  label: (page) => openLabel(page),
  "label-box": async (page) => {
    await openLabel(page)
    await page.getByTestId("label-canvas").tap({ position: await middleOfBox() })
  },
  "label-asking": async (page) => {
    await openLabel(page)
    const remove = page.getByTestId("label-box-remove")
    while ((await remove.count()) > 0) await remove.first().tap()
    await page.waitForTimeout(200)
    await page.getByTestId("label-ng").tap()
  },
  "label-toast": async (page) => {
    await openLabel(page)
    await page.waitForTimeout(200)
    const judged = fixture.queue[0]
    await page.getByTestId("label-unsure").tap()
    await page.waitForTimeout(600)
    // It waits again for the pictures that follow.
    if (judged) fixture.queue.unshift(judged)
  },
  "label-help": async (page) => {
    await openLabel(page)
    await page.getByTestId("label-help").tap()
  },
  "label-tools": async (page) => {
    await openLabel(page)
    await page.getByTestId("editor-more").tap()
    await page.getByTestId("editor-drawer").waitFor()
  },
  "label-polygon": async (page) => {
    await openLabel(page)
    await page.locator('.tools [data-mode="polygon"]').tap()
    await page.getByTestId("editor-hint").waitFor()
    const canvas = page.getByTestId("label-canvas")
    for (const [x, y] of [
      [200, 150],
      [420, 180],
      [380, 360],
    ] as const)
      await canvas.tap({ position: { x, y } })
  },
  "label-brush": async (page) => {
    await openLabel(page)
    await page.locator('.tools [data-mode="brush"]').tap()
    await page.getByTestId("editor-hint").waitFor()
    const canvas = page.getByTestId("label-canvas")
    for (let i = 0; i < 12; i++)
      await canvas.tap({ position: { x: 200 + i * 14, y: 200 + Math.round(30 * Math.sin(i / 2)) } })
    await page.getByTestId("editor-done").tap()
    await page.getByTestId("editor-details").first().tap()
    await page.getByTestId("editor-drawer").waitFor()
  },
  "label-questions": async (page) => {
    fixture.setSetups(exampleSetups)
    await openLabel(page)
    await page.getByTestId("label-canvas").tap({ position: await middleOfBox() })
    await page.getByTestId("editor-details").first().tap()
    await page.getByTestId("label-ng").tap()
    fixture.setSetups(undefined)
  },
  "label-new-kind": async (page) => {
    await openLabel(page)
    await page.getByTestId("label-new-kind").tap()
  },
  "label-outline": async (page) => {
    await openLabel(page)
    await page.getByTestId("editor-more").tap()
    await page.locator('[data-testid="editor-tool"][data-mode="segment"]').tap()
    await page.getByTestId("label-canvas").tap({ position: await middleOfBox() })
    await page.waitForTimeout(800)
  },
  live: async (page) => {
    await page.goto(`${fixture.url}/live`)
    await page.getByTestId("live-item").first().waitFor()
  },
  "live-part": async (page) => {
    await page.goto(`${fixture.url}/live`)
    await page.getByTestId("live-item").first().tap()
    await page.getByTestId("similar-part").first().waitFor()
    await page.getByTestId("similar").scrollIntoViewIfNeeded()
  },
  training: async (page) => {
    await page.goto(`${fixture.url}/training`)
    await page.getByTestId("training-job").first().waitFor()
  },
  connections: async (page) => {
    await page.goto(`${fixture.url}/connections`)
    await page.getByTestId("connections-webhook").first().waitFor()
  },
  "connections-sent": async (page) => {
    await page.goto(`${fixture.url}/connections`)
    await page.getByTestId("connections-deliveries").first().tap()
    await page.getByTestId("connections-delivery").first().waitFor()
  },
  "connections-servers": async (page) => {
    await page.goto(`${fixture.url}/connections`)
    await page.getByTestId("servers-row").first().waitFor()
    await page.getByTestId("servers-row").first().scrollIntoViewIfNeeded()
  },
  "connections-server-says": async (page) => {
    await page.goto(`${fixture.url}/connections`)
    await page.getByTestId("servers-try").first().tap()
    await page.getByTestId("servers-said").waitFor()
  },
  "training-choose": async (page) => {
    await page.goto(`${fixture.url}/training`)
    await page.getByTestId("training-choose").tap()
    await page.getByTestId("training-recipe").selectOption("torch.classify")
  },
  "training-compare": async (page) => {
    await page.goto(`${fixture.url}/training`)
    await page.getByTestId("training-compare").nth(0).tap()
    await page.getByTestId("training-compare").nth(1).tap()
    await page.getByTestId("training-compared").scrollIntoViewIfNeeded()
  },
  "training-run": async (page) => {
    await page.goto(`${fixture.url}/training/${fixture.jobs[0]?.id}`)
    await page.getByTestId("training-log").waitFor()
  },
  "training-trainers": async (page) => {
    await page.goto(`${fixture.url}/training`)
    await page.getByTestId("trainer-item").first().scrollIntoViewIfNeeded()
  },
  "training-token": async (page) => {
    await page.goto(`${fixture.url}/training`)
    await page.getByTestId("trainer-connect").tap()
    await page.getByTestId("trainer-id").fill("lab")
    await page.getByTestId("trainer-make").tap()
    await page.getByTestId("trainer-token").waitFor()
  },
  models: async (page) => {
    await page.goto(`${fixture.url}/models`)
    await page.getByTestId("models-item").first().waitFor()
  },
  assist: async (page) => {
    await page.goto(`${fixture.url}/assist`)
    await page.getByTestId("assist-tools").waitFor()
  },
  "assist-more": async (page) => {
    await page.goto(`${fixture.url}/assist`)
    await page.getByTestId("assist-segmenter").last().scrollIntoViewIfNeeded()
  },
  "models-add": async (page) => {
    await page.goto(`${fixture.url}/models/add`)
    await page.getByTestId("wizard-choose").waitFor()
  },
  "models-wizard": (page) => openWizard(page),
  "models-wizard-classes": async (page) => {
    await openWizard(page)
    await page.getByTestId("wizard-class").first().scrollIntoViewIfNeeded()
  },
  model: async (page) => {
    await page.goto(`${fixture.url}/models/${fixture.models[0]?.digest}`)
    await page.getByTestId("model-gate").waitFor()
  },
  "model-refused": async (page) => {
    await page.goto(`${fixture.url}/models/${fixture.models[2]?.digest}`)
    await page.getByTestId("model-gate").waitFor()
  },
  "model-approve": async (page) => {
    await page.goto(`${fixture.url}/models/${fixture.models[0]?.digest}`)
    await page.getByTestId("model-approve").tap()
  },
  "rollouts-shadow": async (page) => {
    await page.goto(`${fixture.url}/rollouts`)
    await page.getByTestId("shadow-assign").tap()
  },
  rollouts: async (page) => {
    await page.goto(`${fixture.url}/rollouts`)
    await page.getByTestId("rollout-item").first().waitFor()
  },
  stations: async (page) => {
    await page.goto(`${fixture.url}/stations`)
    await page.getByTestId("station-item").first().waitFor()
  },
  "stations-enrol": async (page) => {
    await page.goto(`${fixture.url}/stations`)
    await page.getByTestId("station-enrol").tap()
    await page.getByTestId("station-id").fill("line4-cam")
    await page.getByTestId("station-name").fill("4라인 카메라")
    await page.getByTestId("station-make-code").tap()
    await page.getByTestId("station-code").waitFor()
  },
  "label-alike": async (page) => {
    await openLabel(page)
    await page.getByTestId("flow-guide").tap()
    await page.locator('[data-testid="flow-beside"] label').last().tap()
    await page.getByTestId("similar-part").first().waitFor()
  },
  "label-guide": async (page) => {
    await openLabel(page)
    await page.getByTestId("flow-guide").tap()
    await page.getByTestId("flow-guide-panel").waitFor()
  },
  "label-ask": async (page) => {
    await openLabel(page)
    await page.getByTestId("flow-ask").tap()
    await page.getByTestId("flow-ask-person").first().waitFor()
  },
  "label-comment": async (page) => {
    await openLabel(page)
    await page.getByTestId("flow-comment").tap()
    await page.getByTestId("flow-comment-text").waitFor()
  },
  batch: async (page) => {
    await openLabel(page)
    await page.getByTestId("batch-open").tap()
    await page.getByTestId("batch-tile").nth(2).tap()
  },
  catalogue: (page) => open(page, "/catalogue", "main button"),
  review: (page) => open(page, "/review", '[data-testid="review-item"]'),
  "review-case": async (page) => {
    await open(page, "/review", '[data-testid="review-item"]')
    await page.getByTestId("review-item").first().tap()
    await page.getByTestId("review-opinion").first().waitFor()
  },
  "review-draw": async (page) => {
    await open(page, "/review", '[data-testid="review-item"]')
    await page.getByTestId("review-item").nth(1).tap()
    await page.getByTestId("review-draw").tap()
    await page.getByTestId("label-canvas").waitFor()
  },
  "review-checks": async (page) => {
    await open(page, "/review", '[data-testid="review-item"]')
    await page.getByTestId("review-checks").tap()
    await page.getByTestId("dialog-close").waitFor()
  },
  "review-back": async (page) => {
    await open(page, "/review", '[data-testid="review-item"]')
    await page.getByTestId("review-item").first().tap()
    await page.getByTestId("review-send-back").tap()
    await page.getByTestId("dialog-close").waitFor()
  },
  known: (page) => open(page, "/known", '[data-testid="known-part"]'),
  "known-add": async (page) => {
    await open(page, "/known", '[data-testid="known-part"]')
    await page.getByTestId("known-add").tap()
    await page.getByTestId("dialog-close").waitFor()
  },
  msa: (page) => open(page, "/msa", '[data-testid="msa-appraiser"]'),
  datasets: (page) => open(page, "/datasets", "main button"),
  parts: (page) =>
    open(page, `/parts?filter=${encodeURIComponent("verdict:ng -label:ok time:7d")}`, ".parts-card img"),
  "parts-table": (page) => open(page, "/parts?look=table", ".parts-table img"),
  "parts-fault": async (page) => {
    await open(page, "/parts", ".parts-card img")
    await page.getByTestId("parts-filter").fill("verdict:ng colour:red")
  },
  "parts-add": async (page) => {
    await open(page, "/parts", ".parts-card img")
    await page.getByTestId("parts-add").tap()
    await page.getByTestId("parts-add-submit").waitFor()
  },
  "parts-label": async (page) => {
    await open(page, "/parts", ".parts-card img")
    await page.locator('[data-testid="parts-act"][data-kind="label"]').tap()
    await page.getByTestId("parts-will").waitFor()
  },
  "parts-export": async (page) => {
    await open(page, "/parts", ".parts-card img")
    await page.getByTestId("parts-export").tap()
    await page.getByTestId("export-item").waitFor()
  },
  part: async (page) => {
    await open(page, "/parts", ".parts-card img")
    await page.getByTestId("parts-item").first().tap()
    await page.getByTestId("part-history").waitFor()
  },
  sources: (page) => open(page, "/sources", '[data-testid="source-item"]'),
  "sources-add": async (page) => {
    await open(page, "/sources", '[data-testid="source-item"]')
    await page.getByTestId("source-add").tap()
    await page.locator("[data-preset]").first().waitFor()
  },
  source: (page) => open(page, "/sources/line5-vision", '[data-testid="source-message"]'),
  "model-limits": async (page) => {
    await page.goto(`${fixture.url}/models/${fixture.models[0]?.digest}`)
    await page.getByTestId("model-limits").scrollIntoViewIfNeeded()
  },
  "datasets-diff": async (page) => {
    await open(page, "/datasets", ".change img")
    await page.locator(".changes").scrollIntoViewIfNeeded()
  },
  "people-code": async (page) => {
    await page.goto(`${fixture.url}/people`)
    await page.getByTestId("tablets-enrol").tap()
    await page.getByTestId("tablet-name").fill("3라인 검사대")
    await page.getByTestId("tablet-make-code").tap()
    await page.getByTestId("tablet-made-code").waitFor()
  },
  "people-pin": async (page) => {
    await open(page, "/people", '[data-testid="people-item"]')
    await page.getByTestId("people-access").nth(1).tap()
    await page.getByTestId("access-badge-make").waitFor()
  },
  "msa-report": async (page) => {
    await open(page, "/msa", '[data-testid="msa-appraiser"]')
    await page.locator("a[href^='/msa/']").first().click()
    await page.getByTestId("msa-appraiser").first().waitFor()
  },
  "not-found": async (page) => {
    await page.goto(`${fixture.url}/nowhere`)
    await page.locator(".empty").waitFor()
  },
  "no-such-model": async (page) => {
    await page.goto(`${fixture.url}/models/${"0".repeat(64)}`)
    await page.locator(".note").waitFor()
  },
  people: async (page) => {
    await page.goto(`${fixture.url}/people`)
    await page.getByTestId("people-item").first().waitFor()
  },
  "settings-setup": async (page) => {
    await page.goto(`${fixture.url}/settings`)
    await page.getByTestId("setup-question-add").tap()
    await page.getByTestId("setup-save").tap()
    await page.getByTestId("setup-tool").first().scrollIntoViewIfNeeded()
    await page.evaluate(() => document.querySelector(".setup-tools")?.scrollIntoView())
  },
  order: async (page) => {
    await page.goto(`${fixture.url}/order`)
    await page.getByTestId("order-compared").waitFor()
  },
  settings: async (page) => {
    await page.goto(`${fixture.url}/settings`)
    await page.getByTestId("theme").waitFor()
  },
}

async function open(page: Page, path: string, shown: string): Promise<void> {
  await page.goto(fixture.url + path)
  await page.locator(shown).first().waitFor()
}

async function openLabel(page: Page): Promise<void> {
  await page.goto(`${fixture.url}/label`)
  await page.getByTestId("label-canvas").waitFor()
  await page.waitForTimeout(150)
}

async function openWizard(page: Page): Promise<void> {
  await page.goto(`${fixture.url}/models/add`)
  const file = { name: "best.onnx", mimeType: "application/octet-stream", buffer: Buffer.from("onnx") }
  await page.getByTestId("wizard-file").setInputFiles(file)
  await page.getByTestId("wizard-try").tap()
  await page.getByTestId("wizard-picture").first().waitFor()
}

/** Where on the canvas the first suggested box lies, assuming it shows the whole part. */
async function middleOfBox(): Promise<{ x: number; y: number }> {
  const task = fixture.queue[0]
  const box = task?.findings[0]?.box
  const canvas = await page.getByTestId("label-canvas").boundingBox()
  if (!box || !canvas || !task.image) return { x: 200, y: 200 }
  const scale = Math.min(canvas.width / task.image.w, canvas.height / task.image.h)
  const left = (canvas.width - task.image.w * scale) / 2
  const top = (canvas.height - task.image.h * scale) / 2
  return { x: left + (box[0] + box[2] / 2) * scale, y: top + (box[1] + box[3] / 2) * scale }
}

const names = (ko: string, en: string) => ({ ko, en })
const exampleSetups: LabelSetup[] = [
  {
    ...plainSetup,
    questions: [
      {
        type: "choice",
        key: "finish",
        names: names("표면 상태", "Surface"),
        of: "image",
        required: true,
        several: false,
        options: [
          { key: "dry", names: names("마름", "Dry") },
          { key: "oily", names: names("기름 묻음", "Oily") },
          { key: "dusty", names: names("먼지", "Dusty") },
        ],
      },
      {
        type: "tree",
        key: "place",
        names: names("위치", "Place"),
        of: "region",
        required: false,
        several: false,
        options: [
          {
            key: "front",
            names: names("앞면", "Front"),
            options: [
              { key: "edge", names: names("모서리", "Edge") },
              { key: "middle", names: names("가운데", "Middle") },
            ],
          },
          { key: "back", names: names("뒷면", "Back") },
        ],
      },
      { type: "rating", key: "depth", names: names("깊이", "Depth"), of: "region", required: false, most: 5 },
    ],
  },
]

const fixture = await startFixture({ ui: await builtUi() })
const browser = await openBrowser()
const [width = 1280, height = 800] = values.size.split("x").map(Number)
await mkdir(values.out, { recursive: true })
let page: Page
const found: string[] = []

for (const language of values.languages.split(",") as ("ko" | "en")[])
  for (const theme of values.themes.split(",") as ("light" | "dark" | "contrast")[]) {
    const view: View = { width, height, language, theme, locale: language === "ko" ? "ko-KR" : "en-GB" }
    const tablet = await openTablet(browser, view)
    page = tablet.page
    const take = (name: string) =>
      page.screenshot({ path: join(values.out, `${name}-${language}-${theme}-${values.size}.png`) })
    await page.goto(fixture.url)
    await page.getByTestId("signin-login").waitFor()
    if (values.only === "" || values.only.split(",").includes("signin")) await take("signin")
    await page.getByTestId("signin-login").fill("admin")
    await page.getByTestId("signin-password").fill(fixturePassword)
    // The person's own language wins after sign-in, so the fixture's is set first.
    await page.getByTestId("signin-submit").tap()
    await page.getByTestId("home-label").waitFor()
    await page.evaluate(
      (language) =>
        fetch("/api/session", {
          method: "PATCH",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ language }),
        }).then(() => undefined),
      language,
    )
    for (const [name, open] of Object.entries(shots)) {
      if (values.only !== "" && !values.only.split(",").includes(name)) continue
      try {
        await open(page)
        await page.waitForTimeout(350)
      } catch (error) {
        found.push(`${name} ${language} ${theme}: ${String(error).split("\n")[0]}`)
      }
      await take(name)
    }
    found.push(...tablet.complaints.map((text) => `console ${language} ${theme}: ${text}`))
    await tablet.close()
  }
await browser.close()
await fixture.stop()
for (const line of found) console.log(line)
console.log(`screens are in ${values.out}`)
