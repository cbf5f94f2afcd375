import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { InspectionHeader } from "#contract/inspection"
import type { LabelTask } from "#contract/labelling"
import type { PreviewItem, QueueView } from "#contract/queue"
import { auditChance, parseStream, streamOf } from "../../../hub/inspection/stream.rules.ts"
import { usualWeights } from "../../../hub/labelling/value.rules.ts"
import { migrations } from "../../../hub/platform/migrations.ts"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel, storeParts } from "../support/parts.ts"

let hub: TestHub
let worker: Browser & { userId: string }
let engineer: Browser & { userId: string }
beforeAll(async () => {
  hub = await startTestHub({ config: { assist: { similar: false, encoded_mb: 2, blind_share: 0 } } })
  worker = await hub.as("worker")
  engineer = await hub.as("engineer")
}, 60_000)
afterAll(() => hub.stop())

/** Takes everything out of the queue and all leases away: one hub serves all tests of this file. */
function clear(): void {
  hub.hub.db.exec(
    "UPDATE inspection SET queue_reason = NULL, queue_rank = NULL, queue_stream = NULL; DELETE FROM label_lease",
  )
}
async function next(browser: Browser, holding: string[] = []): Promise<LabelTask | null> {
  const answer = await browser.post("/api/labelling/next", { holding })
  return answer.status === 204 ? null : answer.json()
}
async function drawnOf(browser: Browser): Promise<string[]> {
  const drawn: string[] = []
  for (;;) {
    const task = await next(browser, drawn)
    if (!task) return drawn
    drawn.push(task.inspection.id)
  }
}
const set = (line: string | null, weights: Partial<typeof usualWeights> | null, audit_share = 0) =>
  engineer.send("PUT", "/api/queue/policy", {
    line,
    weights: weights && { ...usualWeights, ...weights },
    audit_share,
  })

