import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import type { LabelTask } from "#contract/labelling"
import { systemIds } from "../../../hub/platform/ids.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel, storeParts } from "../support/parts.ts"

type Person = Browser & { userId: string }
let hub: TestHub
let one: Person
let two: Person
let reviewer: Person
beforeAll(async () => {
  hub = await startTestHub({ config: { assist: { similar: false, encoded_mb: 2, blind_share: 0 } } })
  one = await hub.as("worker")
  two = await hub.as("worker")
  reviewer = await hub.as("reviewer")
}, 60_000)
afterAll(() => hub.stop())
// One hub for all of them, an empty queue for each.
beforeEach(() => {
  hub.hub.db.exec(
    "UPDATE inspection SET queue_reason = NULL, queue_rank = NULL, queue_stream = NULL; DELETE FROM label_lease",
  )
})

async function next(browser: Browser, holding: string[] = []): Promise<LabelTask | null> {
  const answer = await browser.post("/api/labelling/next", { holding })
  if (answer.status === 204) return null
  expect(answer.status).toBe(200)
  return answer.json()
}
const itemsOf = async (answer: Promise<Response>) => (await (await answer).json()).items
const skip = (browser: Browser, inspection_id: string, more: object = {}) =>
  browser.post("/api/labelling/skip", { id: systemIds.uuid(), inspection_id, reason: "picture", ...more })

describe("a part that is given back", () => {
  test("goes to others at once and never back to the same person", async () => {
    const [id] = storeParts(hub, 1)
    await next(one)
    expect(await next(two)).toBeNull()
    expect((await skip(one, id!)).status).toBe(204)
    expect(await next(one)).toBeNull()
    expect((await next(two))?.inspection.id).toBe(id!)
  })

  test("by several people goes to those who review, and the reasons are counted once each", async () => {
    const [id] = storeParts(hub, 1)
    const before = await itemsOf(reviewer.get("/api/labelling/skips"))
    const sum = (items: { skips: number }[]) => items.reduce((n, { skips }) => n + skips, 0)
    const repeat = { id: systemIds.uuid(), inspection_id: id!, reason: "criteria" }
    for (let i = 0; i < 2; i++) expect((await one.post("/api/labelling/skip", repeat)).status).toBe(204)
    expect((await two.post("/api/labelling/skip", repeat)).status).toBe(409)
    await skip(two, id!)
    const third = await hub.as("worker")
    expect(await next(third)).toBeNull()
    expect(await next(reviewer)).toMatchObject({ reason: "skipped", inspection: { id } })
    const after = await itemsOf(reviewer.get("/api/labelling/skips"))
    expect(sum(after) - sum(before)).toBe(2)
    expect((await one.get("/api/labelling/skips")).status).toBe(403)
    expect((await skip(one, systemIds.uuid())).status).toBe(404)
    expect((await skip(one, id!, { reason: "lazy" })).status).toBe(400)
  })
})

describe("a second opinion", () => {
  test("asked of a colleague comes to that colleague first, with the name of who asks, and to nobody else but reviewers", async () => {
    const [older, asked] = storeParts(hub, 2, (i) => ({ eval: i === 0 ? "undecidable" : "ng" }))
    const ask = {
      id: systemIds.uuid(),
      inspection_id: asked!,
      to: two.userId,
      note: "Is this still a scratch?",
    }
    for (let i = 0; i < 2; i++)
      expect((await one.post("/api/labelling/second-opinion", ask)).status).toBe(204)
    expect((await next(one))?.inspection.id).toBe(older!)
    expect(await next(await hub.as("worker"))).toBeNull()
    const task = (await next(two))!
    expect(task).toMatchObject({ inspection: { id: asked }, reason: "second_opinion", comments: 1 })
    expect(task.asked_by).toStartWith("worker")
    const mentions = await itemsOf(two.get("/api/mentions"))
    expect(mentions[0]).toMatchObject({ seen: false, comment: { text: ask.note, by: { id: one.userId } } })
    await two.post("/api/labels", newLabel(asked!, { lease_id: task.lease.id }))
    expect(hub.hub.inspections.get(asked!).label?.verdict).toBe("ok")
    expect(await next(reviewer)).toBeNull()
  })

  test("asked of nobody in particular comes to those who review, never to who asks", async () => {
    const [id] = storeParts(hub, 1)
    const other = await hub.as("reviewer")
    await reviewer.post("/api/labelling/second-opinion", {
      id: systemIds.uuid(),
      inspection_id: id,
      to: null,
    })
    expect(await next(one)).toBeNull()
    expect(await next(reviewer)).toBeNull()
    expect((await next(other))?.inspection.id).toBe(id!)
    const bad = [one.userId, systemIds.uuid()].map((to) =>
      one.post("/api/labelling/second-opinion", { id: systemIds.uuid(), inspection_id: id, to }),
    )
    expect((await Promise.all(bad)).map(({ status }) => status)).toEqual([400, 400])
  })
})

