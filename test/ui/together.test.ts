import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import { theHub } from "../../hub/platform/audit.ts"
import { builtUi } from "../../scripts/build-ui.ts"
import { startTestHub, type TestHub, testPassword } from "../hub/support/hub.ts"
import { partPicture } from "../hub/support/models.ts"
import { storePictures } from "../hub/support/parts.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { assetsOf } from "./support/built.ts"

const available = await hasBrowser()
let browser: Browser
let hub: TestHub
let server: ReturnType<typeof Bun.serve>

beforeAll(async () => {
  if (!available) return
  hub = await startTestHub({
    ports: {
      openAsset: assetsOf(await builtUi()),
    },
  })
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => hub.hub.fetch(request, { ip: "127.0.0.1" }),
  })
  browser = await openBrowser()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await server.stop(true)
  await hub.stop()
})

/** A person at a tablet of their own. */
async function arrive(
  name: string,
  role: "worker" | "reviewer" | "engineer",
  language: "ko" | "en",
  path: string,
) {
  const login = name.toLowerCase()
  await hub.hub.users.create(theHub, { login, name, role, language, password: testPassword })
  const tablet = await openTablet(browser, { width: 1280, height: 800, language })
  const { page } = tablet
  await page.goto(`http://127.0.0.1:${server.port}${path}`)
  await page.getByTestId("signin-login").fill(login)
  await page.getByTestId("signin-password").fill(testPassword)
  await page.getByTestId("signin-submit").click()
  return tablet
}

/** The buttons are dead for 150 ms after a change of the picture. */
async function judge(page: Page, verdict: "ok" | "ng", kind?: string): Promise<void> {
  await page.getByTestId("label-canvas").waitFor()
  await page.waitForTimeout(200)
  await page.getByTestId(`label-${verdict}`).tap()
  if (kind) await page.locator(`[data-testid="label-kind"][data-kind="${kind}"]`).tap()
}

/** The browser itself reports a 401 for "is anyone signed in?". */
const ours = (complaints: string[]) => complaints.filter((text) => !/401/.test(text))

describe.skipIf(!available)("two people and a reviewer in three browsers", () => {
  test("are told of each other, contradict each other without losing a word, and hear what the reviewer says", async () => {
    const engineer = await hub.as("engineer")
    await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
    const [part = ""] = await storePictures(hub, [partPicture({ grey: 90, square: true, side: 320 })])

    const first = await arrive("Mina", "worker", "ko", "/label")
    await first.page.getByTestId("label-canvas").waitFor()
    // Her tablet lies still until her hold on the part has ended; the next who asks gets it too.
    hub.clock.pass(6 * 60_000)
    const second = await arrive("Juno", "worker", "en", "/label")
    await second.page.getByTestId("label-canvas").waitFor()
    await first.page.getByTestId("label-others").waitFor()
    expect(await first.page.getByTestId("label-others").innerText()).toContain("Juno")

    await judge(second.page, "ok")
    await second.page.getByTestId("label-toast").waitFor()
    await judge(first.page, "ng", "scratch")
    const met = first.page.locator('[data-testid="label-met"][data-outcome="disputed"]')
    await met.waitFor()
    expect(await met.innerText()).toContain("Juno")
    expect(hub.hub.labelling.settled()).toBe(0)
    expect(hub.hub.labelling.revisions(part).map(({ verdict }) => verdict)).toEqual(["ok", "ng"])

    // The reviewer sees both and takes the one that is right.
    const reviewer = await arrive("Sora", "reviewer", "en", "/review")
    await reviewer.page.getByTestId("review-item").tap()
    await reviewer.page.getByTestId("review-opinion").nth(2).waitFor()
    const opinions = await reviewer.page.getByTestId("review-opinion").allInnerTexts()
    expect(opinions.slice(0, 2).map((text) => text.split("\n")[0])).toEqual(["Mina", "Juno"])
    await reviewer.page.getByTestId("review-accept").tap()
    await reviewer.page.waitForURL("**/review")
    expect(hub.hub.labelling.current()).toMatchObject([{ label: { verdict: "ng", kinds: ["scratch"] } }])

    // A sample of the labels goes to review; one that is sent back comes to its author with the reason.
    const plan = await (await engineer.get("/api/labelling/checks")).json()
    await engineer.send("PUT", "/api/labelling/checks", { ...plan, review: 1 })
    await second.context.close()
    const [again = ""] = await storePictures(hub, [partPicture({ grey: 150, square: true, side: 320 })])
    await judge(first.page, "ok")
    await first.page.getByTestId("label-empty").waitFor()
    await reviewer.page.getByTestId("review-item").tap()
    await reviewer.page.getByTestId("review-send-back").tap()
    await reviewer.page.getByTestId("review-reason").fill("See the white square")
    await reviewer.page.getByTestId("review-send").tap()
    await reviewer.page.waitForURL("**/review")
    // It comes by itself: nobody has to open the screen anew.
    await first.page.getByTestId("label-returned").waitFor()
    expect(await first.page.getByTestId("label-returned").innerText()).toContain("See the white square")
    await judge(first.page, "ng", "scratch")
    // The reviewer puts it right with the editor itself.
    await reviewer.page.getByTestId("review-item").tap()
    await reviewer.page.getByTestId("review-draw").tap()
    const canvas = reviewer.page.getByTestId("label-canvas")
    await canvas.waitFor()
    await reviewer.page.getByTestId("label-tool-box").tap()
    await canvas.tap({ position: { x: 300, y: 200 } })
    await canvas.tap({ position: { x: 420, y: 300 } })
    await reviewer.page.locator('[data-testid="label-kind"][data-kind="scratch"]').tap()
    await reviewer.page.getByTestId("label-ng").tap()
    await reviewer.page.waitForURL("**/review")
    const newest = hub.hub.labelling.newest(again)
    expect(newest).toMatchObject({ verdict: "ng", kinds: ["scratch"], by: { name: "Sora" } })
    expect(newest?.boxes).toHaveLength(1)
    expect(ours([...first.complaints, ...reviewer.complaints])).toEqual([])
    for (const { context } of [first, reviewer]) await context.close()
  }, 120_000)
})
