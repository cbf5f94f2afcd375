import { afterEach, describe, expect, test } from "bun:test"
import type { LabelReceipt, LabelTask, NewLabel } from "#contract/labelling"
import type { CheckPlan, ReviewCase } from "#contract/review"
import type { Browser, TestHub } from "./support/hub.ts"
import { startTestHub } from "./support/hub.ts"
import { frozenSets, newLabel, storeParts } from "./support/parts.ts"

const hubs: TestHub[] = []
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.stop()
})
async function start(plan: Partial<CheckPlan> = {}): Promise<TestHub> {
  const hub = await startTestHub()
  hubs.push(hub)
  const engineer = await hub.as("engineer")
  await engineer.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
  await engineer.post("/api/defect-classes", { key: "dent", names: { ko: "찍힘", en: "Dent" } })
  const before = await (await engineer.get("/api/labelling/checks")).json()
  const answer = await engineer.send("PUT", "/api/labelling/checks", { ...before, ...plan })
  expect(answer.status).toBe(200)
  return hub
}

async function next(browser: Browser, holding: string[] = []): Promise<LabelTask | null> {
  const answer = await browser.post("/api/labelling/next", { holding })
  return answer.status === 204 ? null : answer.json()
}
async function label(browser: Browser, id: string, more: Partial<NewLabel> = {}) {
  const answer = await browser.post("/api/labels", newLabel(id, more))
  if (answer.status >= 300) throw new Error(await answer.text())
  return (await answer.json()) as import("valibot").InferOutput<typeof LabelReceipt>
}
const read = async (browser: Browser, path: string) => (await browser.get(path)).json()
const ng = (...kinds: string[]) => ({ verdict: "ng", kinds }) as const
const box = (kind: string, x: number) => ({ kind, box: [x, 10, 20, 20] as [number, number, number, number] })
const review = (browser: Browser, id: string, of: object) =>
  browser.post("/api/reviews", { id: crypto.randomUUID(), inspection_id: id, ...of })