describe("comments", () => {
  test("reach those who are mentioned, live and in a list, until they have read them", async () => {
    const [id] = storeParts(hub, 1)
    const heard: unknown[] = []
    const deaf = hub.hub.events.listen("test", ({ type, data }) => void heard.push({ type, data }))
    const comment = { id: systemIds.uuid(), text: "@two look at the edge", mentions: [two.userId] }
    for (let i = 0; i < 2; i++)
      expect((await one.post(`/api/inspections/${id}/comments`, comment)).status).toBe(201)
    deaf()
    expect(heard).toEqual([{ type: "comment", data: { inspection_id: id, mentions: [two.userId] } }])
    expect(await itemsOf(one.get(`/api/inspections/${id}/comments`))).toMatchObject([
      { text: comment.text, by: { id: one.userId }, mentions: [{ id: two.userId }] },
    ])
    const list = await itemsOf(two.get("/api/mentions"))
    expect(list[0]).toMatchObject({ seen: false, comment: { id: comment.id }, inspection: { id } })
    await two.post("/api/mentions/seen", { comments: [comment.id] })
    expect((await itemsOf(two.get("/api/mentions")))[0].seen).toBe(true)
    expect(await itemsOf(one.get("/api/mentions"))).toEqual([])
  })

  test("to strangers, without words or under a used id are refused", async () => {
    const [id, other] = storeParts(hub, 2)
    const say = (part: string, more: object) =>
      one.post(`/api/inspections/${part}/comments`, { id: systemIds.uuid(), text: "x", ...more })
    expect((await say(id!, { mentions: [systemIds.uuid()] })).status).toBe(400)
    expect((await say(id!, { text: "  " })).status).toBe(400)
    const used = systemIds.uuid()
    expect((await say(id!, { id: used })).status).toBe(201)
    expect((await say(other!, { id: used })).status).toBe(409)
    const colleagues = await itemsOf(one.get("/api/colleagues"))
    expect(colleagues.map((c: { id: string }) => c.id)).toContain(two.userId)
    expect(JSON.stringify(colleagues)).not.toContain("login")
  })
})

