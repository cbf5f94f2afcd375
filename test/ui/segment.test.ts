import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { boundsOf } from "#contract/outline"
import { createAssistPorts } from "../../hub/ports.bun.ts"
import { createApi } from "../../ui/api.ts"
import type { Outline, Shape } from "../../ui/editor/document.ts"
import { screenPoint } from "../../ui/editor/geometry.ts"
import { wholePicture } from "../../ui/editor/picture.ts"
import { documentOf } from "../../ui/editor/state.ts"
import { createMemoryKept } from "../../ui/screens/label/kept.ts"
import { helpOf } from "../../ui/screens/label/label.rules.ts"
import { createLabelling } from "../../ui/screens/label/labelling.ts"
import { createOutbox } from "../../ui/screens/label/outbox.ts"
import { createOutlineHelp } from "../../ui/screens/label/outline-help.ts"
import { createQueue } from "../../ui/screens/label/queue.ts"
import { plate, storePicture } from "../hub/assist/pictures.ts"
import { startTestHub, type TestHub } from "../hub/support/hub.ts"
import { createTestEditor } from "./support/editor.ts"

describe("pointing with the tool", () => {
  test("a tap says what is meant, another beside it what is meant too, one on the outline what is not", () => {
    const editor = createTestEditor()
    editor.act({ type: "mode", mode: "segment" })
    editor.tap([100, 100])
    expect(editor.state.gesture).toMatchObject({ name: "spots", spots: [{ inside: true }], box: null })
    // What an assistant would put there.
    const outline: Outline = { type: "box", box: [150, 150, 100, 100] }
    const shape: Shape = { id: "s1", kind: "scratch", outline, by: "person", state: "kept" }
    const doc = documentOf(editor.state)
    editor.act({ type: "edit", document: { ...doc, shapes: [shape] }, select: ["s1"] })
    editor.tap([110, 110])
    editor.tap([300, 300])
    expect(editor.state.gesture).toMatchObject({
      spots: [{ inside: true }, { inside: false, at: { x: 220, y: 220 } }, { inside: true }],
    })
  })

  test("a drag is a box around it; Done keeps the tool, a second Done gives the hand back", () => {
    const editor = createTestEditor()
    editor.act({ type: "mode", mode: "segment" })
    editor.drag([50, 50], [150, 100])
    expect(editor.state.gesture).toEqual({ name: "spots", spots: [], box: [100, 100, 200, 100] })
    editor.act({ type: "done" })
    expect(editor.state).toMatchObject({ mode: "segment", gesture: { name: "idle" } })
    editor.act({ type: "done" })
    expect(editor.state.mode).toBe("hand")
  })

  test("a finger that rests too short or a pinch points at nothing", () => {
    const editor = createTestEditor()
    editor.act({ type: "mode", mode: "segment" })
    const [one, two] = [editor.touch([100, 100]), editor.touch([300, 300])]
    one.move([90, 90])
    two.move([320, 320])
    one.lift([90, 90])
    two.lift([320, 320])
    expect(editor.state.gesture).toEqual({ name: "idle" })
  })
})

