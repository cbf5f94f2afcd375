import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Browser } from "playwright-core"
import { theHub } from "../../hub/platform/audit.ts"
import { serveHttp } from "../../hub/serve.bun.ts"
import { builtUi } from "../../scripts/build-ui.ts"
import { programOf } from "../hub/label-studio/kit.ts"
import { startTestHub, type TestHub, testPassword } from "../hub/support/hub.ts"
import { partPicture } from "../hub/support/models.ts"
import { newLabel, storeParts, storePictures } from "../hub/support/parts.ts"
import { exported, hostile, sparse } from "../models/exports.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { assetsOf } from "./support/built.ts"

const available = await hasBrowser()
let hub: TestHub
let server: ReturnType<typeof serveHttp>
let browser: Browser

beforeAll(async () => {
  if (!available) return
  hub = await startTestHub({
    config: { outbound: { allow: "127.0.0.1" } },
    ports: {
      openAsset: assetsOf(await builtUi()),
    },
  })
  server = serveHttp({ host: "127.0.0.1", port: 0, fetch: hub.hub.fetch })
  browser = await openBrowser()
  await storePictures(
    hub,
    [40, 90, 140].map((grey) => partPicture({ grey, side: 96 })),
  )
}, 60_000)

afterAll(async () => {
  if (!available) return
  await browser.close()
  await server.stop()
  await hub.stop()
})

const dims = [1, 6, 84]
/** A detector as Ultralytics exports them, with a box of its second class in the middle of everything. */
const detector = (cls: number) =>
  exported(
    { name: "images", side: 64 },
    [
      {
        name: "output0",
        dims,
        data: sparse(
          dims,
          [32, 32, 16, 8, ...[0, 1].map((i) => (i === cls ? 0.9 : 0))].map(
            (value, row) => [[0, row, 3], value] as const,
          ),
        ),
      },
    ],
    { task: "detect", names: "{0: 'scratch', 1: 'class-1'}" },
  )
const upload = (bytes: Uint8Array) => ({
  name: "best.onnx",
  mimeType: "application/octet-stream",
  buffer: Buffer.from(bytes),
})

describe.skipIf(!available)("a model of another maker on the screen, with the real hub", () => {
  for (const [i, language] of (["ko", "en"] as const).entries())
    test(`a file that harms is refused, one that does not is described, tried and registered (${language})`, async () => {
      const login = `engineer-${language}`
      const person = { login, name: "Kim", role: "engineer", language, password: testPassword } as const
      await hub.hub.users.create(theHub, person)
      const tablet = await openTablet(browser, { width: 1280, height: 800, language })
      const { page } = tablet
      // A busy machine is no failure.
      page.setDefaultTimeout(30_000)
      await page.goto(`http://127.0.0.1:${server.port}/`)
      await page.getByTestId("signin-login").fill(login)
      await page.getByTestId("signin-password").fill(testPassword)
      await page.getByTestId("signin-submit").click()
      await page.getByTestId("nav-models").tap()
      await page.getByTestId("models-add").tap()

      await page.getByTestId("wizard-file").setInputFiles(upload(hostile.reading()))
      await page.getByTestId("wizard-trouble").waitFor()
      expect(await page.getByTestId("wizard-trouble").textContent()).toContain("one model, one file")

      await page.getByTestId("wizard-file").setInputFiles(upload(detector(i)))
      await page.getByTestId("wizard-found").waitFor()
      expect(await page.getByTestId("wizard-found").getAttribute("data-source")).toBe("ultralytics")
      expect(await page.getByTestId("wizard-class").count()).toBe(2)
      // Three parts are there, and all of them chosen.
      expect(await page.locator('[data-testid="wizard-part"][aria-pressed="true"]').count()).toBe(3)
      await page.getByTestId("wizard-part").first().tap()
      await page.getByTestId("wizard-try").tap()
      await page.locator('[data-testid="wizard-picture"][data-found="1"]').nth(1).waitFor()
      expect(await page.getByTestId("wizard-picture").count()).toBe(2)

      // The second class is called by a name, and one that nobody can have keeps it from being registered.
      const name = page.getByTestId("wizard-class").nth(1).locator("input").first()
      await name.fill("Dent!")
      await page.locator('[data-testid="wizard-register"]:disabled').waitFor()
      await name.fill(`dent-${language}`)
      await page.locator('[data-testid="wizard-register"]:enabled').tap()
      await page.waitForURL(/\/models\/[0-9a-f]{64}$/)
      const digest = page.url().split("/").at(-1) ?? ""
      const { contract } = hub.hub.registry.get(digest)
      expect(contract.classes.map(({ key }) => key)).toEqual(["scratch", `dent-${language}`])
      // Before signing in, and of the file that was refused.
      expect(tablet.complaints.filter((text) => !/40[01]/.test(text))).toEqual([])
      await tablet.close()
    }, 90_000)
})