describe("two people at one part", () => {
  test("who mark different places: both are kept, in one label, and both are told", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const [one, two] = [await hub.as("worker"), await hub.as("worker")]
    const first = await label(one, id, { ...ng("scratch"), boxes: [box("scratch", 0)], base_revision: 0 })
    expect(first.met).toBeUndefined()
    const sent = newLabel(id, { ...ng("dent"), boxes: [box("dent", 100)], base_revision: 0 })
    const second = await (await two.post("/api/labels", sent)).json()
    expect(second).toMatchObject({
      revision: 3,
      met: { outcome: "merged", verdict: "ng", kinds: ["scratch"], revision: 1 },
    })
    const { items } = await read(one, `/api/inspections/${id}/labels`)
    expect(items.map((r: { kinds: string[] }) => r.kinds)).toEqual([
      ["scratch"],
      ["dent"],
      ["scratch", "dent"],
    ])
    expect(hub.hub.labelling.current()).toMatchObject([
      { label: { boxes: [box("scratch", 0), box("dent", 100)] } },
    ])
    // A lost receipt: the same again says the same.
    expect(await (await two.post("/api/labels", sent)).json()).toEqual({ ...second, duplicate: true })
  })

  test("who contradict each other: nobody wins, a reviewer decides, and until then no model learns from it", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const [one, two, reviewer] = [await hub.as("worker"), await hub.as("worker"), await hub.as("reviewer")]
    await label(one, id, { base_revision: 0 })
    const met = await label(two, id, { ...ng("dent"), base_revision: 0 })
    expect(met).toMatchObject({ revision: 2, met: { outcome: "disputed", verdict: "ok", kinds: [] } })
    expect(hub.hub.labelling.current()).toEqual([])
    const queue = await read(reviewer, "/api/reviews")
    expect(queue.items).toMatchObject([{ why: "disputed", state: "unreviewed", inspection: { id } }])
    const found: ReviewCase = await read(reviewer, `/api/reviews/${id}`)
    expect(found.revisions.map((r) => r.verdict)).toEqual(["ok", "ng"])
    const done = await review(reviewer, id, {
      revision: 2,
      outcome: "fixed",
      label: { verdict: "ok", kinds: [], boxes: [] },
    })
    expect(await done.json()).toMatchObject({ state: "fixed", why: null })
    expect(hub.hub.labelling.current()).toMatchObject([{ label: { verdict: "ok" } }])
    expect((await read(reviewer, "/api/reviews")).items).toEqual([])
  })

  test("who say the same agree, also when one of them was offline for long", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const [one, two] = [await hub.as("worker"), await hub.as("worker")]
    const task = (await next(one))!
    hub.clock.pass(3 * 60 * 60_000)
    await label(two, id, { ...ng("dent"), base_revision: 0 })
    const met = await label(one, id, { ...ng("dent"), base_revision: 0, lease_id: task.lease.id })
    expect(met.met?.outcome).toBe("agreed")
    expect(hub.hub.labelling.settled()).toBe(1)
  })

  test("a later word of the same person is no conflict, and a label made from the newest is none either", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const [one, two] = [await hub.as("worker"), await hub.as("worker")]
    await label(one, id, { base_revision: 0 })
    expect((await label(one, id, { ...ng("dent"), base_revision: 0 })).met).toBeUndefined()
    expect((await label(two, id, { ...ng("scratch"), base_revision: 2 })).met).toBeUndefined()
    expect(hub.hub.labelling.current()).toMatchObject([{ label: { kinds: ["scratch"] } }])
  })

  test("a dispute is not settled by a third label that fits one side of it", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const people = [await hub.as("worker"), await hub.as("worker"), await hub.as("worker")]
    await label(people[0]!, id, { base_revision: 0 })
    await label(people[1]!, id, { ...ng("dent"), base_revision: 0 })
    await label(people[2]!, id, { ...ng("dent"), base_revision: 0 })
    expect(hub.hub.labelling.settled()).toBe(0)
  })
})

describe("presence", () => {
  test("tells who is on which part, and forgets them with their lease or their screen", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const [worker, reviewer] = [await hub.as("worker"), await hub.as("reviewer")]
    const heard: string[] = []
    hub.hub.events.listen("test", ({ type }) => void heard.push(type))
    await next(worker)
    await reviewer.post("/api/labelling/presence", { inspection_id: id })
    expect((await read(worker, "/api/labelling/presence")).items).toMatchObject([
      { inspection_id: id, doing: "labelling", by: { id: worker.userId } },
      { inspection_id: id, doing: "looking", by: { id: reviewer.userId } },
    ])
    expect(heard).toEqual(["presence", "presence"])
    hub.clock.pass(60_000)
    expect((await read(worker, "/api/labelling/presence")).items).toHaveLength(1)
    hub.clock.pass(5 * 60_000)
    expect((await read(worker, "/api/labelling/presence")).items).toEqual([])
  })
})