describe("at a tablet, with a real hub", () => {
  let hub: TestHub
  let work: ReturnType<typeof createLabelling>
  let help: ReturnType<typeof createOutlineHelp>
  let clock = 0

  const until = async (what: () => boolean) => {
    const deadline = Date.now() + 30_000
    while (!what()) {
      if (Date.now() > deadline) throw new Error("it did not come true within 30 s")
      await Bun.sleep(10)
    }
  }
  /** A tap at a place of the picture. */
  const tap = (x: number, y: number) => {
    const { viewport } = work.editor.value
    const at = screenPoint(x * viewport.scale + viewport.x, y * viewport.scale + viewport.y)
    work.dispatch({ type: "down", id: 1, kind: "pen", at, contact: 1 })
    work.dispatch({ type: "up", id: 1, kind: "pen", at, contact: 1 })
  }
  const shapes = () => documentOf(work.editor.value).shapes

  beforeAll(async () => {
    hub = await startTestHub({ ports: { assist: createAssistPorts() } })
    const worker = await hub.as("worker")
    await (await hub.as("engineer")).post("/api/defect-classes", {
      key: "stain",
      names: { ko: "얼룩", en: "Stain" },
    })
    await storePicture(hub, plate(1, { kind: "blob", x: 40, y: 50 }))
    await storePicture(hub, plate(2, { kind: "blob", x: 40, y: 50 }))
    const api = createApi({
      fetch: (path, init) =>
        hub.hub.fetch(
          new Request(`http://hub.test${path}`, {
            ...init,
            headers: {
              ...(init.headers as Record<string, string>),
              host: "hub.test",
              origin: "http://hub.test",
              "sec-fetch-site": "same-origin",
              cookie: worker.cookie(),
            },
          }),
          { ip: "10.0.0.1" },
        ),
      onSignedOut: () => {},
    })
    const outbox = createOutbox({ store: createMemoryKept(), api, user: worker.userId })
    const queue = createQueue({ api, decode: async ({ w, h }) => wholePicture({ w, h }, []) })
    work = createLabelling({
      queue,
      outbox,
      now: () => Date.now() + clock,
      isKnown: () => true,
      moreTools: () => import("../../ui/editor/drawing-tools.ts").then((m) => m.drawingTools),
    })
    help = createOutlineHelp({ work, api })
    work.start()
    await until(() => work.held.value !== null)
    work.dispatch({ type: "stage", size: { w: 480, h: 480 } })
    await work.prepare()
    clock += 1_000
  }, 60_000)
  afterAll(async () => {
    help?.stop()
    work?.stop()
    await hub.stop()
  })

  test("a tap on a stain becomes a region of the kind in the hand, and a second tap corrects the same region", async () => {
    work.dispatch({ type: "kind", kind: "stain" })
    work.dispatch({ type: "mode", mode: "segment" })
    tap(40, 50)
    await until(() => shapes().length === 1)
    const [shape] = shapes()
    expect(shape).toMatchObject({ kind: "stain", outline: { type: "polygon" }, by: "person" })
    const [x, y, w, h] = boundsOf(shape!.outline)
    for (const [is, was] of [
      [x, 31],
      [y, 41],
      [w, 19],
      [h, 19],
    ] as const)
      expect(Math.abs(is - was)).toBeLessThan(3)
    expect(help.state.value).toBe("idle")

    const before = shape!.outline
    tap(80, 80)
    await until(() => shapes()[0]!.outline !== before)
    expect(shapes().length).toBe(1)
    // One step back is the first answer again.
    work.dispatch({ type: "undo" })
    expect(shapes()[0]!.outline).toBe(before)
  })

  test("the next stain is another region once this one is done", async () => {
    // Taking a step back has ended the pointing already; Done then gives the hand back.
    work.dispatch({ type: "done" })
    work.dispatch({ type: "mode", mode: "segment" })
    tap(40, 50)
    await until(() => shapes().length === 2)
    expect(new Set(shapes().map(({ id }) => id)).size).toBe(2)
  })

  test("the label says what became of the outlines, and the hub counts it", async () => {
    const report = async () =>
      (await (await hub.as("engineer")).get("/api/assist/help")).json() as Promise<{
        tools: { tool: string; shown: number; changed: number }[]
      }>
    await work.decide("ng")
    await until(() => work.past.value.length === 1)
    let segment: Awaited<ReturnType<typeof report>>["tools"][number] | undefined
    for (const end = Date.now() + 20_000; !segment && Date.now() < end; await Bun.sleep(20))
      segment = (await report()).tools.find(({ tool }) => tool === "segment")
    expect(segment).toMatchObject({ shown: 1, changed: 1 })
  })
})

test("an outline left as the first tap gave it was taken as it is; taken away it was not", () => {
  const outline: Outline = { type: "box", box: [0, 0, 9, 9] }
  const shape = (id: string, of: Outline): Shape => ({
    id,
    kind: "stain",
    outline: of,
    by: "person",
    state: "kept",
  })
  const offered = (taps: number) => new Map([["s1", { outline, taps }]])
  expect(helpOf(new Map(), [])).toEqual([])
  expect(helpOf(offered(1), [shape("s1", outline)])).toEqual([{ tool: "segment", taken: "as_is" }])
  expect(helpOf(offered(2), [shape("s1", outline)])).toEqual([{ tool: "segment", taken: "changed" }])
  expect(helpOf(offered(1), [shape("s1", { type: "box", box: [0, 0, 9, 8] })])).toEqual([
    { tool: "segment", taken: "changed" },
  ])
  expect(helpOf(offered(1), [])).toEqual([{ tool: "segment", taken: "no" }])
})
