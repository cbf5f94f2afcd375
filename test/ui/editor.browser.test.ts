import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import sharp from "sharp"
import type { Drawing, Outline } from "#contract/drawing"
import { boundsOf } from "#contract/outline"
import type { LabelSetup } from "#contract/questions"
import { actions } from "../../ui/screens/label/keys.ts"
import { storePicture } from "../hub/support/parts.ts"
import { hasBrowser, openBrowser, openTablet } from "./support/browser.ts"
import { createHand } from "./support/hand.ts"
import { startRealHub } from "./support/real-hub.ts"

const available = await hasBrowser()
const size = { w: 640, h: 480 }
let browser: Browser
let hub: Awaited<ReturnType<typeof startRealHub>>
let part = 0

beforeAll(async () => {
  if (!available) return
  hub = await startRealHub()
  const engineer = await hub.as("engineer")
  await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
  await engineer.post("/api/defect-classes", { key: "rust", names: { ko: "녹", en: "Rust" } })
  browser = await openBrowser()
}, 60_000)
afterAll(async () => {
  if (!available) return
  await browser.close()
  await hub.stop()
})

async function setUp(more: Partial<LabelSetup>): Promise<void> {
  const engineer = await hub.as("engineer")
  const { items } = await (await engineer.get("/api/label-setups")).json()
  const { changed_at: _, ...before } = items[0] as LabelSetup
  const answer = await engineer.send("PUT", "/api/label-setups", { ...before, ...more })
  expect(answer.status).toBe(200)
}

/** A new part at the front of the queue, unlike the ones before. */
async function newPart(image = size): Promise<string> {
  part += 1
  const bytes = await sharp({
    create: { width: image.w, height: image.h, channels: 3, background: { r: 90, g: 100 + part, b: 110 } },
  })
    .jpeg()
    .toBuffer()
  return (await storePicture(hub, bytes, image, { seq: part })).id
}

async function labelOf(id: string, revision: number) {
  const deadline = Date.now() + 20_000
  for (;;) {
    const found = hub.hub.labelling.revisions(id).find((label) => label.revision === revision)
    if (found) return found
    if (Date.now() > deadline) throw new Error(`there is no revision ${revision} of ${id}`)
    await Bun.sleep(30)
  }
}

/** Takes a tool, at hand or from the panel. */
async function take(page: Page, mode: string): Promise<void> {
  const atHand = page.locator(`.tools [data-mode="${mode}"]`)
  if ((await atHand.count()) > 0) await atHand.tap()
  else {
    const isOpen = (await page.getByTestId("editor-drawer").count()) > 0
    await (isOpen ? page.locator('[data-tab="tools"]') : page.getByTestId("editor-more")).tap()
    await page.locator(`.drawer [data-mode="${mode}"]`).tap()
  }
  await page.getByTestId("editor-hint").waitFor()
}

