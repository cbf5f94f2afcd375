import { afterEach, describe, expect, test } from "bun:test"
import type { Drawing } from "#contract/drawing"
import type { LabelTask } from "#contract/labelling"
import type { Browser, TestHub } from "./support/hub.ts"
import { startTestHub } from "./support/hub.ts"
import { newLabel, storeParts } from "./support/parts.ts"

const hubs: TestHub[] = []
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop()
})
async function start(): Promise<TestHub> {
  const hub = await startTestHub()
  hubs.push(hub)
  return hub
}

async function next(browser: Browser, holding: string[] = []): Promise<LabelTask | null> {
  const answer = await browser.post("/api/labelling/next", { holding })
  if (answer.status === 204) return null
  expect(answer.status).toBe(200)
  return answer.json()
}

const scratch = { key: "scratch", names: { ko: "긁힘", en: "Scratch" } }

describe("the queue", () => {
  test("serves the undecidable before NG before OK, the newest first", async () => {
    const test = await start()
    const evals = ["ok", "ng", "undecidable", "ng"] as const
    const ids = storeParts(test, 4, (i) => ({ eval: evals[i]! }))
    const worker = await test.as("worker")
    const drawn: string[] = []
    for (;;) {
      const task = await next(worker, drawn)
      if (!task) break
      drawn.push(task.inspection.id)
    }
    expect(drawn).toEqual([ids[2]!, ids[3]!, ids[1]!, ids[0]!])
  })

  test("gives no part to two people, however many draw at once", async () => {
    const test = await start()
    storeParts(test, 300)
    const people = await Promise.all(Array.from({ length: 10 }, () => test.as("worker")))
    const draws = Array.from({ length: 250 }, (_, i) => next(people[i % people.length]!))
    const ids = (await Promise.all(draws)).map((task) => task?.inspection.id)
    expect(new Set(ids).size).toBe(250)
    expect(ids).not.toContain(undefined)
  })

  test("gives one picture to one person, and takes it as judged everywhere", async () => {
    const test = await start()
    storeParts(test, 3, () => ({ picture: "the same" }))
    const [one, two] = [await test.as("worker"), await test.as("worker")]
    const task = (await next(one))!
    expect(await next(two)).toBeNull()
    await one.post("/api/labels", newLabel(task.inspection.id, { lease_id: task.lease.id }))
    expect(await next(two)).toBeNull()
    expect(await (await two.get("/api/labelling/stats")).json()).toMatchObject({ waiting: 0, labelled: 1 })
  })

  test("a lease ends, and the part goes to the next who asks", async () => {
    const test = await start()
    storeParts(test, 1)
    const [one, two] = [await test.as("worker"), await test.as("worker")]
    const task = (await next(one))!
    expect(await next(two)).toBeNull()
    test.clock.pass(4 * 60_000)
    expect(await next(one, [task.inspection.id])).toBeNull()
    test.clock.pass(4 * 60_000)
    expect(await next(two)).toBeNull()
    test.clock.pass(2 * 60_000)
    expect((await next(two))?.inspection.id).toBe(task.inspection.id)
  })

  test("a tablet that was reloaded gets its part back", async () => {
    const test = await start()
    storeParts(test, 2)
    const worker = await test.as("worker")
    const task = (await next(worker))!
    test.clock.pass(11_000)
    expect((await next(worker))?.inspection.id).toBe(task.inspection.id)
    expect((await next(worker, [task.inspection.id]))?.inspection.id).not.toBe(task.inspection.id)
  })

  test("who signs out leaves nothing behind that others would have to wait for", async () => {
    const test = await start()
    storeParts(test, 1)
    const [one, two] = [await test.as("worker"), await test.as("worker")]
    const task = (await next(one))!
    expect(await next(two)).toBeNull()
    await one.send("DELETE", "/api/session")
    expect((await next(two))?.inspection.id).toBe(task.inspection.id)
  })

  test("leases survive a restart", async () => {
    const test = await start()
    storeParts(test, 1)
    const [one, two] = [await test.as("worker"), await test.as("worker")]
    await next(one)
    await test.restart()
    expect(await next(two)).toBeNull()
  })
})