describe("a review", () => {
  test("takes a share of the labels, and a reviewer accepts, fixes or sends back", async () => {
    const hub = await start({ review: 1 })
    const ids = storeParts(hub, 3)
    const [worker, reviewer] = [await hub.as("worker"), await hub.as("reviewer")]
    for (const id of ids) await label(worker, id)
    const [a = "", b = "", c = ""] = ids
    expect((await read(reviewer, "/api/reviews/waiting")).sample).toBe(3)
    expect((await review(worker, a, { revision: 1, outcome: "accepted" })).status).toBe(403)
    const accept = { id: crypto.randomUUID(), inspection_id: a, revision: 1, outcome: "accepted" }
    expect(await (await reviewer.post("/api/reviews", accept)).json()).toMatchObject({ state: "accepted" })
    expect((await reviewer.post("/api/reviews", accept)).status).toBe(200)
    expect((await reviewer.post("/api/reviews", { ...accept, inspection_id: b })).status).toBe(409)
    const fixed = { revision: 1, outcome: "fixed", label: { ...ng("dent"), boxes: [] } }
    expect(await (await review(reviewer, b, fixed)).json()).toMatchObject({ state: "fixed", why: null })
    expect((await review(reviewer, c, { revision: 1, outcome: "sent_back", reason: " " })).status).toBe(400)
    const back = { revision: 1, outcome: "sent_back", reason: "Look at the left edge" }
    expect(await (await review(reviewer, c, back)).json()).toMatchObject({ state: "sent_back" })

    // Its author gets it first, with the reason; nobody else does, and nothing learns from it meanwhile.
    expect(hub.hub.labelling.settled()).toBe(2)
    expect(await next(await hub.as("worker"))).toBeNull()
    expect(await next(await hub.as("reviewer"))).toBeNull()
    const task = (await next(worker))!
    expect(task).toMatchObject({
      reason: "sent_back",
      inspection: { id: c, label: { verdict: "ok" } },
      returned: { reason: "Look at the left edge" },
    })
    await label(worker, c, { ...ng("scratch"), lease_id: task.lease.id, base_revision: 1 })
    expect((await read(reviewer, "/api/reviews")).items).toMatchObject([
      { why: "again", inspection: { id: c } },
    ])
    expect(hub.hub.labelling.settled()).toBe(3)
    const { reviews } = (await read(reviewer, `/api/reviews/${c}`)) as ReviewCase
    expect(reviews).toMatchObject([{ outcome: "sent_back", reason: "Look at the left edge" }])
    expect(() => hub.hub.db.exec("UPDATE label_review SET reason = ''")).toThrow("append-only")
  })

  test("is of what was seen: a label that has changed since is not reviewed, nor one's own", async () => {
    const hub = await start({ review: 1 })
    const [id = ""] = storeParts(hub, 1)
    const [worker, reviewer] = [await hub.as("worker"), await hub.as("reviewer")]
    await label(worker, id)
    await label(worker, id, ng("dent"))
    const stale = await review(reviewer, id, { revision: 1, outcome: "accepted" })
    expect([stale.status, (await stale.json()).key]).toEqual([409, "review_stale"])
    await label(reviewer, id, { ...ng("scratch"), base_revision: 2 })
    const own = await review(reviewer, id, { revision: 3, outcome: "accepted" })
    expect([own.status, (await own.json()).key]).toEqual([409, "review_own"])
  })

  test("of an unsure label has to say what the part is", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const [worker, reviewer] = [await hub.as("worker"), await hub.as("reviewer")]
    await label(worker, id, { verdict: "unsure" })
    expect((await review(reviewer, id, { revision: 1, outcome: "accepted" })).status).toBe(409)
    expect((await read(reviewer, "/api/reviews")).items).toMatchObject([{ why: "unsure" }])
  })

  test("that a reviewer gives on the work screen counts as one", async () => {
    const hub = await start()
    const [id = ""] = storeParts(hub, 1)
    const [worker, reviewer] = [await hub.as("worker"), await hub.as("reviewer")]
    await label(worker, id, { verdict: "unsure" })
    const task = (await next(reviewer))!
    await label(reviewer, id, { lease_id: task.lease.id, base_revision: 1 })
    expect(await read(reviewer, `/api/reviews/${id}`)).toMatchObject({ state: "fixed", why: null })
  })
})

