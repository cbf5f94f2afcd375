import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Guide } from "#contract/catalogue"
import { systemIds } from "../../../hub/platform/ids.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { newLabel, storeParts } from "../support/parts.ts"

type Person = Browser & { userId: string }
let hub: TestHub
let worker: Person
let reviewer: Person
let engineer: Person
beforeAll(async () => {
  hub = await startTestHub()
  worker = await hub.as("worker")
  reviewer = await hub.as("reviewer")
  engineer = await hub.as("engineer")
  await worker.post("/api/defect-classes", { key: "scratch", names: { ko: "긁힘", en: "Scratch" } })
  await engineer.post("/api/products", { key: "lid", names: { ko: "뚜껑", en: "Lid" } })
}, 60_000)
afterAll(() => hub.stop())

const publish = (ko: string, more: object = {}) =>
  reviewer.post("/api/criteria", {
    kind: "scratch",
    product: null,
    texts: { ko, en: ko === "" ? "" : `${ko} (en)` },
    change: "first",
    ...more,
  })
const guideOf = async (version?: number): Promise<Guide> =>
  (await worker.get(`/api/guide${version === undefined ? "" : `?version=${version}`}`)).json()

test("criteria are versions: a label keeps the one it was given by, and each can be read again", async () => {
  const [before, first, second] = storeParts(hub, 3)
  await worker.post("/api/labels", newLabel(before!))
  expect((await guideOf()).version).toBe(0)
  expect(await (await publish("1 mm까지 양품")).json()).toMatchObject({ version: 1, by: expect.any(String) })
  await worker.post("/api/labels", newLabel(first!))
  await publish("2 mm까지 양품", { change: "the customer agreed" })
  await publish("뚜껑은 엄격하게", { kind: null, product: "lid" })
  // A tablet that was away says what its person had seen; one that claims the future is not believed.
  await worker.post("/api/labels", newLabel(second!, { criteria: 1 }))
  await reviewer.post("/api/labels", newLabel(second!, { criteria: 99 }))
  const versions = async (id: string) => {
    const { items } = await (await worker.get(`/api/inspections/${id}/labels`)).json()
    return items.map((label: { criteria: number }) => label.criteria)
  }
  expect(await versions(before!)).toEqual([0])
  expect(await versions(first!)).toEqual([1])
  expect(await versions(second!)).toEqual([1, 3])
  const now = await guideOf()
  expect(now.criteria.map(({ version, texts }) => [version, texts.ko])).toEqual([
    [3, "뚜껑은 엄격하게"],
    [2, "2 mm까지 양품"],
  ])
  expect((await guideOf(1)).criteria).toMatchObject([{ version: 1, texts: { ko: "1 mm까지 양품" } }])
  expect((await worker.get("/api/guide?version=9")).status).toBe(404)
  await publish("", { change: "no longer needed" })
  expect((await guideOf()).criteria.map(({ kind }) => kind)).toEqual([null])
  const { items } = await (await worker.get("/api/criteria")).json()
  expect(items.map((c: { version: number }) => c.version)).toEqual([4, 3, 2, 1])
  expect(() => hub.hub.db.exec("UPDATE criterion SET change = 'x'")).toThrow("versions")
})

test("criteria are published by those who review, for what the catalogue has", async () => {
  const asked = { kind: null, product: null, texts: { ko: "가", en: "a" }, change: "x" }
  expect((await worker.post("/api/criteria", asked)).status).toBe(403)
  expect((await publish("가", { kind: "nothing" })).status).toBe(400)
  expect((await publish("가", { product: "nothing" })).status).toBe(400)
  expect((await publish("가", { change: " " })).status).toBe(400)
})

test("limit samples are parts' pictures; shown until they are retired, and kept whatever the disk says", async () => {
  const [id] = storeParts(hub, 1)
  const sample = {
    id: systemIds.uuid(),
    kind: "scratch",
    product: null,
    verdict: "ok",
    inspection_id: id!,
    box: [10, 10, 40, 40],
    notes: { ko: "가장 긴 양품", en: "The longest that is OK" },
  }
  for (let i = 0; i < 2; i++) expect((await reviewer.post("/api/limit-samples", sample)).status).toBe(201)
  expect((await worker.post("/api/limit-samples", sample)).status).toBe(403)
  expect((await reviewer.post("/api/limit-samples", { ...sample, verdict: "ng" })).status).toBe(409)
  const strange = { ...sample, id: systemIds.uuid(), inspection_id: systemIds.uuid() }
  expect((await reviewer.post("/api/limit-samples", strange)).status).toBe(404)
  const { samples } = await guideOf()
  const picture = hub.hub.inspections.get(id!).image!.sha256
  expect(samples).toMatchObject([{ id: sample.id, box: [10, 10, 40, 40], image: { sha256: picture } }])
  expect(hub.hub.guide.keeps([{ id: id!, sha256: picture }])).toEqual(new Set([id!]))
  expect(hub.hub.guide.keeps([{ id: "x", sha256: "y" }])).toEqual(new Set())
  expect((await reviewer.send("DELETE", `/api/limit-samples/${sample.id}`)).status).toBe(204)
  expect((await guideOf()).samples).toEqual([])
  expect(hub.hub.guide.keeps([{ id: id!, sha256: picture }])).toEqual(new Set([id!]))
})

test("a class or product is deprecated, never deleted, and labels that name it are still taken", async () => {
  const patch = {
    active: false,
    color: "c3",
    severity: "critical",
    names: { ko: "긁힌 자국", en: "Scratch" },
  }
  expect((await worker.send("PATCH", "/api/defect-classes/scratch", patch)).status).toBe(403)
  const heard: string[] = []
  const deaf = hub.hub.events.listen("test", ({ type }) => void heard.push(type))
  const changed = await reviewer.send("PATCH", "/api/defect-classes/scratch", patch)
  deaf()
  expect(await changed.json()).toMatchObject({ key: "scratch", icon: "unknown", ...patch })
  expect(heard).toEqual(["catalogue"])
  expect((await reviewer.send("PATCH", "/api/defect-classes/none", { active: false })).status).toBe(404)
  expect((await reviewer.send("PATCH", "/api/products/lid", { active: false })).status).toBe(403)
  const lid = await engineer.send("PATCH", "/api/products/lid", { active: false })
  expect(await lid.json()).toMatchObject({ key: "lid", active: false, names: { en: "Lid" } })
  // A tablet that was away gave this verdict while the class was still offered.
  const [id] = storeParts(hub, 1)
  const late = newLabel(id!, { verdict: "ng", kinds: ["scratch"] })
  expect((await worker.post("/api/labels", late)).status).toBe(201)
  expect(hub.hub.audit.verify().brokenAt).toBeNull()
})