describe("a label", () => {
  test("sent twice is stored once and gives the first receipt", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const worker = await test.as("worker")
    const label = newLabel(id!)
    const first = await worker.post("/api/labels", label)
    const again = await worker.post("/api/labels", label)
    expect([first.status, again.status]).toEqual([201, 200])
    const receipt = await first.json()
    expect(receipt).toMatchObject({ id: label.id, revision: 1, duplicate: false })
    expect(await again.json()).toEqual({ ...receipt, duplicate: true })
    const { items } = await (await worker.get(`/api/inspections/${id}/labels`)).json()
    expect(items).toHaveLength(1)
  })

  test("with the id of another label is a conflict", async () => {
    const test = await start()
    const [id, other] = storeParts(test, 2)
    const worker = await test.as("worker")
    const label = newLabel(id!)
    await worker.post("/api/labels", label)
    expect((await worker.post("/api/labels", { ...label, inspection_id: other })).status).toBe(409)
    expect((await worker.post("/api/labels", { ...label, verdict: "unsure" })).status).toBe(409)
    expect((await (await test.as("worker")).post("/api/labels", label)).status).toBe(409)
  })

  test("is refused when it does not fit, and stores nothing", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const worker = await test.as("worker")
    await worker.post("/api/defect-classes", scratch)
    const box = (x: number, y: number, w: number, h: number) => ({
      kind: "scratch",
      box: [x, y, w, h] as [number, number, number, number],
    })
    const wrong = [
      [{ verdict: "ok", kinds: ["scratch"] }, "label_ok_with_kinds"],
      [{ verdict: "ng" }, "label_ng_without_kind"],
      [{ verdict: "ng", kinds: ["rust"] }, "label_kind"],
      [{ verdict: "ng", kinds: ["unknown"], boxes: [box(0, 0, 5, 5)] }, "label_box_kind"],
      [{ verdict: "ng", kinds: ["scratch"], boxes: [box(600, 0, 41, 5)] }, "label_box_outside"],
      [{ verdict: "ng", kinds: ["scratch"], boxes: [box(-1, 0, 5, 5)] }, "label_box_outside"],
      [{ verdict: "withdrawn" }, "label_withdraw"],
    ] as const
    for (const [more, key] of wrong) {
      const answer = await worker.post("/api/labels", newLabel(id!, more as never))
      expect(await answer.json()).toMatchObject({ key })
    }
    expect((await worker.post("/api/labels", newLabel(crypto.randomUUID()))).status).toBe(404)
    expect(await (await worker.get(`/api/inspections/${id}/labels`)).json()).toEqual({
      items: [],
      next: null,
    })
    const fits = newLabel(id!, { verdict: "ng", kinds: ["scratch"], boxes: [box(600, 0, 40, 480)] })
    expect((await worker.post("/api/labels", fits)).status).toBe(201)
  })

  test("is announced after it is stored, and counted", async () => {
    const test = await start()
    const [id] = storeParts(test, 2)
    const worker = await test.as("worker")
    const heard: unknown[] = []
    test.hub.events.listen("test", ({ type, data }) => {
      heard.push({ type, data, stored: test.hub.labelling.revisions(id!).length })
    })
    await worker.post("/api/labels", newLabel(id!, { verdict: "ng", kinds: ["unknown"] }))
    expect(heard).toMatchObject([{ type: "label", data: { inspection_id: id, verdict: "ng" }, stored: 1 }])
    expect(await (await worker.get("/api/labelling/stats")).json()).toEqual({
      waiting: 1,
      waiting_by_reason: { ng: 1 },
      labelled: 1,
      labelled_today: 1,
      mine_today: 1,
      by_kind: { unknown: 1 },
    })
  })

  test("is withdrawn by its own person and by no other worker, and the part waits again where it was", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const [one, two] = [await test.as("worker"), await test.as("worker")]
    await one.post("/api/labels", newLabel(id!, { verdict: "ng", kinds: ["unknown"] }))
    expect((await two.post("/api/labels", newLabel(id!, { verdict: "withdrawn" }))).status).toBe(409)
    expect((await one.post("/api/labels", newLabel(id!, { verdict: "withdrawn" }))).status).toBe(201)
    expect((await one.post("/api/labels", newLabel(id!, { verdict: "withdrawn" }))).status).toBe(409)
    expect(test.hub.labelling.current()).toEqual([])
    expect(test.hub.labelling.kinds()).toEqual([])
    const counts = { labelled: 0, labelled_today: 0, mine_today: 0, waiting: 1 }
    expect(test.hub.labelling.stats(test.hub.users.find(one.userId)!)).toMatchObject(counts)
    expect(await next(two)).toMatchObject({ inspection: { id, label: null }, reason: "ng" })
  })

  test("is withdrawn by a reviewer too, and both revisions stay", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const [worker, reviewer] = [await test.as("worker"), await test.as("reviewer")]
    await worker.post("/api/labels", newLabel(id!, { verdict: "ng", kinds: ["unknown"] }))
    expect((await reviewer.post("/api/labels", newLabel(id!, { verdict: "withdrawn" }))).status).toBe(201)
    expect(test.hub.labelling.current()).toEqual([])
    expect(test.hub.labelling.revisions(id!).map(({ verdict }) => verdict)).toEqual(["ng", "withdrawn"])
  })

  test("of unsure goes to a reviewer, not to workers and not back to the same person", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const [worker, reviewer, other] = [
      await test.as("worker"),
      await test.as("reviewer"),
      await test.as("reviewer"),
    ]
    await reviewer.post("/api/labels", newLabel(id!, { verdict: "unsure" }))
    expect(await next(worker)).toBeNull()
    expect(await next(reviewer)).toBeNull()
    const task = await next(other)
    expect(task).toMatchObject({ reason: "unsure_label", inspection: { id } })
    await other.post("/api/labels", newLabel(id!, { lease_id: task!.lease.id }))
    expect(test.hub.labelling.current()).toMatchObject([{ inspectionId: id, label: { verdict: "ok" } }])
  })

  test("is edited as a new revision; the history stays", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const [worker, reviewer] = [await test.as("worker"), await test.as("reviewer")]
    await worker.post("/api/labels", newLabel(id!))
    await reviewer.post("/api/labels", newLabel(id!, { verdict: "ng", kinds: ["unknown"] }))
    const { items } = await (await worker.get(`/api/inspections/${id}/labels`)).json()
    expect(items).toMatchObject([
      { revision: 1, verdict: "ok", by: { id: worker.userId } },
      { revision: 2, verdict: "ng", by: { id: reviewer.userId } },
    ])
    expect(test.hub.labelling.current()).toMatchObject([{ label: { verdict: "ng", kinds: ["unknown"] } }])
    const stats = await (await worker.get("/api/labelling/stats")).json()
    expect(stats).toMatchObject({ labelled: 1, labelled_today: 2, mine_today: 1 })
    expect(() => test.hub.db.exec("UPDATE label SET verdict = 'ok'")).toThrow("append-only")
    expect(() => test.hub.db.exec("DELETE FROM label")).toThrow("append-only")
  })

  test("that comes late and differs overwrites nobody: a reviewer decides, and no model learns from it", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const [late, other, reviewer] = [
      await test.as("worker"),
      await test.as("worker"),
      await test.as("reviewer"),
    ]
    const first = (await next(late))!
    test.clock.pass(6 * 60_000)
    const second = (await next(other))!
    await other.post("/api/labels", newLabel(id!, { lease_id: second.lease.id }))
    await late.post(
      "/api/labels",
      newLabel(id!, { lease_id: first.lease.id, verdict: "ng", kinds: ["unknown"] }),
    )
    expect(test.hub.labelling.current()).toEqual([])
    expect(test.hub.labelling.settled()).toBe(0)
    const task = (await next(reviewer))!
    expect(task).toMatchObject({ reason: "disagreement", inspection: { id } })
    await reviewer.post("/api/labels", newLabel(id!, { lease_id: task.lease.id }))
    expect(test.hub.labelling.current()).toMatchObject([{ label: { verdict: "ok" } }])
    expect(test.hub.labelling.settled()).toBe(1)
  })
})

