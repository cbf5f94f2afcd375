import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { LabelRevision } from "#contract/labelling"
import type {
  PartAction,
  PartCount,
  PartDeed,
  PartHistory,
  PartPage,
  PartPreview,
  PartView,
} from "#contract/parts"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel, storeParts } from "../support/parts.ts"

let hub: TestHub
let engineer: Browser & { userId: string }
let reviewer: Browser & { userId: string }
const json = async <T>(answer: Response | Promise<Response>) => {
  const got = await answer
  if (got.status >= 300) throw new Error(`${got.status} ${await got.text()}`)
  return (await got.json()) as T
}
const asked = (filter: string, more = "") => `filter=${encodeURIComponent(filter)}${more}`
const find = async (filter: string, who = reviewer) => {
  const ids: string[] = []
  let cursor = ""
  for (;;) {
    const page: PartPage = await json(who.get(`/api/parts?${asked(filter, `&limit=7${cursor}`)}`))
    ids.push(...page.items.map(({ inspection }) => inspection.id))
    if (page.next === null) return ids
    cursor = `&cursor=${page.next}`
  }
}
const refusal = async (answer: Response) => ({
  status: answer.status,
  ...((await answer.json()) as { key: string; params: Record<string, unknown> }),
})

/** Sixty parts of three stations, two products and four lots, oldest first. */
const ids: string[] = []
const begin = new Date(2026, 10, 1, 8).getTime()
const hour = 3_600_000
beforeAll(async () => {
  hub = await startTestHub()
  engineer = await hub.as("engineer")
  reviewer = await hub.as("reviewer")
  for (const key of ["dent", "scratch"])
    await engineer.post("/api/defect-classes", { key, names: { ko: key, en: key } })
  const { db } = hub.hub
  const store = createInspectionStore({ sqlite: db })
  for (const device of ["cam-a", "cam-b", "press-1"])
    db.exec(
      `INSERT INTO device (id, name, enrolled_at, secret_hash) VALUES ('${device}', '${device}', 0, '')`,
    )
  db.transaction(() => {
    for (let i = 0; i < 60; i++) {
      const id = systemIds.uuid()
      const header = {
        v: 1 as const,
        id,
        boot: `boot0000${i % 3}`,
        seq: i + 1,
        ts: begin + i * hour,
        part_id: `SN-${String(i >> 1).padStart(3, "0")}`,
        product_id: i % 4 === 0 ? "cap" : "ring",
        job_id: `L${i % 4}`,
        verdict: {
          eval: i % 5 === 0 ? ("ng" as const) : ("ok" as const),
          score: i / 60,
          t_low: 0.4,
          t_high: 0.6,
        },
        findings: i % 5 === 0 ? [{ kind: "dent", score: 0.8 }] : [],
        model: { line: "main", release: 1, digest: (i < 30 ? "ab12" : "cd34").padEnd(64, "0") },
        policy: { why_sent: "all", image: "full" as const },
        parts: [
          {
            name: "main",
            mime: "image/png" as const,
            len: 100,
            sha256: systemIds.random(32).slice(0, 64).padEnd(64, "0"),
            w: 64,
            h: 48,
          },
        ],
      }
      store.insert({
        header,
        headerText: JSON.stringify(header),
        device: ["cam-a", "cam-b", "press-1"][i % 3]!,
        receivedAt: header.ts + 50,
      })
      ids.push(id)
    }
  })
  await reviewer.post("/api/labels", newLabel(ids[0]!, { verdict: "ng", kinds: ["scratch"] }))
  await reviewer.post("/api/labels", newLabel(ids[5]!, { verdict: "ng", kinds: ["dent", "scratch"] }))
  await reviewer.post("/api/labels", newLabel(ids[7]!))
  await engineer.post("/api/reviews", {
    id: systemIds.uuid(),
    inspection_id: ids[0],
    revision: 1,
    outcome: "accepted",
  })
})
afterAll(() => hub.stop())

/** What a filter should find, worked out by hand from how the parts were made; newest first. */
const expected = (is: (i: number) => boolean) => ids.filter((_, i) => is(i)).reverse()

