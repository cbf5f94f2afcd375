import type { Page } from "playwright-core"
import { fixturePassword, type startFixture } from "./fixture.ts"
import { overDesk, overWork } from "./over-screens.ts"
import type { Screen } from "./screen.ts"

type Fixture = Awaited<ReturnType<typeof startFixture>>
const plainPictures: Record<string, string> = {
  "/": "home",
  "/rollouts": "rollouts",
  "/stations": "stations",
}

/** Every screen, and what opens over it: the address, and how to get to the state that is looked at. */
const screensOf = (fixture: Fixture): Screen[] => [
  ...["/", "/live", "/training", "/models", "/rollouts", "/stations", "/sources", "/settings"].map(
    (path) => ({
      name: path,
      ...(plainPictures[path] && { picture: plainPictures[path] }),
      path,
      open: (page: Page) => page.locator(".shell main button, .shell main a").first().waitFor(),
    }),
  ),
  {
    name: "training run",
    goes: true,
    picture: "training-run",
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
    goes: true,
    picture: "model",
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
    picture: "parts",
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
    picture: "part",
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
    picture: "review",
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
    picture: "msa",
    path: "/msa",
    open: (page) => page.getByTestId("msa-appraiser").first().waitFor(),
  },
  {
    name: "msa: one study",
    goes: true,
    open: async (page) => {
      await page.locator('[data-testid="msa-study"] a').first().tap()
      await page.getByTestId("msa-appraiser").first().waitFor()
    },
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
    name: "camera: last messages",
    path: "/sources/line5-vision",
    open: (page) => page.getByTestId("source-message").first().waitFor(),
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
    picture: "label",
    path: "/label",
    open: (page) => page.getByTestId("label-canvas").waitFor(),
  },
  {
    name: "label: batch",
    picture: "batch",
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
    picture: "criteria",
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
  ...overWork,
  ...overDesk,
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

/** Screens with those that open over them. */
function chainsOf(screens: readonly Screen[]): Screen[][] {
  const chains: Screen[][] = []
  for (const screen of screens) {
    const goes = screen.path !== undefined || screen.goes
    if (goes || chains.length === 0) chains.push([screen])
    else chains.at(-1)!.push(screen)
  }
  return chains
}

/**
 * Signs in as somebody who may see everything, then goes from screen to screen; `pictured`: only where one is kept.
 * `isOver` is told of a screen that has opened over the one before.
 */
export async function walk(
  of: { page: Page; fixture: Fixture; language: "ko" | "en"; pictured?: boolean },
  lookAt: (screen: Pick<Screen, "name" | "picture"> & { isOver?: boolean }) => Promise<void>,
): Promise<void> {
  const { page, fixture, language, pictured = false } = of
  fixture.setEnrolled(false)
  await page.goto(fixture.url)
  await page.getByTestId("signin-login").waitFor()
  await lookAt({ name: "sign-in", picture: "sign-in" })
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
  const chains = chainsOf(screensOf(fixture))
  const wanted = chains.filter((chain) => !pictured || chain.some(({ picture }) => picture !== undefined))
  for (const screen of wanted.flat()) {
    if (screen.path !== undefined) await page.goto(fixture.url + screen.path)
    await screen.open(page)
    const isOver = screen.path === undefined && !screen.goes
    await lookAt({ ...screen, isOver })
  }
  if (pictured) return
  await page.getByTestId("tablet-people").tap()
  await lookAt({ name: "names" })
  await page.getByTestId("tablet-tile").first().tap()
  await page.getByTestId("pin-pad").waitFor()
  await lookAt({ name: "PIN" })
}

/** Changes the language as another window of the browser would, and waits until its words are on the screen. */
export async function speak(page: Page, language: "ko" | "en"): Promise<void> {
  await page.evaluate((wanted) => {
    const name = "crux.prefs"
    const prefs: object = JSON.parse(localStorage.getItem(name) ?? "{}")
    localStorage.setItem(name, JSON.stringify({ ...prefs, language: wanted }))
    dispatchEvent(new StorageEvent("storage", { key: name }))
  }, language)
  await page.locator(`html[lang="${language}"]`).waitFor({ state: "attached" })
}

/** Puts a theme on, and lets whatever moves come to its end: half-faded text has half the contrast. */
export const standStill = (page: Page, theme: "light" | "dark" | "contrast"): Promise<void> =>
  page.evaluate((name) => {
    document.documentElement.dataset.theme = name
    for (const animation of document.getAnimations())
      if (animation.effect?.getComputedTiming().iterations === Number.POSITIVE_INFINITY) animation.cancel()
      else animation.finish()
  }, theme)