describe("what labels teach", () => {
  test("escapes are NG parts that a station had passed, the newest first, one a picture", async () => {
    const test = await start()
    const ids = storeParts(test, 6, (i) => ({
      eval: i === 1 ? "ng" : "ok",
      picture: i === 4 ? "0" : String(i),
    }))
    const worker = await test.as("worker")
    for (const [i, id] of ids.entries()) {
      test.clock.pass(1_000)
      const verdict = i === 2 ? "ok" : i === 5 ? "unsure" : "ng"
      await worker.post("/api/labels", newLabel(id, { verdict, kinds: verdict === "ng" ? ["unknown"] : [] }))
    }
    const { labelling } = test.hub
    expect(labelling.escapes(10).map((part) => part.inspectionId)).toEqual([ids[4]!, ids[3]!])
    expect(labelling.escapes(1)).toMatchObject([
      { inspectionId: ids[4], labelledBy: worker.userId, eval: "ok" },
    ])
    expect(labelling.settled()).toBe(5)
  })

  test("a kind is sighted on parts that people agree on, from a time on", async () => {
    const test = await start()
    const [worker, other] = [await test.as("worker"), await test.as("worker")]
    const ids = [0, 1, 2].map((i) => {
      test.clock.pass(1_000)
      return storeParts(test, 1, () => ({ picture: `p${i}` }))[0]!
    })
    const ng = { verdict: "ng", kinds: ["unknown"] } as const
    for (const id of ids) await worker.post("/api/labels", newLabel(id, { ...ng, kinds: ["unknown"] }))
    const taken = (id: string) => test.hub.inspections.get(id)!.captured_at
    const { labelling } = test.hub
    expect(labelling.sightings("unknown", -1)).toEqual({
      labels: 3,
      firstSeenAt: taken(ids[0]!),
      firstLabelledAt: Math.min(...labelling.current().map((part) => part.labelledAt)),
    })
    expect(labelling.sightings("unknown", taken(ids[0]!))?.labels).toBe(2)
    expect(labelling.sightings("unknown", taken(ids[2]!))).toBeUndefined()
    // A late judgement that differs sends the part to a reviewer: until then it is no sighting.
    await other.post("/api/labels", newLabel(ids[0]!, { lease_id: "01900000-0000-7000-8000-000000000000" }))
    expect(labelling.sightings("unknown", -1)).toMatchObject({ labels: 2, firstSeenAt: taken(ids[1]!) })
  })
})

