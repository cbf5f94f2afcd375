import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { builtUi } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "../ui/support/browser.ts"

const available = await hasBrowser()
let folder: string
let port: number
let browser: Browser
let hub: Awaited<ReturnType<typeof startHub>>
let tablet: Awaited<ReturnType<typeof openTablet>>

beforeAll(async () => {
  if (!available) return
  folder = await mkdtemp(join(tmpdir(), "crux-tablet-"))
  port = await freePort()
  hub = await startHub()
  browser = await openBrowser()
  tablet = await openTablet(browser, { width: 1280, height: 800 })
}, 120_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  hub.child.kill("SIGKILL")
  await hub.child.exited
  await rm(folder, { recursive: true, force: true })
})

async function startHub() {
  const script = join(import.meta.dir, "support/hub.child.ts")
  const child = Bun.spawn(
    [process.execPath, script, join(folder, "data"), String(port), await builtUi(), "40"],
    { stdout: "pipe", stderr: "inherit" },
  )
  const { value } = await child.stdout.getReader().read()
  const { url, password } = JSON.parse(new TextDecoder().decode(value)) as { url: string; password: string }
  return { child, url, password }
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0))
    })
  })

type Row = { id: string; inspection_id: string; revision: number; name: string; tablet: string | null }
/** What is on the hub's disk. */
function stored(): Row[] {
  const db = new Database(join(folder, "data/hub.db"), { readonly: true })
  try {
    return db
      .query<Row, []>(
        `SELECT label.id, inspection_id, revision, user.name, tablet.name AS tablet FROM label
         JOIN user ON user.id = label.user_id LEFT JOIN tablet ON tablet.id = label.tablet_id ORDER BY n`,
      )
      .all()
  } finally {
    db.close()
  }
}

async function until(what: () => boolean | Promise<boolean>, ms = 60_000): Promise<void> {
  const deadline = Date.now() + ms
  while (!(await what())) {
    if (Date.now() > deadline) throw new Error(`it did not come true within ${ms / 1000} s`)
    await Bun.sleep(50)
  }
}

async function enterPin(page: Page, pin = "4096"): Promise<void> {
  await page.getByTestId("pin-pad").waitFor()
  for (const digit of pin) await page.getByRole("button", { name: digit, exact: true }).tap()
  await page.getByTestId("pin-enter").tap()
}

/** As a reader on USB types it: all at once, whatever else the machine is doing. */
const readBadge = (page: Page, text: string) =>
  page.evaluate((letters) => {
    const codes = [...letters].map((letter) => (/\d/.test(letter) ? `Digit${letter}` : `Key${letter}`))
    for (const code of [...codes, "Enter"])
      document.body.dispatchEvent(new KeyboardEvent("keydown", { code, bubbles: true, cancelable: true }))
  }, text)

const unsent = (page: Page, count: number) =>
  page.locator(`[data-testid="label-unsent"][data-unsent="${count}"]`).waitFor({ timeout: 60_000 })

/** Judges the part on the screen, and waits for the next one. */
async function judge(page: Page): Promise<void> {
  const part = page.getByTestId("label-part")
  const shown = await part.innerText()
  await page.waitForTimeout(170)
  await page.getByTestId("label-ok").tap()
  await until(async () => (await part.count()) === 0 || (await part.innerText()) !== shown)
}

