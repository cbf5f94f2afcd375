import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AxeResults, RunOptions } from "axe-core"
import type { Browser, Page } from "playwright-core"
import { buildUi } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { fixturePassword, startFixture } from "./support/fixture.ts"

const available = await hasBrowser()
const themes = ["light", "dark", "contrast"] as const
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
let folder: string
let axe: string
let browser: Browser
let fixture: Awaited<ReturnType<typeof startFixture>>

beforeAll(async () => {
  if (!available) return
  folder = await mkdtemp(join(tmpdir(), "crux-looks-"))
  await buildUi(join(folder, "ui"))
  fixture = await startFixture({ ui: join(folder, "ui"), pictures: 8, width: 320 })
  browser = await openBrowser()
  axe = await Bun.file(join(import.meta.dir, "../../node_modules/axe-core/axe.min.js")).text()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await fixture.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Every screen, and what opens over it: the address, and how to get to the state that is looked at. */
const screens: { name: string; path?: string; open: (page: Page) => Promise<void> }[] = [
  ...["/", "/live", "/training", "/models", "/rollouts", "/stations", "/sources", "/settings"].map(
    (path) => ({
      name: path,
      path,
      open: (page: Page) => page.locator(".shell main button, .shell main a").first().waitFor(),
    }),
  ),
  {
    name: "training run",
    open: async (page) => {
      await page.goto(`${fixture.url}/training/${fixture.jobs[0]?.id}`)
      await page.getByTestId("training-log").waitFor()
    },
  },
  {
    name: "training: compare",
    path: "/training",
    open: async (page) => {
      await page.getByTestId("training-compare").nth(0).tap()
      await page.getByTestId("training-compare").nth(1).tap()
      await page.getByTestId("training-compared").waitFor()
    },
  },
  {
    name: "training: settings",
    open: async (page) => {
      await page.getByTestId("training-choose").tap()
      await page.getByTestId("training-recipe").selectOption("torch.classify")
      await page.getByTestId("training-param").first().waitFor()
    },
  },
  {
    name: "model",
    open: async (page) => {
      await page.goto(`${fixture.url}/models/${fixture.models[0]?.digest}`)
      await page.getByTestId("model-gate").waitFor()
    },
  },
  ...["/catalogue", "/order", "/datasets", "/assist"].map((path) => ({
    name: path,
    path,
    open: (page: Page) => page.locator(".shell main button").first().waitFor(),
  })),
  {
    name: "parts",
    path: "/parts?filter=verdict:ng",
    open: (page) => page.getByTestId("parts-item").first().waitFor(),
  },
  {
    name: "parts: judge all",
    open: async (page) => {
      await page.locator('[data-testid="parts-act"][data-kind="label"]').tap()
      await page.getByTestId("parts-will").waitFor()
    },
  },
  {
    name: "parts: take out",
    path: "/parts",
    open: async (page) => {
      await page.getByTestId("parts-export").tap()
      await page.getByTestId("export-item").waitFor()
    },
  },
  {
    name: "parts: table",
    path: "/parts?look=table",
    open: (page) => page.getByTestId("parts-item").first().waitFor(),
  },
  {
    name: "parts: history",
    open: async (page) => {
      await page.getByTestId("parts-item").first().tap()
      await page.getByTestId("part-history").waitFor()
    },
  },
  {
    name: "review",
    path: "/review",
    open: (page) => page.getByTestId("review-item").first().waitFor(),
  },
  {
    name: "review: checks",
    open: async (page) => {
      await page.getByTestId("review-checks").tap()
      await page.locator("dialog input").first().waitFor()
    },
  },
  {
    name: "review: one label",
    open: async (page) => {
      await page.getByTestId("dialog-close").tap()
      await page.getByTestId("review-item").first().tap()
      await page.getByTestId("review-opinion").first().waitFor()
    },
  },
  {
    name: "review: drawing",
    open: async (page) => {
      await page.getByTestId("review-draw").tap()
      await page.getByTestId("label-canvas").waitFor()
    },
  },
  {
    name: "known parts",
    path: "/known",
    open: (page) => page.getByTestId("known-part").first().waitFor(),
  },
  {
    name: "known parts: adding",
    open: async (page) => {
      await page.getByTestId("known-add").tap()
      await page.getByTestId("known-save").waitFor()
    },
  },
  {
    name: "msa",
    path: "/msa",
    open: (page) => page.getByTestId("msa-appraiser").first().waitFor(),
  },
  {
    name: "models: another maker's",
    path: "/models/add",
    open: async (page) => {
      const file = { name: "best.onnx", mimeType: "application/octet-stream", buffer: Buffer.from("onnx") }
      await page.getByTestId("wizard-file").setInputFiles(file)
      await page.getByTestId("wizard-try").tap()
      await page.getByTestId("wizard-picture").first().waitFor()
    },
  },
  {
    name: "programs",
    path: "/connections",
    open: async (page) => {
      await page.getByTestId("connections-key").first().waitFor()
      await page.getByTestId("servers-row").first().waitFor()
      await page.getByTestId("servers-add").tap()
      await page.getByTestId("connections-webhook-add").tap()
      await page.getByTestId("connections-webhook-url").waitFor()
    },
  },
  {
    name: "programs: what was sent",
    open: async (page) => {
      await page.getByTestId("connections-deliveries").first().tap()
      await page.getByTestId("connections-delivery").first().waitFor()
    },
  },
  {
    name: "programs: what a model server says",
    path: "/connections",
    open: async (page) => {
      await page.getByTestId("servers-try").first().tap()
      await page.getByTestId("servers-said").waitFor()
    },
  },
  {
    name: "people",
    path: "/people",
    open: (page) => page.getByTestId("tablet-item").first().waitFor(),
  },
  {
    name: "people: PIN and badge",
    open: async (page) => {
      await page.getByTestId("people-access").nth(1).tap()
      await page.getByTestId("access-badge-make").tap()
      await page.getByTestId("badges").waitFor()
    },
  },
  {
    name: "people: code of a tablet",
    open: async (page) => {
      await page.getByTestId("dialog-close").tap()
      await page.getByTestId("tablets-enrol").tap()
      await page.getByTestId("tablet-name").fill("3")
      await page.getByTestId("tablet-make-code").tap()
      await page.getByTestId("tablet-made-code").waitFor()
    },
  },
  {
    name: "label",
    path: "/label",
    open: (page) => page.getByTestId("label-canvas").waitFor(),
  },
  {
    name: "label: batch",
    open: async (page) => {
      await page.getByTestId("batch-open").tap()
      await page.getByTestId("batch-tile").nth(1).tap()
    },
  },
  {
    name: "label: parts like it",
    path: "/label",
    open: async (page) => {
      await page.getByTestId("flow-guide").tap()
      await page.locator('[data-testid="flow-beside"] label').last().tap()
      await page.getByTestId("similar-part").first().waitFor()
    },
  },
  {
    name: "label: criteria",
    open: async (page) => {
      await page.locator('[data-testid="flow-beside"] label').first().tap()
      await page.getByTestId("flow-guide-panel").waitFor()
    },
  },
  {
    name: "label: asking",
    open: async (page) => {
      await page.getByTestId("flow-ask").tap()
      await page.getByTestId("flow-ask-person").first().waitFor()
    },
  },
  {
    name: "label: comment",
    open: async (page) => {
      await page.getByTestId("dialog-close").tap()
      await page.getByTestId("flow-comment").tap()
      await page.getByTestId("flow-comment-person").first().waitFor()
    },
  },
  {
    name: "label: just judged",
    path: "/label",
    open: async (page) => {
      await page.getByTestId("label-canvas").waitFor()
      await page.waitForTimeout(170)
      await page.getByTestId("label-unsure").tap()
      await page.getByTestId("label-toast").waitFor()
    },
  },
  {
    name: "label: history",
    open: async (page) => {
      await page.getByTestId("label-history").tap()
      await page.getByTestId("label-who").first().tap()
      await page.getByTestId("label-revisions").waitFor()
    },
  },
  {
    name: "label: help",
    open: async (page) => {
      await page.getByTestId("dialog-close").tap()
      await page.getByTestId("label-help").tap()
      await page.getByTestId("dialog-close").waitFor()
    },
  },
  {
    name: "label: person",
    open: async (page) => {
      await page.getByTestId("dialog-close").tap()
      await page.getByTestId("label-person").tap()
      await page.getByTestId("person-day").waitFor()
    },
  },
  {
    name: "locked",
    open: async (page) => {
      await page.getByTestId("person-switch").tap()
      await page.getByTestId("lock").waitFor()
    },
  },
]

/** What axe finds, one line each. The first theme is looked at for everything, the others for their colours. */
async function complaints(page: Page, where: string): Promise<string[]> {
  const found: string[] = []
  for (const theme of themes) {
    await page.evaluate((name) => {
      document.documentElement.dataset.theme = name
      // Half-faded text has half the contrast.
      for (const animation of document.getAnimations())
        if (animation.effect?.getComputedTiming().iterations === Number.POSITIVE_INFINITY) animation.cancel()
        else animation.finish()
    }, theme)
    const options: RunOptions = {
      resultTypes: ["violations"],
      runOnly:
        theme === "light" ? { type: "tag", values: rules } : { type: "rule", values: ["color-contrast"] },
    }
    const results = await page.evaluate(
      (asked) =>
        (globalThis as unknown as { axe: { run(asked: unknown): Promise<AxeResults> } }).axe.run(asked),
      options,
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
          "button, a[href], select, input:not([type=radio]):not([type=checkbox]), label.segment, label.check",
        ),
      ]
        .filter((element) => !element.classList.contains("skip"))
        .map((element) => {
          const least = element.classList.contains("verdict") ? 128 : 48
          return { element, least, box: element.getBoundingClientRect() }
        })
        // Half a pixel is rounding. A verdict is as wide as a thumb at least one way and a palm the other.
        .filter(
          ({ box, least }) =>
            box.width > 0 && (box.width < least - 0.5 || box.height < Math.min(least, 96) - 0.5),
        )
        .map(({ element, box }) => `${name} ${element.outerHTML.slice(0, 80)} ${box.width}×${box.height}`),
    where,
  )

/** axe goes in by the debugger's door: the page itself lets no foreign script in. */
async function lookAt(page: Page, where: string): Promise<string[]> {
  await page.evaluate(`if (!globalThis.axe) { ${axe} }`)
  return [...(await complaints(page, where)), ...(await tooSmall(page, where))]
}

describe.skipIf(!available)("WCAG 2.2 AA and the size of every control", () => {
  for (const language of ["ko", "en"] as const)
    test(`on every screen, in every theme (${language})`, async () => {
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      // axe takes what processor there is; a busy machine is no finding.
      page.setDefaultTimeout(60_000)
      const found: string[] = []
      fixture.setEnrolled(false)
      await page.goto(fixture.url)
      await page.getByTestId("signin-login").waitFor()
      found.push(...(await lookAt(page, `${language} sign-in`)))
      await page.getByTestId("signin-login").fill("admin")
      await page.getByTestId("signin-password").fill(fixturePassword)
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
      fixture.setEnrolled(true)
      for (const { name, path, open } of screens) {
        if (path !== undefined) await page.goto(fixture.url + path)
        await open(page)
        found.push(...(await lookAt(page, `${language} ${name}`)))
      }
      await page.getByTestId("tablet-people").tap()
      found.push(...(await lookAt(page, `${language} names`)))
      expect(found).toEqual([])
      await tablet.close()
    }, 180_000)
})