/** A server that speaks Label Studio's protocol: NG of everything, with a box around the middle. */
const boxConfig = `<View><Image name="image" value="$image"/>
<RectangleLabels name="defect" toName="image"><Label value="scratch"/></RectangleLabels></View>`
const boxOfServer = {
  id: "b",
  from_name: "defect",
  to_name: "image",
  type: "rectanglelabels",
  original_width: 96,
  original_height: 96,
  value: { x: 25, y: 25, width: 50, height: 50, rotation: 0, rectanglelabels: ["scratch"] },
}
const modelServer = (allowed: string) => ({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request: Request) {
    if (request.headers.get("authorization") !== `Bearer ${allowed}`)
      return new Response(null, { status: 401 })
    const { pathname } = new URL(request.url)
    if (pathname !== "/predict") return Response.json({ status: "UP", model_version: "pilot-1" })
    const { tasks } = (await request.json()) as { tasks: unknown[] }
    return Response.json({ results: tasks.map(() => ({ result: [boxOfServer], score: 0.9 })) })
  },
})

describe.skipIf(!available)("a model server on the screen, with the real hub", () => {
  test("is connected with its token, tried, asked about what waits, and its word stands beside the part", async () => {
    const server90 = Bun.serve(modelServer("s3cret-of-the-server"))
    const program = await programOf(hub, "engineer")
    const { id } = (await program.post("/api/projects", { title: "line 9", label_config: boxConfig })).body
    const image = `data:image/png;base64,${Buffer.from(partPicture({ grey: 77, side: 96 })).toString("base64")}`
    await program.post(`/api/projects/${id}/import`, [{ image }])
    const person = {
      login: "servers",
      name: "Park",
      role: "engineer",
      language: "ko",
      password: testPassword,
    } as const
    await hub.hub.users.create(theHub, person)
    const tablet = await openTablet(browser, { width: 1280, height: 800, language: "ko" })
    const { page } = tablet
    page.setDefaultTimeout(30_000)
    await page.goto(`http://127.0.0.1:${server.port}/`)
    await page.getByTestId("signin-login").fill("servers")
    await page.getByTestId("signin-password").fill(testPassword)
    await page.getByTestId("signin-submit").click()
    await page.getByTestId("nav-settings").tap()
    await page.getByTestId("settings-connections").tap()

    const connect = async (token: string) => {
      await page.getByTestId("servers-add").tap()
      await page.getByTestId("servers-url").fill(`http://127.0.0.1:${server90.port}`)
      await page.getByTestId("servers-project").selectOption(String(id))
      await page.locator('input[value="token"]').check()
      await page.locator('input[type="password"]').fill(token)
      await page.getByTestId("servers-connect").tap()
    }
    // With a wrong token it is there, and says what is wrong.
    await connect("wrong")
    await page.locator('[data-testid="servers-row"][data-state="failed"]').waitFor()
    expect(await page.getByTestId("servers-row").textContent()).toContain("401")
    await page.getByTestId("servers-end").tap()
    await page.getByTestId("servers-end-yes").tap()
    await page.getByTestId("servers-row").waitFor({ state: "detached" })
    await page.getByTestId("servers-add").tap()
    await connect("s3cret-of-the-server")
    await page.locator('[data-testid="servers-row"][data-state="connected"]').waitFor()
    expect(await page.locator("body").textContent()).not.toContain("s3cret-of-the-server")

    await page.getByTestId("servers-try").tap()
    await page.getByTestId("servers-said").waitFor()
    expect(await page.getByTestId("servers-said").textContent()).toContain("scratch")
    await page.getByTestId("dialog-close").tap()
    expect((await program.get(`/api/projects/${id}`)).body.total_predictions_number).toBe(0)
    await page.getByTestId("servers-predict").tap()
    await page.getByTestId("servers-run").waitFor()
    expect((await program.get(`/api/projects/${id}`)).body.total_predictions_number).toBe(1)
    const [task] = (await program.get(`/api/tasks?project=${id}`)).body.tasks
    const beside = await program.person.get(`/api/inspections/${task.crux_inspection}/prelabels`)
    expect((await beside.json()).items).toMatchObject([
      {
        role: "server",
        model: "pilot-1",
        verdict: { eval: "ng", score: 0.9 },
        findings: [{ box: [24, 24, 48, 48] }],
      },
    ])
    expect(tablet.complaints.filter((text) => !/40[01]/.test(text))).toEqual([])
    await tablet.close()
    await server90.stop(true)
  }, 120_000)
})