describe("a batch", () => {
  test("is look-alikes, the nearest in score first, each with a lease and a label of its own", async () => {
    const [likes, others] = [
      storeParts(hub, 6, (i) => ({ eval: "ng", kind: "dent", product: "p1", score: 0.7 + 0.01 * i })),
      storeParts(hub, 4, (i) => ({
        eval: i === 0 ? "ok" : "ng",
        kind: i === 1 ? "scratch" : "dent",
        product: i === 2 ? "p2" : "p1",
        score: i === 3 ? 0.99 : 0.7,
      })),
    ]
    const tasks: LabelTask[] = await itemsOf(one.post("/api/labelling/batch", { size: 5 }))
    expect(tasks).toHaveLength(5)
    const ids = tasks.map((task) => task.inspection.id)
    const products = new Set(tasks.map(({ inspection }) => inspection.product_id))
    expect(products.size).toBe(1)
    expect(new Set(tasks.map((task) => task.lease.id)).size).toBe(5)
    expect(ids.every((id) => likes.includes(id) || id === others[3])).toBe(true)
    const two_ids = (await itemsOf(two.post("/api/labelling/batch", { size: 48 }))).map(
      (task: LabelTask) => task.inspection.id,
    )
    expect(two_ids.some((id: string) => ids.includes(id))).toBe(false)
    const [odd, ...rest] = tasks
    const sent = rest.map((task) =>
      one.post("/api/labels", newLabel(task.inspection.id, { lease_id: task.lease.id })),
    )
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([201, 201, 201, 201])
    hub.clock.pass(11_000)
    expect((await next(one))?.inspection.id).toBe(odd!.inspection.id)
  })

  test("holds known parts of the same product by chance, which look like the others and are judged blind", async () => {
    const engineer = await hub.as("engineer")
    const plan = await (await engineer.get("/api/labelling/checks")).json()
    const [known, foreign] = storeParts(hub, 2, (i) => ({ eval: "ng", product: i === 0 ? "p9" : "p8" }))
    for (const id of [known, foreign])
      await reviewer.send("PUT", `/api/known-parts/${id}`, { verdict: "ok", kinds: [] })
    hub.hub.db.exec("UPDATE inspection SET queue_reason = NULL, queue_rank = NULL, queue_stream = NULL")
    const parts = storeParts(hub, 20, () => ({ eval: "ng", product: "p9" }))
    try {
      await engineer.send("PUT", "/api/labelling/checks", { ...plan, known: 0.5 })
      const tasks: LabelTask[] = await itemsOf(two.post("/api/labelling/batch", { size: 12 }))
      expect(tasks).toHaveLength(12)
      // With one chance in two for each of twelve places it is there but once in four thousand times.
      const check = tasks.find(({ inspection }) => inspection.id === known)
      expect(tasks.filter(({ inspection }) => !parts.includes(inspection.id))).toEqual([check!])
      expect(Object.keys(check!).sort()).toEqual(Object.keys(tasks.find((task) => task !== check)!).sort())
      expect(check!.inspection.label).toBeNull()
      const judged = await two.post(
        "/api/labels",
        newLabel(known!, { lease_id: check!.lease.id, verdict: "unsure" }),
      )
      expect(judged.status).toBe(201)
      const list = await itemsOf(reviewer.get("/api/known-parts"))
      expect(list.find(({ inspection }: LabelTask) => inspection.id === known)).toMatchObject({
        asked: 1,
        right: 0,
        boxes: [],
      })
      expect(hub.hub.inspections.get(known!).label).toBeNull()
    } finally {
      await engineer.send("PUT", "/api/labelling/checks", plan)
    }
  })

  test("is empty when nothing waits, and no larger than a screen", async () => {
    expect(await itemsOf(one.post("/api/labelling/batch", { size: 12 }))).toEqual([])
    expect((await one.post("/api/labelling/batch", { size: 49 })).status).toBe(400)
  })
})

