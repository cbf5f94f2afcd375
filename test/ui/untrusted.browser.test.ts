import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { openCertificateAuthority } from "../../hub/platform/certificate-authority.ts"
import { builtUi } from "../../scripts/build-ui.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { fixturePassword, startFixture } from "./support/fixture.ts"

const available = await hasBrowser()
/** Browsers trust the machine they run on whatever it says: a hub is another one. */
const name = "hub.plant.test"
const day = 24 * 3_600_000
type Fixture = Awaited<ReturnType<typeof startFixture>>
let browser: Browser
let fixtures: { plain: Fixture; ownCertificate: Fixture }

beforeAll(async () => {
  if (!available) return
  const authority = await openCertificateAuthority({ dataDir: await mkdtemp(join(tmpdir(), "crux-ca-")) })
  const tls = await authority.issueServer([name], Date.now() - day, Date.now() + day)
  const of = { ui: await builtUi(), pictures: 4, width: 320 }
  fixtures = { plain: await startFixture(of), ownCertificate: await startFixture({ ...of, tls }) }
  browser = await openBrowser([`--host-resolver-rules=MAP ${name} 127.0.0.1`])
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await fixtures.plain.stop()
  await fixtures.ownCertificate.stop()
})

async function until(what: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!what()) {
    if (Date.now() > deadline) throw new Error("it did not come true within 10 s")
    await Bun.sleep(20)
  }
}

describe.skipIf(!available)("a tablet that does not trust the hub", () => {
  for (const [address, which, state] of [
    ["without TLS", "plain", false],
    ["with a certificate whose warning was clicked away", "ownCertificate", true],
  ] as const)
    test(`says so and loses no verdict: ${address}`, async () => {
      const fixture = fixtures[which]
      const url = fixture.url.replace("127.0.0.1", name)
      const { page, close } = await openTablet(browser, { width: 1280, height: 800, clickedThrough: true })
      await page.goto(`${url}/label`)
      expect(await page.evaluate(() => isSecureContext)).toBe(state)
      await page.getByTestId("signin-login").fill("admin")
      await page.getByTestId("signin-password").fill(fixturePassword)
      await page.getByTestId("signin-submit").tap()
      await page.getByTestId("label-canvas").waitFor()
      const banner = page.getByTestId("label-insecure")
      await banner.waitFor()
      expect(await banner.innerText()).toContain("신뢰하는 인증서가 없는 주소")

      const before = fixture.labels.length
      fixture.setDown(true)
      await page.getByTestId("label-unsure").tap()
      await page.locator('[data-testid="label-unsent"][data-unsent="1"]').waitFor()
      await page.reload()
      await page.locator('[data-testid="label-unsent"][data-unsent="1"]').waitFor()
      expect(fixture.labels.length).toBe(before)
      fixture.setDown(false)
      await page.reload()
      await until(() => fixture.labels.length === before + 1)

      await banner.waitFor()
      await banner.getByRole("button").tap()
      await banner.waitFor({ state: "detached" })
      await close()
    }, 60_000)
})
