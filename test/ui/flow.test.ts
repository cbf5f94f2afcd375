import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import { theHub } from "../../hub/platform/audit.ts"
import { serveHttp } from "../../hub/serve.bun.ts"
import { builtUi } from "../../scripts/build-ui.ts"
import { startTestHub, type TestHub, testPassword } from "../hub/support/hub.ts"
import { storeParts } from "../hub/support/parts.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { assetsOf } from "./support/built.ts"
import { paintPictures } from "./support/pictures.ts"

const available = await hasBrowser()
let hub: TestHub
let server: ReturnType<typeof serveHttp>
let browser: Browser
let pictures: string[] = []

beforeAll(async () => {
  if (!available) return
  hub = await startTestHub({
    // Every part with its pre-label.
    config: { assist: { similar: false, encoded_mb: 2, blind_share: 0 } },
    ports: {
      openAsset: assetsOf(await builtUi()),
    },
  })
  // Pictures of their own: one picture is judged once, wherever it appears.
  const painted = await paintPictures(23, 320)
  pictures = await Promise.all(painted.map(({ jpeg }) => hub.hub.blobs.put(jpeg)))
  for (const key of ["scratch", "dent"])
    hub.hub.catalogue.addDefectClass(theHub, {
      key,
      names: { ko: key === "dent" ? "찍힘" : "긁힘", en: key },
    })
  server = serveHttp({ host: "127.0.0.1", port: 0, fetch: hub.hub.fetch })
  browser = await openBrowser()
}, 120_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await server.stop()
  await hub.stop()
})

/** Parts that wait, each with a picture of its own that the hub can serve. */
function waiting(count: number, from: number): string[] {
  hub.hub.db.exec(
    "UPDATE inspection SET queue_reason = NULL, queue_rank = NULL, queue_stream = NULL; DELETE FROM label_lease",
  )
  return storeParts(hub, count, (i) => ({
    eval: "ng",
    kind: "scratch",
    sha256: pictures[from + i]!,
    score: 0.9,
  }))
}

async function openWork(login: string, language: "ko" | "en" = "ko") {
  const tablet = await openTablet(browser, { width: 1280, height: 800, language })
  tablet.page.setDefaultTimeout(30_000)
  await tablet.page.clock.install()
  await hub.hub.users.create(theHub, { login, name: login, role: "worker", language, password: testPassword })
  await tablet.page.goto(`http://127.0.0.1:${server.port}/label`)
  await tablet.page.getByTestId("signin-login").fill(login)
  await tablet.page.getByTestId("signin-password").fill(testPassword)
  await tablet.page.getByTestId("signin-submit").click()
  await tablet.page.getByTestId("label-canvas").waitFor()
  await tablet.page.waitForTimeout(200)
  return tablet
}

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error("it did not come true within 20 s")
    await Bun.sleep(20)
  }
}
const labelOf = (id: string) => hub.hub.inspections.get(id).label
const labelled = (ids: readonly string[]) => ids.filter((id) => labelOf(id) !== null)
const partOf = (page: Page) => page.getByTestId("label-part").innerText()
const ours = (complaints: string[]) => complaints.filter((text) => !/401/.test(text))