function isNear(found: readonly number[], wanted: readonly number[], within: number): void {
  for (const [i, value] of found.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThan(within)
}
const near = (outline: Outline | undefined, box: readonly number[]) => {
  if (!outline) throw new Error("there is no such region")
  isNear(boundsOf(outline), box, 2)
}

describe.skipIf(!available)("drawing on a tablet, with a real hub behind it", () => {
  test("every kind of region is drawn by touch, stored, and comes back to the next person as it was", async () => {
    const tools = ["box", "rotated", "ellipse", "polygon", "line", "point", "brush", "link"] as const
    await setUp({ tools: [...tools] })
    const id = await newPart()
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    const { page } = tablet
    await hub.signIn(page, "worker")
    const hand = await createHand(page, size)
    await page.locator('[data-testid="label-kind"][data-kind="scratch"]').tap()

    await take(page, "box")
    await hand.tap([300, 40])
    await hand.tap([380, 100])
    await take(page, "rotated")
    await hand.tap([420, 60])
    await hand.tap([460, 100])
    await hand.tap([440, 120])
    await take(page, "ellipse")
    await hand.drag([500, 40], [600, 100])
    await take(page, "polygon")
    await hand.tap([300, 150])
    await hand.tap([380, 150])
    await hand.tap([340, 220])
    await page.getByTestId("editor-done").tap()
    await take(page, "line")
    await hand.drag([420, 160], [480, 160], [480, 220])
    await take(page, "point")
    await hand.tap([560, 180])
    await page.getByTestId("editor-done").tap()
    await take(page, "brush")
    await hand.drag([320, 300], [420, 300])
    await hand.drag([370, 280], [370, 340])
    await page.getByTestId("editor-done").tap()
    // The mask is selected: it shows rust as well, and a note is written to it.
    await page.getByTestId("editor-details").tap()
    await page.locator('[data-testid="editor-also"][data-kind="rust"]').tap()
    await page.getByTestId("editor-note").fill("깊은 자국")
    await take(page, "link")
    await hand.tap([340, 70])
    await hand.tap([550, 70])
    await page.getByTestId("editor-done").tap()
    await page.getByTestId("label-unsure").tap()

    const first = await labelOf(id, 1)
    const drawing = first.drawing as Drawing
    const outlines = drawing.regions.map(({ outline }) => outline)
    expect(outlines.map(({ type }) => type)).toEqual([
      "box",
      "box",
      "ellipse",
      "polygon",
      "line",
      "point",
      "mask",
    ])
    near(outlines[0], [300, 40, 80, 60])
    expect(outlines[1]).toMatchObject({ type: "box", angle: 45 })
    near(outlines[2], [500, 40, 100, 60])
    near(outlines[3], [300, 150, 80, 70])
    near(outlines[4], [420, 160, 60, 60])
    near(outlines[5], [560, 180, 0, 0])
    expect(drawing.regions[6]).toMatchObject({ kinds: ["scratch", "rust"], answers: { note: "깊은 자국" } })
    expect(drawing.relations).toEqual([{ from: drawing.regions[0]!.id, to: drawing.regions[2]!.id }])
    expect(tablet.complaints.filter((text) => !/401/.test(text))).toEqual([])
    await tablet.close()

    const second = await openTablet(browser, { width: 1280, height: 800 })
    await hub.signIn(second.page, "reviewer")
    await second.page.getByTestId("label-ng").tap()
    const review = await labelOf(id, 2)
    expect(review.drawing).toEqual(drawing)
    expect(review.kinds.toSorted()).toEqual(["rust", "scratch"])
    await second.close()
  }, 180_000)

  test("a pen draws while the hand rests on the glass, and two fingers look closer", async () => {
    await setUp({ tools: ["brush", "box"] })
    const id = await newPart()
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    const { page } = tablet
    await hub.signIn(page, "worker")
    const hand = await createHand(page, size)
    await page.locator('[data-testid="label-kind"][data-kind="scratch"]').tap()
    await take(page, "brush")
    await hand.penDrag([100, 100], [200, 100])
    // Once a pen is there a finger moves the picture, and a palm does nothing at all.
    await hand.palm([300, 300])
    await hand.drag([300, 300], [340, 300])
    await page.getByTestId("editor-done").tap()
    // Apart to twice the distance about the middle: the same taps now span half of the image's pixels.
    await page.getByTestId("label-fit").tap()
    await hand.pinch(
      [
        [270, 240],
        [220, 240],
      ],
      [
        [370, 240],
        [420, 240],
      ],
    )
    await take(page, "box")
    await hand.penDrag([220, 140], [420, 340])
    await page.getByTestId("label-ng").tap()
    const { drawing } = await labelOf(id, 1)
    expect(drawing?.regions.map(({ outline }) => outline.type)).toEqual(["mask", "box"])
    near(drawing?.regions[1]?.outline, [270, 190, 100, 100])
    await tablet.close()
  }, 120_000)

  test("beside a finger that draws stands a magnifier with what lies under it; a mouse needs none", async () => {
    await newPart()
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    const { page } = tablet
    await hub.signIn(page, "worker")
    const hand = await createHand(page, size)
    const box = await page.getByTestId("label-canvas").boundingBox()
    const finger: [number, number] = [size.w / 2, size.h * 0.7]
    const corner: [number, number] = [size.w * 0.8, size.h * 0.9]
    /** What the sheet over the picture shows above the finger, beside the cross in the magnifier's middle. */
    const above = () =>
      page.evaluate(
        ([x, y]) => {
          const canvas = document.querySelector<HTMLCanvasElement>(".editor-canvas")!
          const pixels = canvas.width / canvas.getBoundingClientRect().width
          const context = canvas.getContext("2d")
          return [...(context?.getImageData((x + 30) * pixels, (y - 128 + 30) * pixels, 1, 1).data ?? [])]
        },
        [box!.width / 2, box!.height / 2 + size.h * 0.2 * hand.scale] as const,
      )
    await take(page, "box")
    expect((await above())[3]).toBe(0)
    const lift = await hand.hold(corner, finger)
    const [, green, , opaque] = await above()
    expect(opaque).toBe(255)
    expect(Math.abs(green! - (100 + part))).toBeLessThan(4)
    await lift()
    await page.getByTestId("label-box-remove").waitFor()
    expect((await above())[3]).toBe(0)

    await take(page, "box")
    const at = ([x, y]: [number, number]) =>
      [
        box!.x + box!.width / 2 + (x - size.w / 2) * hand.scale,
        box!.y + box!.height / 2 + (y - size.h / 2) * hand.scale,
      ] as const
    await page.mouse.move(...at(corner))
    await page.mouse.down()
    await page.mouse.move(...at(finger), { steps: 4 })
    expect((await above())[3]).toBe(0)
    await page.mouse.up()
    await tablet.close()
  }, 120_000)

  test("what must be answered is asked for before NG, and the answers are stored with the label", async () => {
    const names = (ko: string, en: string) => ({ ko, en })
    await setUp({
      tools: ["box"],
      questions: [
        {
          type: "choice",
          key: "surface",
          names: names("표면", "Surface"),
          of: "image",
          required: true,
          several: true,
          options: [
            { key: "dry", names: names("마름", "Dry") },
            { key: "oily", names: names("기름", "Oily") },
          ],
        },
        {
          type: "tree",
          key: "place",
          names: names("위치", "Place"),
          of: "region",
          required: true,
          several: false,
          options: [
            {
              key: "front",
              names: names("앞", "Front"),
              options: [{ key: "edge", names: names("모서리", "Edge") }],
            },
          ],
        },
      ],
    })
    const id = await newPart()
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    const { page } = tablet
    await hub.signIn(page, "worker")
    const hand = await createHand(page, size)
    const answer = (name: string) => page.getByRole("button", { name, exact: true })
    await take(page, "box")
    await hand.tap([100, 100])
    await hand.tap([200, 200])
    await page.locator('[data-testid="label-kind"][data-kind="rust"]').tap()
    await page.getByTestId("label-ng").tap()
    await page.locator(".kinds .question-missing").waitFor()
    await answer("마름").tap()
    await answer("기름").tap()
    await page.getByTestId("label-ng").tap()
    await page.locator(".drawer .question-missing").waitFor()
    await answer("앞").tap()
    await answer("모서리").tap()
    await page.getByTestId("label-ng").tap()
    const { drawing } = await labelOf(id, 1)
    expect(drawing?.answers).toEqual({ surface: ["dry", "oily"] })
    expect(drawing?.regions[0]?.answers).toEqual({ place: [["front", "edge"]] })
    await tablet.close()
    await setUp({ questions: [] })
  }, 120_000)

  test("? lists every action with its key; a key can be changed, not to one that is taken, and stays changed", async () => {
    await setUp({ tools: ["box", "polygon", "brush"] })
    const id = await newPart()
    const tablet = await openTablet(browser, { width: 1280, height: 800, touch: false })
    const { page } = tablet
    await hub.signIn(page, "worker", "en")
    await page.keyboard.press("?")
    await page.getByTestId("editor-key").first().waitFor()
    expect(await page.getByTestId("editor-key").count()).toBe(actions.length)
    const polygon = page.locator('[data-action="polygon"]')
    await polygon.getByTestId("editor-key-change").click()
    await page.keyboard.press("x")
    expect(await page.getByTestId("editor-key-taken").textContent()).toContain("NG")
    await page.keyboard.press("Shift+p")
    expect(await polygon.locator("kbd").allTextContents()).toEqual(["Shift + P"])
    // A tablet that forgot its part gets it back after ten seconds.
    hub.clock.pass(11_000)
    await page.reload()
    await page.getByTestId("label-canvas").waitFor()
    await page.waitForTimeout(200)
    await page.keyboard.press("p")
    expect(await page.getByTestId("editor-hint").count()).toBe(0)
    await page.keyboard.press("Shift+p")
    await page.getByTestId("editor-hint").waitFor()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Escape")
    // A whole label by keys: a defect, then NG.
    await page.keyboard.press("1")
    await page.keyboard.press("x")
    expect((await labelOf(id, 1)).kinds).toEqual(["scratch"])
    await tablet.close()
  }, 120_000)

  test("an engineer gives a line its tools and a question, and both are there for the next worker", async () => {
    const tablet = await openTablet(browser, { width: 1280, height: 800, touch: false })
    const { page } = tablet
    await newPart()
    await hub.signIn(page, "engineer", "en")
    await page.goto(`${hub.url}/settings`)
    await page.locator('[data-testid="setup-tool"][data-mode="line"]').click()
    await page.getByTestId("setup-question-add").click()
    const question = page.getByTestId("setup-question")
    await page.getByTestId("setup-save").click()
    await page.getByText("Nothing was changed").waitFor()
    await question.getByRole("textbox", { name: "Key", exact: true }).fill("side")
    await question.getByRole("textbox", { name: "Korean", exact: true }).fill("면")
    await question.getByRole("textbox", { name: "English", exact: true }).fill("Side")
    await question.locator("textarea").fill("front | 앞 | Front\nback | 뒤 | Back")
    await page.getByTestId("setup-save").click()
    await page.getByText("Saved", { exact: true }).waitFor()
    const { items } = await (await (await hub.as("worker")).get("/api/label-setups")).json()
    expect(items[0].tools).toEqual(["box", "polygon", "brush", "line"])
    expect(items[0].questions).toMatchObject([
      { key: "side", type: "choice", options: [{ key: "front" }, { key: "back" }] },
    ])

    // The same out of a config of Label Studio; what has no place here is named, and nothing is set before it is saved.
    await page.getByTestId("setup-config-open").click()
    const xml = page.getByTestId("setup-config-text")
    await xml.fill("<View><Image name='i' value='$i'/>")
    await page.getByTestId("setup-config-take").click()
    await page.getByTestId("setup-config-read").getByText("cannot be read").waitFor()
    await xml.fill(
      `<View><Image name="i" value="$i"/><EllipseLabels name="e" toName="i"><Label value="Blob"/></EllipseLabels>
        <Choices name="surface" toName="i" required="true"><Choice value="마름"/><Choice value="기름 묻음"/></Choices>
        <DateTime name="when" toName="i"/></View>`,
    )
    await page.getByTestId("setup-config-take").click()
    const told = page.getByTestId("setup-config-read")
    await told.getByText("Took 1 tool and 1 question").waitFor()
    expect(await told.innerText()).toContain("DateTime when")
    expect(await told.innerText()).toContain("Blob")
    const worker = await hub.as("worker")
    const setups = async () => (await (await worker.get("/api/label-setups")).json()).items
    expect((await setups())[0].tools).toContain("line")
    await page.getByTestId("setup-save").click()
    await page.getByText("Saved", { exact: true }).waitFor()
    expect((await setups())[0]).toMatchObject({
      tools: ["ellipse"],
      questions: [{ key: "surface", required: true, options: [{ key: "마름" }, { key: "기름 묻음" }] }],
    })
    await tablet.close()
    await setUp({ tools: ["box", "polygon", "brush"], questions: [] })
  }, 120_000)

  test("a sheet that has lived through edits and moves shows what a new one shows", async () => {
    const built = await Bun.build({
      entrypoints: [join(import.meta.dir, "support/sheet.page.ts")],
      target: "browser",
      format: "iife",
    })
    const tablet = await openTablet(browser, { width: 800, height: 600 })
    await tablet.page.addScriptTag({ content: await built.outputs[0]!.text() })
    for (const seed of [1, 2, 3]) {
      const { differ, drawn } = await tablet.page.evaluate(
        (seed) =>
          (
            globalThis as unknown as {
              compareSheets: (seed: number, steps: number) => { differ: number; drawn: number }
            }
          ).compareSheets(seed, 60),
        seed,
      )
      expect(drawn).toBeGreaterThan(10_000)
      // A mark in the wrong place, or one that stayed, would be hundreds.
      expect(differ).toBeLessThan(20)
    }
    await tablet.close()
  }, 120_000)

  test("of a large picture the tiles that are looked at come, and no others", async () => {
    const large = { w: 12_000, h: 8_300 }
    const id = await newPart(large)
    const tablet = await openTablet(browser, { width: 1280, height: 800 })
    const { page } = tablet
    const asked: string[] = []
    page.on("request", (request) => asked.push(new URL(request.url()).pathname))
    await hub.signIn(page, "worker")
    const hand = await createHand(page, large)
    const close = page.waitForResponse((response) => /\/tiles\/0\//.test(response.url()), { timeout: 60_000 })
    for (let i = 0; i < 5; i++) await page.getByTestId("label-zoom-in").tap()
    await close
    const levels = asked.filter((path) => path.includes("/tiles/0/"))
    expect(levels.length).toBeLessThan(12)
    expect(asked.some((path) => /^\/api\/images\/[0-9a-f]{64}$/.test(path))).toBe(false)
    const colour = await page.evaluate(() => {
      const canvas = document.querySelector<HTMLCanvasElement>(".editor-picture")
      return [
        ...(canvas?.getContext("2d")?.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data ?? []),
      ]
    })
    expect(Math.abs((colour[1] ?? 0) - (100 + part))).toBeLessThan(4)
    await page.getByTestId("label-fit").tap()
    await take(page, "box")
    await hand.tap([1000, 1000])
    await hand.tap([3000, 2000])
    await page.locator('[data-testid="label-kind"][data-kind="rust"]').tap()
    await page.getByTestId("label-ng").tap()
    const [box] = (await labelOf(id, 1)).boxes
    isNear(box!.box, [1000, 1000, 2000, 1000], 12)
    await tablet.close()
  }, 180_000)
})
