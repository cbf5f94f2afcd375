import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { CoverageStatus, EmbeddingStatus, SimilarParts } from "#contract/assist"
import type { LabelTask } from "#contract/labelling"
import { createAssistPorts, shippedBackbone } from "../../../hub/ports.bun.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel } from "../support/parts.ts"
import { plate, storePicture } from "./pictures.ts"

let hub: TestHub
let worker: Browser
const blobs: string[] = []
const scratches: string[] = []
let nothing = ""

const similar = async (id: string, query = ""): Promise<SimilarParts> => {
  const answer = await worker.get(`/api/inspections/${id}/similar${query}`)
  expect(answer.status).toBe(200)
  return answer.json()
}
const status = async (): Promise<EmbeddingStatus> => (await worker.get("/api/assist/embeddings")).json()
const settled = async () => {
  for (;;) {
    const now = await status()
    if (now.state === "idle" && now.waiting === 0 && now.made > 0) return now
    await Bun.sleep(50)
  }
}

/** One hub for all: the backbone is loaded once. */
beforeAll(async () => {
  hub = await startTestHub({ ports: { assist: createAssistPorts(), backbone: shippedBackbone() } })
  worker = await hub.as("worker")
  for (let i = 0; i < 4; i++) {
    blobs.push(
      await storePicture(hub, plate(i, { kind: "blob", x: 30 + 10 * i, y: 40 }), {
        product: i < 2 ? "lid" : "plate",
      }),
    )
    scratches.push(await storePicture(hub, plate(10 + i, { kind: "scratch", x: 45, y: 30 + 9 * i })))
  }
  nothing = await storePicture(hub, new TextEncoder().encode("no picture at all"))
  hub.hub.events.announce("inspection", {})
  await settled()
}, 60_000)
afterAll(async () => await hub.stop())

describe("similar parts", () => {
  test("the background looks at every picture once, and goes on past one that is none", async () => {
    expect(await status()).toEqual({ state: "idle", made: 8, unreadable: 1, waiting: 0 })
    expect((await similar(blobs[0]!)).searched).toBe(8)
  })

  test("a part's nearest are those that show the same, and never the part itself", async () => {
    for (const family of [blobs, scratches])
      for (const id of family) {
        const { items } = await similar(id, "?limit=3")
        const near = items.map(({ inspection }) => inspection.id)
        expect(near.toSorted()).toEqual(family.filter((other) => other !== id).toSorted())
        expect(items.map(({ similarity }) => similarity)).toEqual(
          items.map(({ similarity }) => similarity).toSorted((a, b) => b - a),
        )
      }
  })

  test("come with what people said of them at this moment", async () => {
    const engineer = await hub.as("engineer")
    await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
    for (const id of scratches.slice(1, 3))
      expect(
        (await worker.post("/api/labels", newLabel(id, { verdict: "ng", kinds: ["scratch"] }))).status,
      ).toBe(201)
    const { judged } = await similar(scratches[0]!, "?limit=3")
    expect(judged).toEqual({ ok: 0, ng: 2, unsure: 0, kinds: [{ kind: "scratch", parts: 2 }] })
    const only = await similar(scratches[0]!, "?judged=true")
    expect(only.items.map(({ inspection }) => inspection.id).toSorted()).toEqual(
      scratches.slice(1, 3).toSorted(),
    )
    expect((await similar(blobs[0]!, "?verdict=ok")).items).toEqual([])
  })

  test("can be asked for of one product", async () => {
    const { items } = await similar(blobs[0]!, "?product=lid")
    expect(items.map(({ inspection }) => inspection.id)).toEqual([blobs[1]!])
  })

  test("are found for a part that has just come, before the background has come to it", async () => {
    const id = await storePicture(hub, plate(99, { kind: "blob", x: 50, y: 42 }))
    const { items, waiting } = await similar(id, "?limit=4")
    expect(waiting).toBe(1)
    expect(items.map(({ inspection }) => inspection.id).toSorted()).toEqual(blobs.toSorted())
    blobs.push(id)
  })

  test("a part without a picture has none, and one nobody knows is not found", async () => {
    const unread = await worker.get(`/api/inspections/${nothing}/similar`)
    expect(unread.status).toBe(503)
    expect(await unread.json()).toMatchObject({
      key: "similar_failed",
      params: { code: "unsupported_image" },
    })
    const nobody = "00000000-0000-7000-8000-000000000000"
    expect((await worker.get(`/api/inspections/${nobody}/similar`)).status).toBe(404)
  })

  test("a killed child is replaced, and nothing is looked at twice", async () => {
    const before = await status()
    process.kill(hub.hub.assist.pids().background!, "SIGKILL")
    process.kill(hub.hub.assist.pids().similar!, "SIGKILL")
    const id = await storePicture(hub, plate(123, { kind: "scratch", x: 50, y: 50 }))
    const { items } = await similar(id, "?limit=4")
    expect(items.map(({ inspection }) => inspection.id).toSorted()).toEqual(scratches.toSorted())
    scratches.push(id)
    hub.hub.events.announce("inspection", {})
    const after = await settled()
    expect(after.made).toBe(before.made + 2)
  })
})

describe("parts that look unlike what has been judged", () => {
  const coverage = async () => {
    const reviewer = await hub.as("reviewer")
    const status: CoverageStatus = await (await reviewer.get("/api/assist/coverage")).json()
    return status.lines[0]
  }
  /** Runs again after it is poked, with at least so many judged parts known to it. */
  const compared = async (judged: number) => {
    for (;;) {
      hub.hub.assist.coverages.poke()
      const line = await coverage()
      if (line && line.judged >= judged) return line
      await Bun.sleep(50)
    }
  }
  const drawn = async (): Promise<LabelTask> =>
    (await worker.post("/api/labelling/next", { holding: [] })).json()

  test("are handed out first, and what they looked like is known once one of them is judged", async () => {
    // Two scratches are judged; blobs are what nobody has seen.
    await compared(2)
    const first = await drawn()
    expect(blobs).toContain(first.inspection.id)
    expect(first.why?.shares.map(({ part }) => part)).toContain("coverage")
    await worker.post("/api/labels", newLabel(first.inspection.id, { verdict: "ok" }))
    const { judged, picked, waiting } = await compared(3)
    expect(judged).toBe(3)
    expect(picked).toBeLessThanOrEqual(waiting)
    expect((await worker.get("/api/assist/coverage")).status).toBe(403)
  }, 60_000)
})

test("a hub without helpers says that it searches no similar parts", async () => {
  const bare = await startTestHub()
  try {
    const person = await bare.as("worker")
    const id = await storePicture(bare, plate(1))
    const answer = await person.get(`/api/inspections/${id}/similar`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ key: "similar_off" })
    expect(await (await person.get("/api/assist/embeddings")).json()).toMatchObject({ state: "off" })
  } finally {
    await bare.stop()
  }
})