describe("parts", () => {
  test("are found by each thing that can be asked, newest first, each once", async () => {
    const cases: [filter: string, is: (i: number) => boolean][] = [
      ["", () => true],
      ["station:cam-a", (i) => i % 3 === 0],
      ["station:cam-*", (i) => i % 3 < 2],
      ["-station:cam-a", (i) => i % 3 !== 0],
      ["product:cap", (i) => i % 4 === 0],
      ["lot:L1,L2", (i) => i % 4 === 1 || i % 4 === 2],
      ["lot:L*", () => true],
      ["part:SN-003", (i) => i >> 1 === 3],
      ["part:SN-00*", (i) => i >> 1 < 10],
      ["part:*3", (i) => (i >> 1) % 10 === 3],
      ["verdict:ng", (i) => i % 5 === 0],
      ["found:dent", (i) => i % 5 === 0],
      ["found:none", (i) => i % 5 !== 0],
      ["score>0.5", (i) => i / 60 > 0.5],
      ["score:0.25..0.5", (i) => i / 60 >= 0.25 && i / 60 <= 0.5],
      ["label:any", (i) => [0, 5, 7].includes(i)],
      ["label:ng", (i) => [0, 5].includes(i)],
      ["label:ok", (i) => i === 7],
      ["label:dent", (i) => i === 5],
      ["label:scratch -label:dent", (i) => i === 0],
      ["-label:scratch verdict:ng", (i) => i % 5 === 0 && ![0, 5].includes(i)],
      ["label:none station:cam-b verdict:ok", (i) => i % 3 === 1 && i % 5 !== 0 && i !== 7],
      ["by:reviewer*", (i) => [0, 5, 7].includes(i)],
      ["reviewer:engineer*", (i) => i === 0],
      ["is:reviewed", (i) => i === 0],
      ["model:ab12", (i) => i < 30],
      ["model:ab12 lot:L3", (i) => i < 30 && i % 4 === 3],
      ["queue:none", (i) => [0, 5, 7].includes(i)],
      ["queue:ng", (i) => i % 5 === 0 && ![0, 5].includes(i)],
      ["time:2026-11-02", (i) => i >= 16 && i < 40],
      ["time:2026-11-02 station:press-1", (i) => i >= 16 && i < 40 && i % 3 === 2],
      ["sn-01", (i) => i >> 1 >= 10 && i >> 1 < 20],
      ['"N-02" verdict:ng', (i) => i >> 1 >= 20 && i % 5 === 0],
      ["dataset:none product:cap", (i) => i % 4 === 0],
    ]
    for (const [filter, is] of cases) {
      expect([filter, await find(filter)]).toEqual([filter, expected(is)])
      const count = await json<PartCount>(reviewer.get(`/api/parts/count?${asked(filter)}`))
      expect([filter, count]).toEqual([filter, { count: expected(is).length, more: false }])
    }
  })

  test("that come while somebody turns pages neither repeat nor hide one", async () => {
    const first = await json<PartPage>(reviewer.get(`/api/parts?${asked("lot:L1", "&limit=5")}`))
    storeParts(hub, 3)
    const rest = await json<PartPage>(
      reviewer.get(`/api/parts?${asked("lot:L1", `&limit=50&cursor=${first.next}`)}`),
    )
    const all = [...first.items, ...rest.items].map(({ inspection }) => inspection.id)
    expect(all).toEqual(expected((i) => i % 4 === 1))
  })

  test("of a filter that is not understood are refused with the place of the word", async () => {
    expect(await refusal(await reviewer.get(`/api/parts?${asked("verdict:ng lod:A")}`))).toMatchObject({
      status: 400,
      key: "parts_filter_field",
      params: { at: 11, length: 5, word: "lod" },
    })
    expect(await refusal(await reviewer.get(`/api/parts?${asked("station:cam-z")}`))).toMatchObject({
      key: "parts_filter_value",
      params: { at: 0, word: "cam-z" },
    })
  })

  test("are no worker's business, and a filter is a value, never SQL", async () => {
    const worker = await hub.as("worker")
    expect((await worker.get("/api/parts")).status).toBe(403)
    expect(await find(`"x' OR 1=1 --"`)).toEqual([])
    expect(await find(`part:"SN-' UNION SELECT"`)).toEqual([])
  })

  test("go out as a table that no spreadsheet computes", async () => {
    const text = await (await reviewer.get(`/api/parts/table?${asked("label:any")}`)).text()
    const lines = text.trim().split("\r\n")
    expect(lines).toHaveLength(4)
    expect(lines[1]).toContain(`${ids[7]!},`)
    expect(lines[3]).toContain(",ng,scratch,")
  })
})

describe("kept views", () => {
  test("are one's own until they are shared, and only their owner or an engineer changes them", async () => {
    const id = systemIds.uuid()
    const view = { name: "NG of A", filter: "station:cam-a verdict:ng", look: "table", shared: false }
    await json<PartView>(reviewer.send("PUT", `/api/parts/views/${id}`, view))
    const seen = async (who: Browser) =>
      (await json<{ items: PartView[] }>(who.get("/api/parts/views"))).items.map((one) => one.id)
    expect([await seen(reviewer), await seen(engineer)]).toEqual([[id], []])
    expect((await engineer.send("PUT", `/api/parts/views/${id}`, view)).status).toBe(403)
    await json(reviewer.send("PUT", `/api/parts/views/${id}`, { ...view, shared: true }))
    expect(await seen(engineer)).toEqual([id])
    const other = await hub.as("reviewer")
    expect((await other.send("DELETE", `/api/parts/views/${id}`)).status).toBe(403)
    expect((await engineer.send("DELETE", `/api/parts/views/${id}`)).status).toBe(204)
    expect(await seen(reviewer)).toEqual([])
    const odd = await refusal(
      await reviewer.send("PUT", `/api/parts/views/${id}`, { ...view, filter: "score>x" }),
    )
    expect(odd.key).toBe("parts_filter_score")
  })
})