describe("a second person", () => {
  test("judges without seeing the first one's label or the model's opinion; when both agree, the label counts", async () => {
    const hub = await start({ second: 1, blind_to_model: true, counts: "consensus" })
    const [id = ""] = storeParts(hub, 1)
    const [one, two] = [await hub.as("worker"), await hub.as("worker")]
    const first = (await next(one))!
    await label(one, id, { ...ng("scratch"), boxes: [box("scratch", 0)], lease_id: first.lease.id })
    expect(hub.hub.labelling.settled()).toBe(0)
    expect(await next(one)).toBeNull()
    const task = (await next(two))!
    expect(task.inspection).toMatchObject({ id, label: null, verdict: { eval: "undefined" }, findings: [] })
    expect((await read(two, `/api/inspections/${id}`)).label).toBeNull()
    await label(two, id, { ...ng("scratch"), boxes: [box("scratch", 3)], lease_id: task.lease.id })
    expect(hub.hub.labelling.settled()).toBe(1)
    const { items } = await read(one, `/api/inspections/${id}/labels`)
    expect(items).toHaveLength(1)
  })

  test("who differs brings the part to a reviewer, who sees both; taking it back ends that", async () => {
    const hub = await start({ second: 1 })
    const [id = ""] = storeParts(hub, 1)
    const [one, two, reviewer] = [await hub.as("worker"), await hub.as("worker"), await hub.as("reviewer")]
    await label(one, id)
    const task = (await next(two))!
    await label(two, id, { ...ng("dent"), lease_id: task.lease.id })
    expect(hub.hub.labelling.settled()).toBe(0)
    const found: ReviewCase = await read(reviewer, `/api/reviews/${id}`)
    expect(found).toMatchObject({ why: "second", seconds: [{ by: { id: two.userId }, kinds: ["dent"] }] })
    await label(two, id, { verdict: "withdrawn" })
    expect(hub.hub.labelling.settled()).toBe(1)
    expect((await read(reviewer, "/api/reviews")).items).toEqual([])
    await label(two, id, { ...ng("dent"), lease_id: task.lease.id })
    const fixed = { revision: 1, outcome: "fixed", label: { ...ng("dent"), boxes: [] } }
    expect((await review(reviewer, id, fixed)).status).toBe(200)
    expect(hub.hub.labelling.current()).toMatchObject([
      { label: { kinds: ["dent"] }, labelledBy: reviewer.userId },
    ])
  })

  test("is asked for at the stations it was set for alone", async () => {
    const shares = { review: 0, second: 1, blind_to_model: false }
    const hub = await start({ stations: { "cam-2": shares } })
    const [id = ""] = storeParts(hub, 1)
    await label(await hub.as("worker"), id)
    expect(await next(await hub.as("worker"))).toBeNull()
  })

  test("what counts as learned is what the plan says: the newest, the reviewed, or the agreed", async () => {
    const hub = await start()
    const ids = storeParts(hub, 2)
    const [worker, reviewer, engineer] = [
      await hub.as("worker"),
      await hub.as("reviewer"),
      await hub.as("engineer"),
    ]
    for (const id of ids) await label(worker, id)
    await review(reviewer, ids[0]!, { revision: 1, outcome: "accepted" })
    const plan = await read(engineer, "/api/labelling/checks")
    const settled = async (counts: string) => {
      await engineer.send("PUT", "/api/labelling/checks", { ...plan, counts })
      const { training, golden } = await frozenSets(hub)
      return training.samples.length + golden.samples.length
    }
    expect([await settled("latest"), await settled("reviewed"), await settled("consensus")]).toEqual([
      2, 1, 1,
    ])
    expect((await reviewer.send("PUT", "/api/labelling/checks", plan)).status).toBe(403)
  })
})