describe("the order of the queue", () => {
  test("goes by what an engineer says a part is worth, from the next draw on, and says why", async () => {
    clear()
    const evals = ["ok", "ng", "undecidable"] as const
    const [ok, ng, undecidable] = storeParts(hub, 3, (i) => ({ eval: evals[i]! }))
    expect(await drawnOf(worker)).toEqual([undecidable!, ng!, ok!])
    hub.hub.db.exec("DELETE FROM label_lease")
    expect((await set(null, { ng: 2, undecided: 0 })).status).toBe(200)
    const task = (await next(worker))!
    expect(task.inspection.id).toBe(ng!)
    expect(task.why?.shares[0]).toEqual({ part: "ng", share: 2 })
    expect(task.why?.value).toBeCloseTo(task.why!.shares.reduce((sum, { share }) => sum + share, 0))
    expect(task.why).not.toHaveProperty("chance")
    const drawn = hub.hub.db
      .prepare("SELECT inspection_id, user_id, policy, chance FROM label_draw WHERE lease_id = $id")
      .get({ id: task.lease.id })
    expect(drawn).toEqual({ inspection_id: ng!, user_id: worker.userId, policy: 1, chance: null })
    expect((await set(null, null)).status).toBe(200)
    expect((await (await engineer.get("/api/queue")).json()).policies).toMatchObject([
      { line: null, weights: usualWeights, version: 0 },
    ])
  })

  test("prefers the kinds that few labels show, and stops when there are enough", async () => {
    clear()
    const admin = await hub.as("admin")
    for (const key of ["common", "scarce"])
      await admin.post("/api/defect-classes", { key, names: { ko: "가", en: key } })
    const labelled = storeParts(hub, 30)
    for (const id of labelled)
      await worker.post("/api/labels", newLabel(id, { verdict: "ng", kinds: ["common"] }))
    const kinds = ["scarce", "common"]
    const [scarce, common] = storeParts(hub, 2, (i) => ({ kind: kinds[i]! }))
    const preview = await (await engineer.post("/api/queue/preview", {})).json()
    expect(preview.items.map((item: PreviewItem) => item.inspection.id)).toEqual([scarce, common])
    expect(preview.items[0].why.kind).toBe("scarce")
    expect(hub.hub.db.prepare("SELECT count(*) AS n FROM label_lease").get()).toEqual({ n: 0 })
  })

  test("has an order of its own for a line, and others keep theirs", async () => {
    clear()
    const [ngA, undecidableA, ngB, undecidableB] = storeParts(hub, 4, (i) => ({
      line: i < 2 ? "a" : "b",
      eval: i % 2 === 0 ? "ng" : "undecidable",
    }))
    await set("a", { ng: 2, undecided: 0 })
    expect(await drawnOf(worker)).toEqual([ngA!, undecidableB!, ngB!, undecidableA!])
    const view: QueueView = await (await engineer.get("/api/queue")).json()
    expect(view.policies.map(({ line }) => line)).toEqual([null, "a"])
    expect(view.lines).toEqual(expect.arrayContaining([{ line: "a", waiting: 2 }]))
    await set("a", null)
  })

  test("can let the oldest go first", async () => {
    clear()
    const minutes = 10 * 60_000
    const [old] = storeParts(hub, 1)
    hub.clock.pass(minutes)
    const [young] = storeParts(hub, 1)
    const order = async (age: number) => {
      const weights = { ...usualWeights, age }
      const { items } = await (
        await engineer.post("/api/queue/preview", { policy: { line: null, weights } })
      ).json()
      return items.map((item: PreviewItem) => item.inspection.id)
    }
    expect(await order(0)).toEqual([young, old])
    expect(await order(-0.5)).toEqual([young, old])
    expect(await order(0.5)).toEqual([old, young])
  })

  test("takes of parts worth the same the newest, whatever stream it stands in, but for those somebody gave back", async () => {
    clear()
    const ids = storeParts(hub, 7, (i) => ({ eval: "undecidable", line: `line-${i % 3}` }))
    const newest = ids.toReversed()
    const first = (await next(worker))!.inspection.id
    expect(first).toBe(newest[0]!)
    const given = { id: crypto.randomUUID(), inspection_id: first, reason: "picture" }
    expect((await worker.post("/api/labelling/skip", given)).status).toBe(204)
    expect(await drawnOf(worker)).toEqual(newest.slice(1))
    expect(await drawnOf(await hub.as("worker"))).toEqual([first])
  })

  test("is known anew when a stream opens or closes, and not otherwise", async () => {
    clear()
    const { db, inspectionStore: store } = hub.hub
    const keys = () => store.openStreams().streams.map(({ key }) => key)
    const [a, b] = storeParts(hub, 2, (i) => ({ eval: i === 0 ? "ng" : "undecidable" }))
    const known = store.openStreams()
    storeParts(hub, 1, () => ({ eval: "ng" }))
    expect(store.openStreams()).toBe(known)
    const before = keys()
    // What a transaction saw that came to nothing was never so, also when the next one does as much.
    const close = (id: string, then: () => void) =>
      db.transaction(() => {
        store.setQueue(id, null)
        expect(keys()).toHaveLength(1)
        then()
      })
    const fail = () => {
      throw new Error("nothing of it")
    }
    expect(() => close(b!, fail)).toThrow("nothing of it")
    expect(keys()).toEqual(before)
    close(b!, () => {})
    expect(keys()).toEqual(before.filter((key) => parseStream(key).reason === "ng"))
    store.setQueue(a!, null)
    const counted = db
      .prepare(
        "SELECT key ->> '$[2]' AS look, key ->> '$[1]' AS reason, sum(waiting) AS waiting FROM queue_stream GROUP BY 1, 2",
      )
      .all()
    expect<unknown>(store.waiting()).toEqual(counted)
  })

  test("is set by engineers, seen by those who review, and of no concern to workers", async () => {
    expect((await worker.get("/api/queue")).status).toBe(403)
    expect((await worker.post("/api/queue/preview", {})).status).toBe(403)
    const reviewer = await hub.as("reviewer")
    expect((await reviewer.get("/api/queue")).status).toBe(200)
    const asked = { line: null, weights: usualWeights }
    expect((await reviewer.send("PUT", "/api/queue/policy", asked)).status).toBe(403)
    const tooMuch = { line: null, weights: { ...usualWeights, ng: 3 } }
    expect((await engineer.send("PUT", "/api/queue/policy", tooMuch)).status).toBe(400)
  })

  test("keeps second looks from workers, and one's own from oneself", async () => {
    clear()
    const reviewer = await hub.as("reviewer")
    const [mine, theirs] = storeParts(hub, 2)
    await reviewer.post("/api/labels", newLabel(mine!, { verdict: "unsure" }))
    await worker.post("/api/labels", newLabel(theirs!, { verdict: "unsure" }))
    expect(await next(worker)).toBeNull()
    expect(await drawnOf(reviewer)).toEqual([theirs!])
    expect((await next(reviewer, [theirs!]))?.inspection.id).toBeUndefined()
  })
})