describe.skipIf(!available)("programs on the screen, with the real hub and a real listener", () => {
  test("a key is shown once and lets a program in until it is ended; an address hears of a judgement, and can be paused", async () => {
    const heard: string[] = []
    const listener = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        heard.push(await request.text())
        return new Response()
      },
    })
    const person = {
      login: "admin-1",
      name: "Lee",
      role: "admin",
      language: "ko",
      password: testPassword,
    } as const
    await hub.hub.users.create(theHub, person)
    const tablet = await openTablet(browser, { width: 1280, height: 800, language: "ko" })
    const { page } = tablet
    page.setDefaultTimeout(30_000)
    await page.goto(`http://127.0.0.1:${server.port}/`)
    await page.getByTestId("signin-login").fill("admin-1")
    await page.getByTestId("signin-password").fill(testPassword)
    await page.getByTestId("signin-submit").click()
    await page.getByTestId("nav-settings").tap()
    await page.getByTestId("settings-connections").tap()

    await page.locator('input[value="legacy"]').check()
    await page.getByTestId("connections-key-make").tap()
    const token = (await page.getByTestId("connections-once").textContent()) ?? ""
    const knock = async () =>
      (
        await hub.hub.fetch(
          new Request("http://hub.test/label-studio/api/current-user/whoami", {
            headers: { authorization: `Token ${token}` },
          }),
        )
      ).status
    expect(await knock()).toBe(200)
    await page.getByTestId("connections-once-done").tap()
    await page.getByTestId("connections-key").waitFor()
    expect(await page.locator("body").textContent()).not.toContain(token)
    await page.getByTestId("connections-key-end").tap()
    await page.getByTestId("connections-key-end-yes").tap()
    await page.getByTestId("connections-key").waitFor({ state: "detached" })
    expect(await knock()).toBe(401)

    await page.getByTestId("connections-webhook-add").tap()
    const address = page.getByTestId("connections-webhook-url")
    // An address that nothing can be sent to is refused in words.
    await address.fill("ftp://127.0.0.1/hook")
    await page.getByTestId("connections-webhook-make").tap()
    await page.getByRole("alert").waitFor()
    await address.fill(`http://127.0.0.1:${listener.port}/hook`)
    await page.getByTestId("connections-webhook-make").tap()
    expect(await page.getByTestId("connections-once").textContent()).toStartWith("whsec_")
    await page.getByTestId("connections-once-done").tap()
    await page.getByTestId("connections-webhook").waitFor()
    const [part = ""] = storeParts(hub, 1)
    expect((await (await hub.as("worker")).post("/api/labels", newLabel(part))).status).toBeLessThan(300)
    await page.getByTestId("connections-deliveries").tap()
    const taken = page.locator('[data-testid="connections-delivery"][data-state="delivered"]')
    while ((await taken.count()) === 0) {
      await page.locator(".dialog-actions .button").tap()
      await page.getByTestId("connections-delivery").first().waitFor()
    }
    expect(JSON.parse(heard[0] ?? "{}")).toMatchObject({ type: "label" })
    await page.getByTestId("dialog-close").tap()
    await page.getByTestId("connections-webhook-pause").tap()
    await page.locator('[data-testid="connections-webhook"][data-active="false"]').waitFor()
    expect(hub.hub.webhooks.views()).toMatchObject([{ active: false, dead: 0 }])
    expect(tablet.complaints.filter((text) => !/40[01]/.test(text))).toEqual([])
    await tablet.close()
    await listener.stop(true)
  }, 120_000)
})