describe("a part with a known answer", () => {
  test("comes like every other part, is answered like one, and changes nothing but the figures", async () => {
    const hub = await start({ known: 0.5 })
    const [known = "", ...rest] = storeParts(hub, 31)
    const [worker, other, reviewer] = [
      await hub.as("worker"),
      await hub.as("worker"),
      await hub.as("reviewer"),
    ]
    await label(other, known, ng("scratch"))
    const set = await reviewer.send("PUT", `/api/known-parts/${known}`, ng("scratch"))
    expect(set.status).toBe(204)
    const [before] = hub.hub.labelling.current()
    const shapes = new Set<string>()
    const receipts = new Set<string>()
    let asked: LabelTask | undefined
    let judged = 0
    for (; judged < rest.length && !asked; judged++) {
      const task = (await next(worker))!
      const look = task.inspection.id === known
      const full = JSON.stringify(Object.entries(task).map(([k, x]) => [k, Object.keys(Object(x)).sort()]))
      shapes.add(full)
      const kept = await label(worker, task.inspection.id, { lease_id: task.lease.id, base_revision: 0 })
      receipts.add(JSON.stringify([Object.keys(kept).sort(), kept.revision, kept.duplicate]))
      const seen = await read(worker, `/api/inspections/${task.inspection.id}`)
      expect(seen.label).toMatchObject({ verdict: "ok", kinds: [], revision: 1 })
      const { items } = await read(worker, `/api/inspections/${task.inspection.id}/labels`)
      expect(items).toMatchObject([{ verdict: "ok", by: { id: worker.userId } }])
      expect(Object.keys(items[0]).sort().join()).toBe(
        "accepted,active_ms,boxes,by,criteria,decided_at,id,inspection_id,kinds,revision,shown_at,stored_at,verdict",
      )
      if (look) asked = task
    }
    expect(asked).toBeDefined()
    expect(shapes.size).toBe(1)
    expect(receipts.size).toBe(1)
    // The part's label stands, and nobody learns from the answer.
    const after = hub.hub.labelling.current().filter((part) => part.inspectionId === known)
    expect(after).toEqual([before!])
    expect(await read(reviewer, `/api/inspections/${known}`)).toMatchObject({ label: { verdict: "ng" } })
    expect((await read(reviewer, "/api/known-parts")).items).toMatchObject([
      { asked: 1, right: 0, kinds: ["scratch"] },
    ])
    expect((await read(worker, "/api/labelling/stats")).mine_today).toBe(judged)
    // The same person is not asked again the same day, and undo takes the answer back.
    await label(worker, known, { verdict: "withdrawn" })
    expect((await read(reviewer, "/api/known-parts")).items).toMatchObject([{ asked: 0 }])
    expect((await worker.send("PUT", `/api/known-parts/${known}`, ng("dent"))).status).toBe(403)
  })

  test("is never pushed on somebody whose queue is empty, and its picture is not given up", async () => {
    const hub = await start({ known: 0.5 })
    const [known = ""] = storeParts(hub, 1)
    await label(await hub.as("worker"), known)
    const reviewer = await hub.as("reviewer")
    await reviewer.send("PUT", `/api/known-parts/${known}`, { verdict: "ok", kinds: [] })
    const worker = await hub.as("worker")
    for (let i = 0; i < 12; i++) expect(await next(worker)).toBeNull()
    expect((await reviewer.send("DELETE", `/api/known-parts/${known}`)).status).toBe(204)
    expect((await reviewer.send("DELETE", `/api/known-parts/${known}`)).status).toBe(404)
  })

  test("of one's own comes back blind after a while", async () => {
    const hub = await start({ repeat: 0.5 })
    const [own = "", ...rest] = storeParts(hub, 41)
    const worker = await hub.as("worker")
    await label(worker, own, ng("dent"))
    hub.clock.pass(2 * 60 * 60_000)
    let again: LabelTask | undefined
    for (let i = 0; i < rest.length && !again; i++) {
      const task = (await next(worker))!
      if (task.inspection.id === own) again = task
      await label(worker, task.inspection.id, { lease_id: task.lease.id, base_revision: 0 })
    }
    expect(again?.inspection.label).toBeNull()
    const reviewer = await hub.as("reviewer")
    expect((await read(reviewer, `/api/inspections/${own}`)).label).toMatchObject({ kinds: ["dent"] })
  })
})
