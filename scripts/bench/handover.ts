import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Page } from "playwright-core"
import { hasBrowser, openBrowser } from "../../test/ui/support/browser.ts"
import { buildUi } from "../build-ui.ts"
import { type BenchRow, median } from "./row.ts"
import { type BenchHub, startTabletHub } from "./tablet-hub.ts"

const rounds = 6
const mostMs = 3000
const pin = "4096"
const people = ["이영수", "박서연"] as const

/**
 * A tablet that people share goes from one hand to the next: from the tap that locks it, over a name and four digits,
 * to the part that the next one may judge. A robot taps as soon as it may; PINs cost the hub what they cost in a plant.
 */
export async function benchHandover(): Promise<BenchRow[]> {
  if (!(await hasBrowser())) return []
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  await buildUi(join(folder, "ui"))
  const hub = await startTabletHub(folder, { parts: 60, cost: "usual" })
  const browser = await openBrowser()
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, hasTouch: true })
    const page = await context.newPage()
    await page.goto(`${hub.url}/#tablet=${await codeOf(hub)}`)
    await comeIn(page, people[0])
    await page.goto(`${hub.url}/label`)
    await readyToJudge(page)
    // The tools and the parts for work without a network are there before a shift changes.
    await page.waitForTimeout(5_000)
    const debug = await context.newCDPSession(page)
    await debug.send("Emulation.setCPUThrottlingRate", { rate: 4 })
    const times: number[] = []
    for (let round = 1; round <= rounds; round++) {
      await page.getByTestId("label-person").tap()
      await page.getByTestId("person-switch").waitFor()
      const from = performance.now()
      await page.getByTestId("person-switch").tap()
      // The lock asks for the one who was there; another one says so.
      await page.getByTestId("tablet-people").tap()
      await comeIn(page, people[round % 2]!)
      await page.getByTestId("lock").waitFor({ state: "detached" })
      await readyToJudge(page)
      times.push(performance.now() - from)
      await page.waitForTimeout(1_000)
    }
    const value = median(times)
    return [
      {
        name: "a shared tablet from one person to the next one's part, processor slowed 4×",
        value,
        unit: "ms",
        reference: mostMs,
        ratio: mostMs / value,
        against: `${mostMs} ms, the most it may be`,
      },
    ]
  } finally {
    await browser.close()
    await hub.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function codeOf({ url, password }: BenchHub): Promise<string> {
  const headers = { "content-type": "application/json", origin: url }
  const engineer = await fetch(`${url}/api/session`, {
    method: "POST",
    headers,
    body: JSON.stringify({ login: "kim", password }),
  })
  const cookie = engineer.headers.getSetCookie().join("; ").split(";")[0] ?? ""
  const made = await fetch(`${url}/api/tablets/codes`, {
    method: "POST",
    headers: { ...headers, cookie },
    body: JSON.stringify({ name: "3라인 검사대" }),
  })
  return ((await made.json()) as { code: string }).code
}

async function comeIn(page: Page, name: string): Promise<void> {
  await page.getByTestId("tablet-tile").filter({ hasText: name }).tap()
  await page.getByTestId("pin-pad").waitFor()
  for (const digit of pin) await page.getByRole("button", { name: digit, exact: true }).tap()
  await page.getByTestId("pin-enter").tap()
  await page.getByTestId("pin-pad").waitFor({ state: "detached" })
}

const readyToJudge = (page: Page): Promise<void> =>
  page.locator('[data-testid="label-ok"]:not(:disabled)').waitFor({ timeout: 60_000 })

if (import.meta.main) console.table(await benchHandover())