describe.skipIf(!available)("a shared tablet at a real hub", () => {
  test("is enrolled by a link, and a worker comes in by name and PIN", async () => {
    const { page } = tablet
    page.setDefaultTimeout(60_000)
    const engineer = await fetch(`${hub.url}/api/session`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: hub.url },
      body: JSON.stringify({ login: "kim", password: hub.password }),
    })
    const cookie = engineer.headers.getSetCookie().join("; ").split(";")[0] ?? ""
    const made = await fetch(`${hub.url}/api/tablets/codes`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: hub.url, cookie },
      body: JSON.stringify({ name: "3라인 검사대" }),
    })
    const { code } = (await made.json()) as { code: string }
    await page.goto(`${hub.url}/#tablet=${code}`)
    await page.getByTestId("tablet-tile").first().waitFor()
    expect(page.url()).not.toContain(code)
    expect(await page.getByTestId("tablet-tile").allInnerTexts()).toHaveLength(2)
    await page.getByTestId("tablet-tile").filter({ hasText: "이영수" }).tap()
    await enterPin(page, "9517")
    await page.getByRole("alert").waitFor()
    await enterPin(page)
    await page.getByTestId("nav-label").tap()
    await page.getByTestId("label-canvas").waitFor()
  }, 120_000)

  test("goes on for 20 parts without the network, also when it is opened anew, and each arrives once", async () => {
    const { page, context } = tablet
    const laidIn = () =>
      page.evaluate(
        () =>
          new Promise<number>((resolve) => {
            const opening = indexedDB.open("crux-tablet")
            opening.onsuccess = () => {
              const counting = opening.result.transaction("stock").objectStore("stock").count()
              counting.onsuccess = () => {
                opening.result.close()
                resolve(counting.result)
              }
            }
          }),
      )
    await until(async () => (await laidIn()) >= 24)
    await until(() => page.evaluate(() => navigator.serviceWorker.controller !== null))
    await context.setOffline(true)
    await judge(page)
    await unsent(page, 1)
    await page.reload()
    await page.getByTestId("label-canvas").waitFor()
    for (let i = 1; i < 20; i++) await judge(page)
    await unsent(page, 20)
    await page.getByTestId("label-offline").waitFor()
    expect(stored()).toHaveLength(0)
    await context.setOffline(false)
    await unsent(page, 0)
    const rows = stored()
    expect(rows).toHaveLength(20)
    expect(new Set(rows.map(({ inspection_id }) => inspection_id)).size).toBe(20)
    expect(new Set(rows.map(({ name, tablet }) => `${name} ${tablet}`))).toEqual(
      new Set(["이영수 3라인 검사대"]),
    )
  }, 180_000)

  test("sends again what a hub has stored and died over, and it is there once", async () => {
    const { page } = tablet
    await page.getByTestId("label-canvas").waitFor()
    await Bun.write(join(folder, "data/die"), "")
    await judge(page)
    await hub.child.exited
    await unsent(page, 1)
    expect(stored()).toHaveLength(21)
    await judge(page)
    await unsent(page, 2)
    hub = await startHub()
    await unsent(page, 0)
    const rows = stored()
    expect(rows).toHaveLength(22)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(22)
    expect(rows.every(({ revision }) => revision === 1)).toBe(true)
  }, 180_000)

  test("sends in the name of the one before what that one left unsent, and takes the next one by badge", async () => {
    const { page } = tablet
    await page.getByTestId("label-canvas").waitFor()
    await page.route("**/api/labels", (route) => route.abort())
    await judge(page)
    await unsent(page, 1)
    await page.getByTestId("label-person").tap()
    await page.getByTestId("person-day").waitFor()
    await page.getByTestId("person-switch").tap()
    await page.getByTestId("lock").waitFor()
    await readBadge(page, "CRUXBADGE0042")
    await page.getByRole("heading", { name: "박서연" }).waitFor()
    await enterPin(page)
    await page.getByTestId("lock").waitFor({ state: "detached" })
    await until(() => stored().length === 23)
    expect(stored().at(-1)?.name).toBe("이영수")
    await page.unroute("**/api/labels")
    await page.getByTestId("label-canvas").waitFor()
    await judge(page)
    await until(() => stored().length === 24)
    expect(stored().at(-1)?.name).toBe("박서연")

    await page.getByTestId("label-history").tap()
    await page.getByTestId("label-who").first().tap()
    await page.getByTestId("label-revisions").getByText("3라인 검사대").waitFor()
    await page.getByTestId("dialog-close").tap()

    // The end of the shift: nothing is left, and the names are there for the next one.
    await page.getByTestId("label-person").tap()
    await page.getByTestId("person-leave").tap()
    await page.getByTestId("tablet-tile").first().waitFor()
    expect(await page.getByTestId("tablet-unsent").count()).toBe(0)
  }, 180_000)
})