describe("what a tablet keeps and sends later", () => {
  const deed = (inspection_id: string, more: object) => ({
    id: systemIds.uuid(),
    inspection_id,
    made_at: hub.clock.now() - 60_000,
    ...more,
  })
  const send = (browser: Browser, body: object) => browser.post("/api/labelling/deeds", body)

  test("has a receipt, the same one for a repeat, and an id is used once", async () => {
    const [id] = storeParts(hub, 1)
    await next(one)
    const skipped = deed(id!, { do: "skip", reason: "criteria" })
    const first = await send(one, skipped)
    expect(first.status).toBe(201)
    expect(await first.json()).toMatchObject({ id: skipped.id, inspection_id: id, duplicate: false })
    const again = await send(one, skipped)
    expect(again.status).toBe(200)
    expect(await again.json()).toMatchObject({ id: skipped.id, duplicate: true })
    expect((await send(two, skipped)).status).toBe(409)
    expect(await next(one)).toBeNull()
  })

  test("that takes a skip back brings the part back to the tablet that had it, and counts for nothing any more", async () => {
    const [id] = storeParts(hub, 1)
    const held = await next(one)
    const skipped = deed(id!, { do: "skip", reason: "criteria" })
    const back = deed(id!, { do: "unskip", skip: skipped.id, lease_id: held!.lease.id })
    expect((await send(one, back)).status).toBe(404)
    await send(one, skipped)
    await skip(two, id!)
    expect((await send(two, { ...back, id: systemIds.uuid() })).status).toBe(404)
    expect(await next(one)).toBeNull()
    const counted = await itemsOf(reviewer.get("/api/labelling/skips"))
    expect((await send(one, back)).status).toBe(201)
    expect((await send(one, back)).status).toBe(200)
    const sum = (items: { skips: number }[]) => items.reduce((n, { skips }) => n + skips, 0)
    expect(sum(await itemsOf(reviewer.get("/api/labelling/skips")))).toBe(sum(counted) - 1)
    // Two had given it back; of one alone a reviewer has no need.
    expect(await next(reviewer)).toBeNull()
    const renewed = await one.post("/api/labelling/renew", { holding: [id] })
    expect(await renewed.json()).toEqual({ held: [id] })
    const label = newLabel(id!, { lease_id: held!.lease.id, verdict: "ok", kinds: [] })
    expect((await one.post("/api/labels", label)).status).toBe(201)
  })

  test("that takes a skip back leaves the part with whoever has it by now", async () => {
    const [id] = storeParts(hub, 1)
    const held = await next(one)
    const skipped = deed(id!, { do: "skip", reason: "picture" })
    await send(one, skipped)
    expect((await next(two))?.inspection.id).toBe(id!)
    const back = deed(id!, { do: "unskip", skip: skipped.id, lease_id: held!.lease.id })
    expect((await send(one, back)).status).toBe(201)
    expect(await (await two.post("/api/labelling/renew", { holding: [id] })).json()).toEqual({ held: [id] })
    expect(await (await one.post("/api/labelling/renew", { holding: [id] })).json()).toEqual({ held: [] })
  })

  test("takes nobody's part away who holds it by now", async () => {
    const [id] = storeParts(hub, 1)
    await next(one)
    hub.clock.pass(6 * 60_000)
    expect((await next(two))?.inspection.id).toBe(id!)
    expect((await send(one, deed(id!, { do: "skip", reason: "picture" }))).status).toBe(201)
    const third = await hub.as("worker")
    expect(await next(third)).toBeNull()
    const held = await two.post("/api/labelling/renew", { holding: [id] })
    expect(await held.json()).toEqual({ held: [id] })
  })

  test("asks nobody any more when somebody has judged meanwhile", async () => {
    const [id] = storeParts(hub, 1)
    const held = await next(one)
    hub.clock.pass(6 * 60_000)
    const theirs = await next(two)
    await two.post("/api/labels", newLabel(id!, { lease_id: theirs!.lease.id, verdict: "ok", kinds: [] }))
    const base_revision = held!.inspection.label?.revision ?? 0
    const asked = deed(id!, { do: "ask", to: null, note: "is this a scratch?", base_revision })
    for (let i = 0; i < 2; i++) expect((await send(one, asked)).status).toBe(i === 0 ? 201 : 200)
    expect(await next(reviewer)).toBeNull()
    // What was asked is still to be read, once, with its own time.
    expect(await itemsOf(reviewer.get(`/api/inspections/${id}/comments`))).toMatchObject([
      { text: "is this a scratch?", at: asked.made_at },
    ])
  })

  test("goes to a reviewer when nobody has", async () => {
    const [id] = storeParts(hub, 1)
    await next(one)
    expect((await send(one, deed(id!, { do: "ask", to: null, base_revision: 0 }))).status).toBe(201)
    expect(await next(reviewer)).toMatchObject({ reason: "second_opinion", inspection: { id } })
  })

  test("comes in its owner's name by their pass, and not without one", async () => {
    const [id] = storeParts(hub, 1)
    const { token } = await (await one.post("/api/session/label-pass")).json()
    const said = deed(id!, { do: "comment", text: "look at the edge" })
    const kept = (pass?: string) =>
      hub
        .browser()
        .post("/api/labelling/deeds/kept", said, pass === undefined ? {} : { "crux-label-pass": pass })
    expect((await kept()).status).toBe(401)
    expect((await kept("made up")).status).toBe(401)
    expect((await kept(token)).status).toBe(201)
    expect(await itemsOf(two.get(`/api/inspections/${id}/comments`))).toMatchObject([
      { text: "look at the edge", by: { id: one.userId } },
    ])
    // Somebody else is signed in by now: nothing is stored in the wrong name.
    const other = await two.post("/api/labelling/deeds", deed(id!, { do: "comment", text: "not mine" }), {
      "crux-user": one.userId,
    })
    expect(other.status).toBe(409)
  })

  test("is believed about its time unless the tablet's clock is far off", async () => {
    const [id] = storeParts(hub, 1)
    const before = hub.clock.now()
    await send(one, deed(id!, { do: "comment", text: "from a tablet without a clock", made_at: 0 }))
    const [said] = await itemsOf(one.get(`/api/inspections/${id}/comments`))
    expect(said.at).toBeGreaterThanOrEqual(before)
  })
})