describe("the catalogue", () => {
  test("takes a new defect class from anyone signed in, once per key, with a sign and a colour", async () => {
    const test = await start()
    const worker = await test.as("worker")
    expect(await (await worker.post("/api/defect-classes", scratch)).json()).toEqual({
      ...scratch,
      icon: "unknown",
      color: "c1",
      severity: "major",
      active: true,
    })
    expect((await worker.post("/api/defect-classes", scratch)).status).toBe(409)
    expect((await worker.post("/api/defect-classes", { ...scratch, key: "unknown" })).status).toBe(409)
    const list = await (await worker.get("/api/defect-classes")).json()
    expect(list).toMatchObject({ items: [{ key: "scratch" }], next: null })
  })

  test("takes products from engineers", async () => {
    const test = await start()
    const product = { key: "bracket-2", names: { ko: "브래킷", en: "Bracket" } }
    expect((await (await test.as("worker")).post("/api/products", product)).status).toBe(403)
    expect((await (await test.as("engineer")).post("/api/products", product)).status).toBe(201)
    expect(await (await (await test.as("worker")).get("/api/products")).json()).toEqual({
      items: [{ ...product, active: true }],
      next: null,
    })
  })
})

describe("a drawing", () => {
  const drawing: Drawing = {
    v: 1,
    regions: [
      {
        id: "p1",
        kinds: ["unknown"],
        outline: {
          type: "polygon",
          points: [
            [1, 1],
            [5, 1],
            [5, 6],
          ],
        },
        by: "person",
        answers: { note: "deep" },
      },
    ],
    answers: { place: [["surface", "front"]] },
  }

  test("comes back as it was sent, and the boxes are those it comes to", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const worker = await test.as("worker")
    const label = newLabel(id!, { verdict: "ng", kinds: ["unknown"], boxes: [], drawing })
    expect((await worker.post("/api/labels", label)).status).toBe(201)
    expect((await worker.post("/api/labels", label)).status).toBe(200)
    const { items } = await (await worker.get(`/api/inspections/${id}/labels`)).json()
    expect(items[0].drawing).toEqual(drawing)
    expect(items[0].boxes).toEqual([{ kind: "unknown", box: [1, 1, 4, 5] }])
  })

  test("off the image, with a mask of another size or twice the same id is refused", async () => {
    const test = await start()
    const [id] = storeParts(test, 1)
    const worker = await test.as("worker")
    const [region] = drawing.regions
    const send = async (regions: unknown[]) => {
      const label = newLabel(id!, {
        verdict: "ng",
        kinds: ["unknown"],
        drawing: { v: 1, regions: regions as Drawing["regions"] },
      })
      return (await worker.post("/api/labels", label)).status
    }
    const far = {
      type: "line",
      points: [
        [0, 0],
        [1e6, 0],
      ],
    }
    const mask = { type: "mask", size: [9, 10], counts: "61X13mN000`0" }
    expect(await send([{ ...region, outline: far }])).toBe(400)
    expect(await send([{ ...region, outline: mask }])).toBe(400)
    expect(await send([region, region])).toBe(400)
  })
})