describe("the random slice", () => {
  test("is drawn as parts come in, with its probability on record, and is worth the same whatever a model says", async () => {
    clear()
    await set(null, {}, 1)
    const [id] = storeParts(hub, 1, () => ({ eval: "ng", throughHub: true }))
    const task = (await next(worker))!
    expect(task).toMatchObject({
      inspection: { id },
      reason: "audit",
      why: { chance: 1, shares: [{ part: "audit" }] },
    })
    const { chance } = hub.hub.db
      .prepare<{ chance: number }>("SELECT chance FROM label_draw WHERE lease_id = $id")
      .get({ id: task.lease.id })!
    expect(chance).toBe(1)
    await set(null, null)
  })

  test("falls by the part's id: the same part falls the same way, and the share is what was asked for", () => {
    const header = (id: string): InspectionHeader =>
      ({ id, policy: { why_sent: "ng", image: "full" } }) as InspectionHeader
    const ids = Array.from(
      { length: 4_000 },
      (_, i) => `00000000-0000-7000-8000-${String(i).padStart(12, "0")}`,
    )
    const drawn = ids.filter((id) => auditChance(header(id), 0.1, () => null).hub)
    expect(drawn.length).toBeGreaterThan(320)
    expect(drawn.length).toBeLessThan(480)
    expect(ids.filter((id) => auditChance(header(id), 0.1, () => null).hub)).toEqual(drawn)
    expect(auditChance(header(ids[0]!), 0, () => 0.3)).toEqual({ hub: false, probability: null })
    const audited = { ...header(ids[0]!), policy: { why_sent: "audit", image: "full" } } as InspectionHeader
    expect(auditChance(audited, 0, () => 0.3)).toEqual({ hub: false, probability: 0.3 })
  })
})

describe("the slices", () => {
  const drawOf = (lease: string) =>
    hub.hub.db
      .prepare<{ slice: string; chance: number | null }>(
        "SELECT slice, chance FROM label_draw WHERE lease_id = $lease",
      )
      .get({ lease })
  const drawMany = async (count: number): Promise<LabelTask[]> => {
    const held: LabelTask[] = []
    for (let i = 0; i < count; i++)
      held.push(
        (await next(
          worker,
          held.map(({ inspection }) => inspection.id),
        ))!,
      )
    return held
  }

  test("random checks have their share of the draws although other parts are worth more", async () => {
    clear()
    hub.hub.db.exec("DELETE FROM label_draw")
    await set(null, {}, 1)
    const audits = new Set(storeParts(hub, 8, () => ({ eval: "ng", throughHub: true })))
    await set(null, null)
    storeParts(hub, 40, () => ({ eval: "undecidable" }))
    const drawn = await drawMany(20)
    const slices = drawn.map(({ lease }) => drawOf(lease.id)!)
    expect(slices.filter(({ slice }) => slice === "audit")).toHaveLength(3)
    for (const [i, { inspection }] of drawn.entries()) {
      expect(slices[i]!.slice === "audit").toBe(audits.has(inspection.id))
      expect(slices[i]!.chance).toBe(audits.has(inspection.id) ? 1 : null)
    }
  })

  test("so have kinds with few labels, and an engineer may change or end both", async () => {
    clear()
    hub.hub.db.exec("DELETE FROM label_draw")
    const none = { audit: 0, rare: 0 }
    const asked = { line: null, weights: { ...usualWeights, ng: 0, rare: 0 }, audit_share: 0 }
    const put = (floors: object) => engineer.send("PUT", "/api/queue/policy", { ...asked, floors })
    const answer = await put({ audit: 0.1, rare: 0.25 })
    expect((await answer.json()).floors).toEqual({ audit: 0.1, rare: 0.25 })
    storeParts(hub, 4, () => ({ eval: "ng", kind: "scarce" }))
    storeParts(hub, 20)
    const drawn = await drawMany(8)
    expect(drawn.map(({ why }) => why?.slice === "rare")).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
      false,
      true,
    ])
    // Who says nothing of the shares leaves them as they are.
    await set(null, { ng: 0, rare: 0 })
    expect((await (await engineer.get("/api/queue")).json()).floors).toEqual({ audit: 0.1, rare: 0.25 })
    expect((await put({ audit: 0.6, rare: 0 })).status).toBe(400)
    await put(none)
    hub.hub.db.exec("DELETE FROM label_draw; DELETE FROM label_lease")
    for (const { why } of await drawMany(8)) expect(why?.slice).toBeUndefined()
    await set(null, null)
    expect((await (await engineer.get("/api/queue")).json()).floors).toEqual({ audit: 0.15, rare: 0.1 })
  })
})