describe.skipIf(!available)("the flow of work at a tablet, with the real hub", () => {
  test("one tap confirms a right pre-label, a double tap judges once, undo brings the part back", async () => {
    const ids = waiting(3, 0)
    const { page, complaints, close } = await openWork("first")
    const first = await partOf(page)
    // Both taps of a double tap, as a glove makes them.
    const ng = await page.getByTestId("label-ng").boundingBox()
    if (!ng) throw new Error("the NG button is not on the screen")
    const [x, y] = [ng.x + 60, ng.y + 60]
    // However slow this machine is, at the tablet both come at one moment.
    const moment = Date.now()
    await page.clock.setFixedTime(moment)
    await page.touchscreen.tap(x, y)
    await page.getByTestId("label-toast").waitFor()
    await page.touchscreen.tap(x, y)
    await page.clock.setFixedTime(moment + 1_000)
    await until(() => labelled(ids).length > 0)
    await page.getByTestId("label-toast").waitFor()
    expect(labelled(ids)).toHaveLength(1)
    const [judged] = labelled(ids)
    expect(labelOf(judged!)).toMatchObject({ verdict: "ng", kinds: ["scratch"] })
    expect(hub.hub.labelling.revisions(judged!)[0]).toMatchObject({ accepted: true, criteria: 0 })
    expect(await partOf(page)).not.toBe(first)
    // By its key: on a slow machine the toast may be gone before a finger is there.
    await page.keyboard.press("z")
    await until(() => labelOf(judged!) === null)
    expect(await partOf(page)).toBe(first)
    expect(ours(complaints)).toEqual([])
    await close()
  }, 120_000)

  test("a part is given back with a reason and goes to somebody else; same as before judges the next like the last", async () => {
    const ids = waiting(3, 3)
    const { page, complaints, close } = await openWork("second")
    const first = await partOf(page)
    await page.getByTestId("flow-skip").tap()
    await page.locator('[data-testid="flow-skip-reason"][data-reason="criteria"]').tap()
    await page.locator('[data-testid="flow-note"][data-say="skipped"]').waitFor()
    expect(await partOf(page)).not.toBe(first)
    const count = (of: string) =>
      hub.hub.db.prepare<{ n: number }>(`SELECT count(*) AS n FROM ${of}`).get()!.n
    await until(() => count("label_skip") === 1)
    // It was a slip: the part is back in the hand, and nobody else's.
    await page.getByTestId("flow-undo").tap()
    await until(() => count("label_skip WHERE undone_at IS NOT NULL") === 1)
    expect(await partOf(page)).toBe(first)
    const held = ids[Number(/P-(\d)/.exec(first)?.[1])]
    expect(count(`label_lease WHERE inspection_id = '${held}'`)).toBe(1)
    await page.waitForTimeout(200)
    await page.keyboard.press("Shift+S")
    await page.locator('[data-testid="flow-skip-reason"][data-reason="other"]').tap()
    await until(() => count("label_skip WHERE undone_at IS NULL") === 1)
    expect(labelled(ids)).toEqual([])
    await page.waitForTimeout(200)
    await page.locator('[data-testid="label-kind"][data-kind="dent"]').tap()
    await page.getByTestId("label-ng").tap()
    await until(() => labelled(ids).length === 1)
    await page.waitForTimeout(200)
    await page.getByTestId("flow-same").tap()
    await until(() => labelled(ids).length === 2)
    expect(labelled(ids).map((id) => [...labelOf(id)!.kinds].sort())).toEqual([
      ["dent", "scratch"],
      ["dent", "scratch"],
    ])
    await page.getByTestId("label-empty").waitFor()
    expect(ours(complaints)).toEqual([])
    await close()
  }, 120_000)

  test("a part given back, a question and a comment, by keys and without the network, arrive when it is back", async () => {
    const ids = waiting(2, 21)
    const { page, context, complaints, close } = await openWork("offline")
    const unsent = (n: number) => page.locator(`[data-testid="label-unsent"][data-unsent="${n}"]`).waitFor()
    const first = await partOf(page)
    // The next part is here already; the dialogs were fetched ahead.
    await page.waitForLoadState("networkidle")
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
    await context.setOffline(true)
    await page.keyboard.press("Shift+C")
    await page.getByTestId("flow-comment-text").fill("look at the edge")
    await page.getByTestId("flow-comment-send").tap()
    await page.getByTestId("flow-comment-unsent").waitFor()
    await page.getByTestId("dialog-close").tap()
    await unsent(1)
    await page.keyboard.press("Shift+A")
    await page.getByTestId("flow-ask-send").tap()
    await unsent(2)
    expect(await partOf(page)).not.toBe(first)
    await page.waitForTimeout(200)
    await page.keyboard.press("Shift+S")
    await page.locator('[data-testid="flow-skip-reason"][data-reason="picture"]').tap()
    await unsent(3)
    expect(labelled(ids)).toEqual([])
    await context.setOffline(false)
    await unsent(0)
    const count = (table: string) =>
      hub.hub.db
        .prepare<{ n: number }>(
          `SELECT count(*) AS n FROM ${table} WHERE inspection_id IN (SELECT value FROM json_each($of))`,
        )
        .get({ of: JSON.stringify(ids) })?.n
    expect([count("part_comment"), count("second_opinion"), count("label_skip")]).toEqual([1, 1, 1])
    expect(ours(complaints).filter((text) => !/net::ERR_/.test(text))).toEqual([])
    await close()
  }, 120_000)

  test("of twelve look-alikes ten are confirmed in one action, and the two odd ones come one by one", async () => {
    const ids = waiting(15, 6)
    const { page, complaints, close } = await openWork("third", "en")
    await page.getByTestId("batch-open").tap()
    const tiles = page.getByTestId("batch-tile")
    await tiles.first().waitFor()
    // The part in the hand and the next, already fetched, are not among them.
    expect(await tiles.count()).toBe(12)
    const odd = [await tiles.nth(1).getAttribute("data-part"), await tiles.nth(7).getAttribute("data-part")]
    await tiles.nth(1).tap()
    // The keyboard marks too.
    await tiles.nth(6).focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Space")
    const small = await page.evaluate(
      () =>
        [...document.querySelectorAll("button")].filter((button) => {
          const { width, height } = button.getBoundingClientRect()
          return width < 48 || height < 48
        }).length,
    )
    expect(small).toBe(0)
    expect(await page.getByTestId("batch-ng").innerText()).toContain("10")
    await page.getByTestId("batch-ng").tap()
    await until(() => labelled(ids).length === 10)
    expect(odd.some((id) => labelOf(id!) !== null)).toBe(false)
    const revisions = labelled(ids).map((id) => hub.hub.labelling.revisions(id))
    expect(revisions.every((of) => of.length === 1 && of[0]!.accepted && of[0]!.kinds[0] === "scratch")).toBe(
      true,
    )
    expect(new Set(revisions.map(([label]) => label!.id)).size).toBe(10)
    // One by one: OK for both.
    await page.locator('[data-testid="flow-note"][data-say="batch"]').waitFor()
    for (const id of odd) {
      await page.getByTestId("label-canvas").waitFor()
      await page.waitForTimeout(250)
      await page.getByTestId("label-ok").tap()
      await until(() => labelOf(id!)?.verdict === "ok")
    }
    // The batch can be taken back as one.
    await page.getByTestId("label-toast").waitFor()
    expect(ours(complaints)).toEqual([])
    await close()
  }, 120_000)
})