describe("a bulk action", () => {
  const done = (who: Browser, { id }: PartAction): Promise<PartAction> =>
    until("the end of the action", async () => {
      const now = await json<PartAction>(who.get(`/api/parts/actions/${id}`))
      return (now.state === "done" || now.state === "undone") && now
    })
  const preview = (who: Browser, deed: PartDeed, filter: string) =>
    json<PartPreview>(who.post("/api/parts/actions/preview", { deed, choice: { of: "filter", filter } }))
  const act = async (who: Browser, deed: PartDeed, filter: string, id = systemIds.uuid()) =>
    done(
      who,
      await json<PartAction>(who.post("/api/parts/actions", { id, deed, choice: { of: "filter", filter } })),
    )
  const undo = async (who: Browser, id: string) =>
    done(who, await json<PartAction>(who.post(`/api/parts/actions/${id}/undo`)))

  test("is shown before it happens, happens once however often it is sent, and is taken back", async () => {
    const deed: PartDeed = { kind: "label", verdict: "ng", kinds: ["dent"] }
    const filter = "lot:L0 verdict:ng"
    const meant = expected((i) => i % 4 === 0 && i % 5 === 0)
    const before = await preview(reviewer, deed, filter)
    expect(before).toMatchObject({
      parts: meant.length,
      changes: meant.length - 1,
      skips: { labelled: 1 },
      too_many: false,
    })
    expect(before.sample.map(({ id }) => id).sort()).toEqual(meant.filter((id) => id !== ids[0]).sort())
    expect(await find("label:dent")).toEqual([ids[5]!])

    const id = systemIds.uuid()
    const first = await act(reviewer, deed, filter, id)
    expect(first).toMatchObject({
      state: "done",
      parts: meant.length,
      changed: meant.length - 1,
      by: { id: reviewer.userId },
    })
    expect(await act(reviewer, deed, filter, id)).toEqual(first)
    expect(await find(`label:dent ${filter}`)).toEqual(meant.filter((one) => one !== ids[0]))
    const { items } = await json<{ items: LabelRevision[] }>(
      reviewer.get(`/api/inspections/${ids[20]}/labels`),
    )
    expect(items.map(({ verdict, by }) => [verdict, by.id])).toEqual([["ng", reviewer.userId]])
    expect(
      (
        await refusal(
          await engineer.post("/api/parts/actions", { id, deed, choice: { of: "filter", filter } }),
        )
      ).key,
    ).toBe("parts_action_id")

    // Somebody says otherwise meanwhile: that stays.
    await engineer.post("/api/labels", newLabel(ids[20]!, { base_revision: 1 }))
    const back = await undo(reviewer, id)
    expect(back).toMatchObject({ state: "undone", kept: 1 })
    expect(await find(`label:dent ${filter}`)).toEqual([])
    expect(await find(`label:any ${filter}`)).toEqual([ids[20]!, ids[0]!])
  })

  test("puts parts first, and they are the next that people get", async () => {
    const filter = "part:SN-029"
    const action = await act(reviewer, { kind: "queue", place: "first" }, filter)
    expect(action.changed).toBe(2)
    const worker = await hub.as("worker")
    const { inspection, reason } = await json<{ inspection: { id: string }; reason: string }>(
      worker.post("/api/labelling/next", {}),
    )
    expect([reason, expected((i) => i >> 1 === 29).includes(inspection.id)]).toEqual(["wanted", true])
    await undo(reviewer, action.id)
    expect(await find("queue:wanted")).toEqual([])
    expect(await find(`${filter} queue:any`)).toHaveLength(2)
  })

  test("takes parts out of the queue, and back in", async () => {
    const action = await act(reviewer, { kind: "queue", place: "out" }, "lot:L2 verdict:ok score<0.2")
    expect(action.changed).toBeGreaterThan(0)
    expect(await find("lot:L2 verdict:ok score<0.2 queue:any")).toEqual([])
    await undo(reviewer, action.id)
    expect(await find("lot:L2 verdict:ok score<0.2 queue:ok")).toHaveLength(action.changed)
  })

  test("keeps pictures, for engineers", async () => {
    const deed: PartDeed = { kind: "hold", reason: "claim 17" }
    const choice = { of: "ids", ids: [ids[3], ids[4]] }
    expect((await reviewer.post("/api/parts/actions", { id: systemIds.uuid(), deed, choice })).status).toBe(
      403,
    )
    const action = await done(
      engineer,
      await json<PartAction>(engineer.post("/api/parts/actions", { id: systemIds.uuid(), deed, choice })),
    )
    expect(action).toMatchObject({ changed: 2, filter: null })
    expect(await find("is:held")).toEqual([ids[4]!, ids[3]!])
    await undo(engineer, action.id)
    expect(await find("is:held")).toEqual([])
  })

  test("puts labelled parts on one side of the wall, never over it", async () => {
    const golden = await act(engineer, { kind: "dataset", side: "golden" }, "label:scratch")
    expect(golden.changed).toBe(2)
    // A serial number stands on one side with all its looks.
    expect(await find("is:golden")).toEqual(expected((i) => [0, 1, 4, 5].includes(i)))
    const other = await preview(engineer, { kind: "dataset", side: "training" }, "label:any")
    expect(other.skips).toMatchObject({ other_side: 2 })
    await act(engineer, { kind: "dataset", side: "out" }, `part:SN-003 label:ok`)
    await json(engineer.post("/api/datasets"))
    expect((await find("dataset:golden")).sort()).toEqual([ids[5]!, ids[0]!].sort())
    expect(await find("dataset:any part:SN-003")).toEqual([])
    // A version stands on it now: it cannot be taken back.
    expect(await undo(engineer, golden.id)).toMatchObject({ state: "undone", kept: 2 })
    expect(await find("dataset:g1")).toHaveLength(2)
  })

  test("takes up parts that have just come, each with what it was itself", async () => {
    const { db } = hub.hub
    const fresh = await storeParts(hub, 3)
    const forget = () =>
      db.exec(`DELETE FROM part_fact WHERE n IN (SELECT n FROM inspection WHERE id = '${fresh[1]}')`)
    // One that no question has been told of yet stands between two others, when it is done and when it is taken back.
    const choice = { of: "ids", ids: fresh } as const
    const deed: PartDeed = { kind: "queue", place: "first" }
    const waits = () =>
      fresh.map((id) => db.prepare("SELECT queue_reason FROM inspection WHERE id = $id").get({ id }))
    await find("")
    const before = waits()
    forget()
    const id = systemIds.uuid()
    const started = await json<PartAction>(reviewer.post("/api/parts/actions", { id, deed, choice }))
    expect(await done(reviewer, started)).toMatchObject({ parts: 3, changed: 3 })
    forget()
    expect(await undo(reviewer, id)).toMatchObject({ state: "undone" })
    expect(waits()).toEqual(before)
  })

  test("goes on after the hub was stopped in the middle", async () => {
    const id = systemIds.uuid()
    const deed = { kind: "queue", place: "first" } as const
    const numbers = hub.hub.db
      .prepare<{ n: number }>("SELECT n FROM inspection WHERE part_id LIKE 'SN-02%'")
      .all()
    hub.hub.db.exec(`INSERT INTO part_action (id, deed, asked, user_id, at, state)
      VALUES ('${id}', '${JSON.stringify(deed)}', '', '${reviewer.userId}', 1, 'running')`)
    for (const { n } of numbers)
      hub.hub.db.exec(
        `INSERT INTO part_action_item (action, inspection_n, state) VALUES ('${id}', ${n}, 'todo')`,
      )
    await hub.restart()
    const action = await done(reviewer, await json<PartAction>(reviewer.get(`/api/parts/actions/${id}`)))
    expect(action.state).toBe("done")
    expect(await find("queue:wanted")).toHaveLength(action.changed)
    expect(action.changed).toBeGreaterThan(15)
  })
})

test("one part's page tells every look, label, review, set and action of it", async () => {
  const history = await json<PartHistory>(reviewer.get(`/api/parts/${ids[0]}`))
  expect(history).toMatchObject({
    part_id: "SN-000",
    product_id: "cap",
    golden: true,
    split: "golden",
    more: false,
  })
  // Parts 0 and 1 have one serial number, and two products.
  expect(history.looks.map(({ inspection }) => inspection.id)).toEqual([ids[0]!])
  const [look] = history.looks
  expect(look).toMatchObject({ lot: "L0", standing: "accepted", waits: null })
  expect(look?.labels.map(({ verdict, by }) => [verdict, by.id])).toEqual([["ng", reviewer.userId]])
  expect(look?.reviews.map(({ outcome, by }) => [outcome, by.id])).toEqual([["accepted", engineer.userId]])
  expect(look?.datasets.map(({ name, split }) => [name, split])).toEqual([["g1", "golden"]])
  expect(look?.deeds.map(({ kind }) => kind)).toContain("dataset")
  expect(history.judged_by.map(({ digest }) => digest.slice(0, 4))).toEqual(["ab12"])
  expect((await reviewer.get(`/api/parts/${systemIds.uuid()}`)).status).toBe(404)
})
