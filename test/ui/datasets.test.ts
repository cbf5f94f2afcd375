import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import type { ExchangeItem } from "#contract/exchange"
import { writeExport } from "../../hub/exchange/survey.ts"
import { openZip } from "../../hub/exchange/zip.reader.ts"
import { zipStream } from "../../hub/exchange/zip.writer.ts"
import { theHub } from "../../hub/platform/audit.ts"
import { serveHttp } from "../../hub/serve.bun.ts"
import { builtUi } from "../../scripts/build-ui.ts"
import { joined, orderOf, uuid } from "../hub/exchange/kit.ts"
import { noisePng } from "../hub/support/device.ts"
import { startTestHub, type TestHub, testPassword } from "../hub/support/hub.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { assetsOf } from "./support/built.ts"

const available = await hasBrowser()
let folder: string
let hub: TestHub
let server: ReturnType<typeof serveHttp>
let browser: Browser

beforeAll(async () => {
  if (!available) return
  folder = await mkdtemp(join(tmpdir(), "crux-ui-datasets-"))
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
  await rm(folder, { recursive: true, force: true })
})

/** Thirty parts, every third with a dent; the last one with a class nobody knows. */
const items = Array.from({ length: 30 }, (_, n): ExchangeItem => {
  const kind = n === 29 ? "burr" : "dent"
  const outline = { type: "box", box: [4 + (n % 9), 4, 10, 8] } satisfies {
    type: "box"
    box: [number, number, number, number]
  }
  return {
    v: 1,
    id: uuid(n + 1),
    image: { file: `images/${uuid(n + 1)}.png`, mime: "image/png", w: 64, h: 48 },
    part_id: `SN-${n}`,
    label:
      n % 3 === 2
        ? {
            verdict: "ng",
            kinds: [kind],
            drawing: { v: 1, regions: [{ id: "r-1", kinds: [kind], outline, by: "person" }] },
          }
        : { verdict: "ok", kinds: [], drawing: { v: 1, regions: [] } },
  }
})

describe.skipIf(!available)("datasets on the screen, with the real hub", () => {
  for (const language of ["ko", "en"] as const)
    test(`labels come in, are frozen, compared and taken out (${language})`, async () => {
      const person = {
        login: `engineer-${language}`,
        name: "Kim",
        role: "engineer",
        language,
        password: testPassword,
      } as const
      await hub.hub.users.create(theHub, person)
      if (language === "ko")
        hub.hub.catalogue.addDefectClass(theHub, { key: "dent", names: { ko: "찍힘", en: "Dent" } })
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      // A busy machine is no failure.
      page.setDefaultTimeout(30_000)
      await page.goto(`http://127.0.0.1:${server.port}/`)
      await page.getByTestId("signin-login").fill(person.login)
      await page.getByTestId("signin-password").fill(testPassword)
      await page.getByTestId("signin-submit").click()
      await page.getByTestId("nav-datasets").click()

      const some = language === "ko" ? items.slice(0, 20) : items
      const order = orderOf("coco", some, { picture: async () => noisePng(64, 48), classes: [] })
      await page.getByTestId("import-file").setInputFiles({
        name: "labels.zip",
        mimeType: "application/zip",
        buffer: Buffer.from(await joined(zipStream(writeExport(order)))),
      })
      await page.locator('[data-testid="import-item"][data-state="done"]').first().waitFor()
      if (language === "en") await page.getByText("1 remark").waitFor()

      await page.getByTestId("datasets-freeze").click()
      const versions = language === "ko" ? 2 : 3
      await page.waitForFunction(
        (least) => document.querySelectorAll('[data-testid="dataset-item"]').length >= least,
        versions,
      )
      const training = page
        .getByTestId("dataset-item")
        .filter({ hasText: language === "ko" ? "학습용" : "Training" })
      await training.first().click()
      const detail = page.getByTestId("dataset-detail")
      await detail
        .getByText(language === "ko" ? "찍힘" : "Dent")
        .first()
        .waitFor()
      if (language === "en") await detail.getByText(/\d+ added/).waitFor()

      await page.getByTestId("export-format").selectOption("coco-keypoints")
      await page.getByText(language === "ko" ? /담을 수 없습니다/ : /cannot hold them/).waitFor()
      await page.getByTestId("export-format").selectOption("yolo")
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByTestId("export-download").click(),
      ])
      const zip = await openZip(await download.path(), folder)
      expect(zip.tree.paths).toContain("data.yaml")
      await zip.close()
      // Before anybody has signed in the page asks who it is.
      expect(tablet.complaints.filter((text) => !text.includes("401"))).toEqual([])
      await tablet.close()
    }, 120_000)
})
