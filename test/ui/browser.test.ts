import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import type { BrokerStatus } from "#contract/broker"
import { builtUi, uiFiles } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { firstLoad } from "./support/first-load.ts"
import { fixturePassword, startFixture } from "./support/fixture.ts"
import { makeDevices, makeShadows } from "./support/world/stations.ts"

const available = await hasBrowser()
let ui: string
let browser: Browser
let fixture: Awaited<ReturnType<typeof startFixture>>

beforeAll(async () => {
  if (!available) return
  ui = await builtUi()
  fixture = await startFixture({ ui, pictures: 8, width: 640 })
  browser = await openBrowser()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await fixture.stop()
})

async function signIn(page: Page, path = "/"): Promise<void> {
  await page.goto(fixture.url + path)
  await page.getByTestId("signin-login").fill("admin")
  await page.getByTestId("signin-password").fill(fixturePassword)
  await page.getByTestId("signin-submit").click()
}

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error("it did not come true within 10 s")
    await Bun.sleep(20)
  }
}

/** The browser itself reports a 401 for "is anyone signed in?"; everything else is ours to answer for. */
const ours = (complaints: string[]) => complaints.filter((text) => !/401/.test(text))

describe.skipIf(!available)("the built screens in a browser", () => {
  for (const language of ["ko", "en"] as const)
    test(`a worker signs in and judges parts by touch (${language})`, async () => {
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      await signIn(page)
      await page.getByTestId("home-label").waitFor()
      await page.getByTestId("nav-settings").tap()
      await page
        .getByTestId("language")
        .getByRole("radio", { name: language === "ko" ? "한국어" : "English" })
        .tap()
      await page.getByTestId("nav-label").tap()
      await page.getByTestId("label-canvas").waitFor()
      expect(await page.getByTestId("label-ok").innerText()).toContain(language === "ko" ? "양품" : "OK")

      // OK in one tap; the receipt is in before the count says so.
      const before = fixture.labels.length
      await page.waitForTimeout(200)
      const part = await page.getByTestId("label-part").innerText()
      await page.getByTestId("label-ok").tap()
      await page.getByTestId("label-toast").waitFor()
      await until(() => fixture.labels.length === before + 1)
      expect(fixture.labels.at(-1)).toMatchObject({ verdict: "ok", kinds: [], boxes: [] })
      await page.getByTestId("label-part").filter({ hasNotText: part }).waitFor()

      // Undo brings the very part back.
      await page.getByTestId("label-undo").tap()
      await until(() => fixture.labels.at(-1)?.verdict === "withdrawn")
      expect(await page.getByTestId("label-part").innerText()).toBe(part)

      // NG with a kind from the panel.
      await page.waitForTimeout(200)
      while ((await page.getByTestId("label-box-remove").count()) > 0)
        await page.getByTestId("label-box-remove").first().tap()
      await page.getByTestId("label-ng").tap()
      await page.locator('[data-testid="label-kind"][data-kind="crack"]').tap()
      await until(() => fixture.labels.at(-1)?.verdict === "ng")
      expect(fixture.labels.at(-1)).toMatchObject({ kinds: ["crack"], boxes: [], accepted: false })

      // A box by two taps, named, then NG.
      await page.waitForTimeout(200)
      while ((await page.getByTestId("label-box-remove").count()) > 0)
        await page.getByTestId("label-box-remove").first().tap()
      await page.getByTestId("label-tool-box").tap()
      const canvas = page.getByTestId("label-canvas")
      await canvas.tap({ position: { x: 300, y: 200 } })
      await canvas.tap({ position: { x: 420, y: 320 } })
      await page.locator('[data-testid="label-kind"][data-kind="dent"]').tap()
      await page.getByTestId("label-ng").tap()
      await until(() => fixture.labels.at(-1)?.boxes.length === 1)
      expect(fixture.labels.at(-1)).toMatchObject({ verdict: "ng", kinds: ["dent"] })

      expect(ours(tablet.complaints)).toEqual([])
      await tablet.close()
    }, 60_000)

  test("a finger that slides off the button judges nothing", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800, touch: false })
    const { page } = tablet
    await signIn(page, "/label")
    await page.getByTestId("label-canvas").waitFor()
    await page.waitForTimeout(200)
    const before = fixture.labels.length
    const box = await page.getByTestId("label-ok").boundingBox()
    if (!box) throw new Error("the OK button is not on the screen")
    await page.mouse.move(box.x + 60, box.y + 60)
    await page.mouse.down()
    await page.mouse.move(box.x + 60, box.y - 200, { steps: 4 })
    await page.mouse.up()
    expect(await page.getByTestId("label-toast").count()).toBe(0)
    expect(fixture.labels.length).toBe(before)
    await tablet.close()
  }, 60_000)

  test("verdicts given while the hub is away are kept through a reload and sent when it is back", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    const { page } = tablet
    await signIn(page, "/label")
    await page.getByTestId("label-canvas").waitFor()
    await page.waitForTimeout(300)
    fixture.setDown(true)
    const before = fixture.labels.length
    await page.getByTestId("label-unsure").tap()
    await page.locator('[data-testid="label-unsent"][data-unsent="1"]').waitFor()
    expect(fixture.labels.length).toBe(before)
    // A hub that says "later" signs nobody out.
    await page.reload()
    await page.locator('[data-testid="label-unsent"][data-unsent="1"]').waitFor()
    expect(await page.getByTestId("signin-login").count()).toBe(0)
    fixture.setDown(false)
    await page.reload()
    await until(() => fixture.labels.length === before + 1)
    await page.locator('[data-testid="label-unsent"][data-unsent="0"]').waitFor()
    await tablet.close()
  }, 60_000)

  test("a dialog keeps the keyboard inside and gives it back to what opened it", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800, touch: false })
    const { page } = tablet
    await signIn(page, "/training")
    await page.getByTestId("trainer-connect").press("Enter")
    await page.getByTestId("trainer-id").waitFor()
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press("Tab")
      const place = await page.evaluate(() => {
        const at = document.activeElement
        return at === document.body ? "page" : at?.closest("dialog") ? "dialog" : "behind"
      })
      expect(place).not.toBe("behind")
    }
    await page.keyboard.press("Escape")
    await page.getByTestId("trainer-id").waitFor({ state: "detached" })
    expect(await page.evaluate(() => document.activeElement?.getAttribute("data-testid"))).toBe(
      "trainer-connect",
    )
    await tablet.close()
  }, 60_000)

  test("a one-time link signs in and leaves the address bar", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    await tablet.page.goto(`${fixture.url}/#token=once`)
    await tablet.page.getByTestId("home-label").waitFor()
    expect(tablet.page.url()).not.toContain("once")
    expect(ours(tablet.complaints)).toEqual([])
    await tablet.close()
  }, 60_000)

  test("a shadow model is assigned to the stations that were chosen, with the share that was chosen", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800, language: "en" })
    const { page } = tablet
    const asked: { path: string; body: unknown }[] = []
    await page.route("**/api/devices/*/shadow", async (route) => {
      const request = route.request()
      asked.push({ path: new URL(request.url()).pathname, body: request.postDataJSON() })
      await route.fulfill({ json: makeShadows(Date.now())[0] })
    })
    await signIn(page)
    await page.getByTestId("home-label").waitFor()
    await page.goto(`${fixture.url}/rollouts`)
    await page.getByTestId("shadow-assign").tap()
    const yes = page.getByTestId("shadow-assign-yes")
    await yes.waitFor()
    // Nothing is chosen yet, so there is nothing to assign.
    expect(await yes.isDisabled()).toBe(true)
    const stations = page.getByTestId("shadow-stations").locator("label")
    await page.getByTestId("shadow-models").locator("label").first().tap()
    await stations.nth(0).tap()
    await stations.nth(1).tap()
    await page.getByTestId("shadow-share").getByRole("radio").first().tap()
    await yes.tap()
    await yes.waitFor({ state: "detached" })
    const ids = makeDevices(Date.now()).map(({ id }) => id)
    expect(asked.map(({ path }) => path)).toEqual(ids.slice(0, 2).map((id) => `/api/devices/${id}/shadow`))
    const [first] = asked.map(({ body }) => body as { model: string; share: number })
    expect(first).toEqual({ model: expect.stringMatching(/^[0-9a-f]{64}$/), share: expect.any(Number) })
    expect(first!.share).toBeGreaterThan(0)
    expect(ours(tablet.complaints)).toEqual([])
    await tablet.close()
  }, 60_000)

  for (const language of ["ko", "en"] as const)
    test(`the card of a broker of the plant says what it waits for and what to run (${language})`, async () => {
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      const at = Date.now() - 60_000
      const base: BrokerStatus = {
        kind: "external",
        connected: true,
        since: at,
        sessions: 3,
        address: "mqtts://broker.plant:8883",
        losses: 1,
        probe: {
          at,
          checks: [
            { check: "connect", state: "ok", detail: "connected over TLSv1.3" },
            {
              check: "anonymous",
              state: "failed",
              detail: "without credentials anybody may publish to crux/v1",
            },
          ],
        },
      }
      const access = { files: ["/etc/mosquitto/crux/passwords"], changed_at: at }
      let status: BrokerStatus = { ...base, access: { ...access, state: "waiting" } }
      await page.route("**/api/broker", (route) => route.fulfill({ json: status }))
      await signIn(page)
      await page.getByTestId("home-label").waitFor()
      await page.getByTestId("nav-settings").tap()
      await page
        .getByTestId("language")
        .getByRole("radio", { name: language === "ko" ? "한국어" : "English" })
        .tap()
      const card = async () => {
        await page.goto(`${fixture.url}/stations`)
        await page.getByTestId("stations-broker-checks").waitFor()
        return page.getByTestId("stations-broker").innerText()
      }
      const ko = language === "ko"
      const waiting = await card()
      expect(waiting).toContain("systemctl reload mosquitto")
      expect(waiting).toContain("/etc/mosquitto/crux/passwords")
      expect(waiting).toContain(ko ? "익명 접속을 끄세요" : "Switch anonymous access off")
      expect(waiting).toContain(
        `${ko ? "기술 정보" : "Technical detail"}: without credentials anybody may publish`,
      )

      status = { ...base, access: { ...access, state: "failed", trouble: "EACCES: permission denied" } }
      const failed = await card()
      expect(failed).toContain(`${ko ? "기술 정보" : "Technical detail"}: EACCES: permission denied`)
      expect(failed).not.toContain("systemctl reload")

      status = { ...base, connected: false, trouble: "connect ECONNREFUSED 10.0.0.5:8883" }
      expect(await card()).toContain(`${ko ? "기술 정보" : "Technical detail"}: connect ECONNREFUSED`)
      // What nobody renews stands above all stations.
      expect(await page.getByTestId("stations-certificates").innerText()).toContain(
        ko ? "갱신되지 않았습니다" : "was not renewed",
      )
      expect(ours(tablet.complaints)).toEqual([])
      await tablet.close()
    }, 60_000)

  for (const language of ["ko", "en"] as const)
    test(`what the work screen needs stays under 140 KB of gzipped script and style (${language})`, async () => {
      const needed = await firstLoad(ui, await uiFiles(ui), "label.screen", language)
      // The words of one language alone.
      expect(needed.filter(({ path }) => /assets\/(ko|en)-/.test(path))).toHaveLength(1)
      expect(needed.some(({ path }) => path.includes("label.screen"))).toBe(true)
      // Tools are fetched once the first part is on the screen.
      expect(needed.some(({ path }) => /drawer|drawing-tools|help\.dialog/.test(path))).toBe(false)
      expect(needed.reduce((sum, { gzip }) => sum + gzip, 0)).toBeLessThan(140 * 1024)
    })
})
