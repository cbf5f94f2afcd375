import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { HelpReport, Prelabel, TeacherView } from "#contract/assist"
import type { LabelTask, NewLabel } from "#contract/labelling"
import type { ModelView } from "#contract/registry"
import { createAssistPorts } from "../../../hub/ports.bun.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { brightnessModel, partPicture } from "../support/models.ts"
import { newLabel } from "../support/parts.ts"
import { storePicture } from "./pictures.ts"

let hub: TestHub
let worker: Browser
let engineer: Browser

beforeAll(async () => {
  hub = await startTestHub({ ports: { assist: createAssistPorts() } })
  worker = await hub.as("worker")
  engineer = await hub.as("engineer")
})
afterAll(async () => await hub.stop())

const teacher = async (): Promise<TeacherView> => (await engineer.get("/api/assist/teacher")).json()
const prelabels = async (id: string): Promise<Prelabel[]> =>
  (await (await worker.get(`/api/inspections/${id}/prelabels`)).json()).items
const until = async (done: (view: TeacherView) => boolean): Promise<TeacherView> => {
  for (;;) {
    const now = await teacher()
    if (done(now)) return now
    await Bun.sleep(50)
  }
}

describe("a teacher", () => {
  let digest = ""
  let bright = ""
  let dark = ""

  test("is a registered model that an engineer names; nobody else may, and no other model can be", async () => {
    const made = await engineer.post("/api/models", brightnessModel({ stamp: "teacher" }))
    expect(made.status).toBe(202)
    digest = ((await made.json()) as ModelView).digest
    expect((await worker.send("PUT", "/api/assist/teacher", { model: digest })).status).toBe(403)
    expect((await engineer.send("PUT", "/api/assist/teacher", { model: "0".repeat(64) })).status).toBe(404)
  })

  test("looks at the parts that wait, and says what it sees beside the station", async () => {
    // The station calls both NG; the model only the one with a bright square.
    bright = await storePicture(hub, partPicture({ grey: 20, square: true }))
    dark = await storePicture(hub, partPicture({ grey: 20 }))
    await storePicture(hub, new TextEncoder().encode("no picture"))
    expect((await engineer.send("PUT", "/api/assist/teacher", { model: digest })).status).toBe(200)
    const view = await until(({ runs }) => runs[0]?.waiting === 0)
    expect(view).toMatchObject({
      teacher: digest,
      runs: [{ role: "teacher", model: digest, made: 2, differed: 1, failed: 1 }],
    })
    expect(await prelabels(bright)).toMatchObject([
      { role: "teacher", model: digest, verdict: { eval: "ng" }, disagrees: false },
    ])
    expect(await prelabels(dark)).toMatchObject([{ verdict: { eval: "ok" }, disagrees: true }])
  })

  test("what it sees differently comes to people first, and is there for whoever orders the queue", async () => {
    expect(hub.hub.assist.prelabels.differing([bright, dark])).toEqual(new Set([dark]))
    const task: LabelTask = await (await worker.post("/api/labelling/next", {})).json()
    expect(task.inspection.id).toBe(dark)
    expect(task.reason).toBe("disagreement")
  })

  test("goes on with parts that come later, and rests when nobody is the teacher", async () => {
    const later = await storePicture(hub, partPicture({ grey: 30, square: true }))
    hub.hub.events.announce("inspection", {})
    await until(({ runs }) => runs[0]?.made === 3)
    expect((await prelabels(later)).length).toBe(1)
    await engineer.send("PUT", "/api/assist/teacher", { model: null })
    expect(await teacher()).toMatchObject({ teacher: null, runs: [] })
    // What it has said stays said.
    expect((await prelabels(later)).length).toBe(1)
  })
})

describe("help that is measured", () => {
  const judge = async (id: string, more: Partial<NewLabel>) =>
    expect((await worker.post("/api/labels", newLabel(id, more))).status).toBe(201)
  const report = async (): Promise<HelpReport> => (await engineer.get("/api/assist/help")).json()

  test("the model's suggestion is followed by the hub itself, other tools' as the tablet says", async () => {
    await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
    const parts = await Promise.all(
      [1, 2, 3].map((i) => storePicture(hub, partPicture({ grey: 40 + i }), { eval: "ng" })),
    )
    await judge(parts[0]!, { verdict: "ng", kinds: ["scratch"], accepted: true })
    await judge(parts[1]!, {
      verdict: "ng",
      kinds: ["scratch"],
      help: [{ tool: "segment", taken: "changed" }],
    })
    await judge(parts[2]!, { verdict: "ok", help: [{ tool: "segment", taken: "no" }] })
    const { tools, agreement, days } = await report()
    expect(tools).toMatchObject([
      { tool: "champion", shown: 3, as_is: 1, changed: 1, taken: { n: 3 } },
      { tool: "segment", shown: 2, as_is: 0, changed: 1 },
    ])
    expect(tools[0]!.taken.share).toBeCloseTo(2 / 3, 5)
    expect(agreement.helped).toMatchObject({ n: 3 })
    expect(days).toMatchObject([{ shown: 3, taken: 2 }])
  })

  test("a repeated label is counted once, a withdrawn one not as a look", async () => {
    const id = await storePicture(hub, partPicture({ grey: 90 }), { eval: "ng" })
    const label = newLabel(id, { verdict: "ok" })
    await worker.post("/api/labels", label)
    await worker.post("/api/labels", label)
    await worker.post("/api/labels", newLabel(id, { verdict: "withdrawn" }))
    expect((await report()).agreement.helped.n).toBe(4)
  })

  test("the report is for engineers", async () => {
    expect((await worker.get("/api/assist/help")).status).toBe(403)
  })
})

test("a share of parts is shown without any opinion, the same parts to everybody, and told apart in the report", async () => {
  const blind = await startTestHub({
    config: { assist: { similar: true, encoded_mb: 512, blind_share: 0.5 } },
  })
  try {
    const person = await blind.as("worker")
    const finding = { kind: "scratch", score: 0.9, box: [1, 1, 5, 5] as [number, number, number, number] }
    for (let i = 0; i < 40; i++)
      await storePicture(blind, partPicture({ grey: i }), { eval: "ng", findings: [finding] })
    const seen: LabelTask[] = []
    for (let i = 0; i < 40; i++) {
      const task: LabelTask = await (await person.post("/api/labelling/next", {})).json()
      seen.push(task)
      if (task.blind) expect(task.inspection).toMatchObject({ findings: [], verdict: { eval: "undefined" } })
      else expect(task.inspection).toMatchObject({ findings: [finding], verdict: { eval: "ng" } })
      await person.post(
        "/api/labels",
        newLabel(task.inspection.id, {
          verdict: "ok",
          lease_id: task.lease.id,
          // Without help it takes twice as long.
          active_ms: (task.blind ? 4_000 : 2_000) + 10 * i,
        }),
      )
    }
    const without = seen.filter((task) => task.blind).length
    expect(without).toBeGreaterThan(5)
    expect(without).toBeLessThan(35)
    const report: HelpReport = await (await (await blind.as("engineer")).get("/api/assist/help")).json()
    expect(report.time.blind.n).toBe(without)
    expect(report.time.helped.n).toBe(40 - without)
    expect(report.time.ratio?.value).toBeGreaterThan(0.45)
    expect(report.time.ratio?.high).toBeLessThan(0.6)
    // Blind labels had no suggestion to take.
    expect(report.tools).toMatchObject([{ tool: "champion", shown: 40 - without }])
  } finally {
    await blind.stop()
  }
})