describe("parts picked for how they look", () => {
  const numberOf = (id: string) =>
    hub.hub.db.prepare<{ n: number }>("SELECT n FROM inspection WHERE id = $id").get({ id })!.n
  const spread = (picks: [string, number][]) =>
    hub.hub.inspectionStore.spread("", new Map(picks.map(([id, step]) => [numberOf(id), step])))

  test("come before parts that are worth as much, and are like all others once others are picked", async () => {
    clear()
    const [first, second, third] = storeParts(hub, 3)
    spread([
      [first!, 3],
      [second!, 1],
    ])
    expect(await drawnOf(worker)).toEqual([first!, second!, third!])
    hub.hub.db.exec("DELETE FROM label_lease")
    spread([[second!, 3]])
    const task = (await next(worker))!
    expect(task.inspection.id).toBe(second!)
    expect(task.why?.shares.map(({ part }) => part)).toContain("coverage")
    hub.hub.db.exec("DELETE FROM label_lease")
    spread([])
    expect(await drawnOf(worker)).toEqual([third!, second!, first!])
    const counted = hub.hub.db.prepare<{ n: number }>("SELECT sum(waiting) AS n FROM queue_stream").get()
    expect(counted).toEqual({ n: 3 })
  })

  test("are never random checks, and no part that has been judged", async () => {
    clear()
    await set(null, {}, 1)
    const [audit] = storeParts(hub, 1, () => ({ eval: "ng", throughHub: true }))
    await set(null, null)
    const [unsure] = storeParts(hub, 1)
    await worker.post("/api/labels", newLabel(unsure!, { verdict: "unsure" }))
    const streams = () => hub.hub.db.prepare("SELECT key FROM queue_stream ORDER BY key").all()
    const before = streams()
    spread([
      [audit!, 3],
      [unsure!, 3],
    ])
    expect(streams()).toEqual(before)
  })
})

describe("an older database", () => {
  test("finds its waiting parts in the streams that the rules name, and their numbers with them", () => {
    const db = openSqlite(":memory:")
    const at = migrations.findIndex(({ name }) => name.endsWith("_queue"))
    for (const { sql } of migrations.slice(0, at)) db.exec(sql)
    db.exec("INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ('cam', 'Cam', 0, '')")
    db.exec("INSERT INTO defect_class VALUES ('burr', '{}', 'burr', 'c1', 'major', 1, 0)")
    const insert = db.prepare(
      `INSERT INTO inspection (id, device_id, boot, seq, captured_at, received_at, eval, header, label_revision,
         queue_reason, queue_rank) VALUES ($id, 'cam', 'b', $seq, 0, 0, $eval, $header, $revision, $reason, 0)`,
    )
    const finding = (kind: string, score: number) => ({ kind, score })
    const cases: [object, "ng" | "ok" | "undecidable", "ng" | "audit" | "unsure_label" | "undecidable"][] = [
      [{ score: 0.9, t_low: 0.4, t_high: 0.6 }, "ng", "ng"],
      [{ score: 0.61, t_low: 0.4, t_high: 0.6 }, "ng", "unsure_label"],
      [{ score: 0.1, t_low: 0.4, t_high: 0.6 }, "ok", "audit"],
      [{ score: 0.5 }, "undecidable", "undecidable"],
      [{ score: 0.5 }, "ng", "ng"],
      [{}, "ng", "ng"],
      [{ score: 0.2 }, "ok", "unsure_label"],
    ]
    const wanted = cases.map(([verdict, evaluation, reason], seq) => {
      const header = {
        id: `p${seq}`,
        verdict: { eval: evaluation, ...verdict },
        findings: [finding("burr", 0.5), finding(seq % 2 ? "nobody-knows" : "burr", seq % 3 ? 0.9 : 0.5)],
        ...(seq > 2 && { model: { line: "main", release: 1, digest: "d" } }),
      } as unknown as InspectionHeader
      const labelled = reason === "unsure_label"
      const text = JSON.stringify(header)
      insert.run({
        id: header.id,
        seq,
        eval: evaluation,
        header: text,
        revision: labelled ? 1 : null,
        reason,
      })
      return streamOf(header, reason, labelled, (kind) => kind === "burr")
    })
    db.exec(migrations[at]!.sql)
    const found = db
      .prepare<{ queue_stream: string }>("SELECT queue_stream FROM inspection ORDER BY seq")
      .all()
    expect(found.map((row) => row.queue_stream)).toEqual(wanted)
    const counted = db.prepare<{ key: string; waiting: number }>("SELECT * FROM queue_stream").all()
    expect(counted.reduce((sum, { waiting }) => sum + waiting, 0)).toBe(cases.length)
    expect(counted.map(({ key }) => parseStream(key).look).sort()).toEqual(expect.arrayContaining([1, 2]))
    db.close()
  })
})
