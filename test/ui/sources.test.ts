import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import { theHub } from "../../hub/platform/audit.ts"
import { serveHttp } from "../../hub/serve.bun.ts"
import { builtUi } from "../../scripts/build-ui.ts"
import { jpeg, mosquittoPub } from "../hub/sources/kit.ts"
import { startTestHub, type TestHub, testPassword } from "../hub/support/hub.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { assetsOf } from "./support/built.ts"

const available = await hasBrowser()
let hub: TestHub
let server: ReturnType<typeof serveHttp>
let browser: Browser

beforeAll(async () => {
  if (!available) return
  hub = await startTestHub({
    ports: {
      openAsset: assetsOf(await builtUi()),
    },
  })
  server = serveHttp({ host: "127.0.0.1", port: 0, fetch: hub.hub.fetch })
  browser = await openBrowser()
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await server.stop()
  await hub.stop()
})

async function signIn(page: Page, language: "ko" | "en"): Promise<void> {
  const login = `engineer-${language}`
  const person = { login, name: "Kim", role: "engineer", language, password: testPassword } as const
  await hub.hub.users.create(theHub, person)
  await page.goto(`http://127.0.0.1:${server.port}/`)
  await page.getByTestId("signin-login").fill(login)
  await page.getByTestId("signin-password").fill(testPassword)
  await page.getByTestId("signin-submit").click()
}

describe.skipIf(!available)("connecting a camera on the screen, with the real hub and a real client", () => {
  for (const language of ["ko", "en"] as const)
    test(`from a ready profile to the first picture, and from not understood to stored (${language})`, async () => {
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      // A busy machine is no failure.
      page.setDefaultTimeout(30_000)
      await signIn(page, language)
      await page.getByTestId("nav-sources").tap()
      await page.getByTestId("source-add").tap()
      await page.locator('[data-preset="json-mqtt"]').tap()
      const id = `cam-${language}`
      await page.getByTestId("source-id").fill(id)
      await page.getByTestId("source-name").fill("Line 2")
      await page.getByTestId("source-make").tap()
      const token = (await page.getByTestId("source-token").textContent()) ?? ""
      expect(token).toMatch(/^[\w-]{32}$/)
      await page.locator(".dialog-actions a").tap()

      // The camera names its picture otherwise than the ready profile thinks.
      const topic = `crux/v1/in/${id}/shot`
      const message = JSON.stringify({
        shot: (await jpeg(320, 240)).toString("base64"),
        part: "P-1",
        result: "NG",
      })
      const send = () => mosquittoPub(hub, { id, token }, ["-t", topic, "-q", "1", "-m", message])
      await page.getByText(language === "ko" ? "아직 온 메시지가 없습니다" : "Nothing has come yet").waitFor()
      expect(await send()).toEqual({ code: 0, said: "" })
      const first = page.getByTestId("source-message").first()
      await page.locator('[data-outcome="quarantined"]').first().waitFor()
      expect(await first.textContent()).toContain(
        language === "ko" ? "그 자리에 사진이 없습니다" : "no picture at that place",
      )

      // A sample shows what the corrected profile would make of it, before it is saved.
      await page.getByLabel(language === "ko" ? "사진이 있는 곳" : "Where the picture is").fill("shot")
      await page.getByTestId("source-sample").setInputFiles({
        name: "sample.json",
        mimeType: "application/json",
        buffer: Buffer.from(message),
      })
      await page.getByTestId("source-result").waitFor()
      expect(await page.getByTestId("source-result").textContent()).toContain("320 × 240")

      await page.getByTestId("source-save").tap()
      await page
        .getByTestId("source-save")
        .filter({ hasText: language === "ko" ? "저장했습니다" : "Saved" })
        .waitFor()
      await page.getByTestId("source-retry").tap()
      await page.locator('[data-outcome="stored"] img').first().waitFor()
      expect(await first.textContent()).toContain("P-1")
      expect(await page.getByTestId("source-quarantined").count()).toBe(0)
      // The same again is known.
      await send()
      await page.locator('[data-outcome="repeated"]').first().waitFor()

      await page.getByTestId("nav-sources").tap()
      await page.getByTestId("source-item").first().waitFor()
      expect(await page.locator(`[data-source="${id}"]`).textContent()).toContain(
        language === "ko" ? "정상" : "Fine",
      )
      expect(await page.content()).not.toContain(token)

      // Taken away again: gone from the list, and its part is still there.
      await page.locator(`[data-source="${id}"]`).tap()
      await page.getByTestId("source-remove").tap()
      await page.getByTestId("source-remove-confirm").tap()
      await page.getByTestId("source-add").waitFor()
      await page.locator(`[data-source="${id}"]`).waitFor({ state: "detached" })
      const kept = await (await hub.as("worker")).get(`/api/inspections?device=${id}`)
      expect(((await kept.json()) as { items: unknown[] }).items).toHaveLength(1)
      expect(tablet.complaints.filter((text) => !/401/.test(text))).toEqual([])
      await tablet.close()
    }, 180_000)

  test("a worker does not see the screen, and the hub would not answer it", async () => {
    const worker = await hub.as("worker")
    expect((await worker.get("/api/sources")).status).toBe(403)
  })
})
