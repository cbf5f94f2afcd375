import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import type * as v from "valibot"
import type { DatasetFrozen, DatasetSample, DatasetVersion, FreezeState } from "#contract/dataset"
import { selfCommand } from "#models/child"
import { createAsker } from "#models/infer/asker"
import { loadSharp } from "#models/native"
import { createCalm } from "#platform/calm"
import { createLog } from "#platform/log"
import { createFreezer } from "../../../hub/dataset/freezer.ts"
import { createPrints } from "../../../hub/dataset/prints.ts"
import { noisePng, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { frozenSets, newLabel, storeParts, storePictures } from "../support/parts.ts"

type Frozen = v.InferOutput<typeof DatasetFrozen>
let hub: TestHub
let engineer: Browser & { userId: string }
let parts: string[] = []
const json = async <T>(answer: Response | Promise<Response>) => (await (await answer).json()) as T
const freeze = (body: object = {}) => json<Frozen>(engineer.post("/api/datasets", body))
const samples = async (digest: string) =>
  (await json<{ items: DatasetSample[] }>(engineer.get(`/api/datasets/${digest}/samples?limit=500`))).items
const state = () => json<FreezeState>(engineer.get("/api/datasets/freeze"))

beforeAll(async () => {
  // The real child: another process with a connection of its own.
  hub = await startTestHub({
    ports: {
      freezer: (database) => createAsker({ command: selfCommand("worker", "freeze", database) }),
    },
  })
  engineer = await hub.as("engineer")
  await engineer.post("/api/defect-classes", { key: "dent", names: { ko: "dent", en: "dent" } })
  parts = storeParts(hub, 40)
  for (const [i, id] of parts.entries())
    await engineer.post("/api/labels", newLabel(id, i % 4 === 0 ? { verdict: "ng", kinds: ["dent"] } : {}))
}, 60_000)
afterAll(() => hub.stop())

/** Gives parts directions, as the background would after it has looked at their pictures. */
function look(of: readonly string[], vectorOf: (i: number) => Int8Array): void {
  const { db } = hub.hub
  db.exec("INSERT OR IGNORE INTO embedding_space (id, name, low, high, made) VALUES (1, 'test', 1, 0, 1)")
  const number = db.prepare<{ n: number }>("SELECT n FROM inspection WHERE id = $id")
  const put = db.prepare("INSERT OR REPLACE INTO embedding VALUES (1, $n, $vector)")
  for (const [i, id] of of.entries())
    put.run({ n: number.get({ id })!.n, vector: new Uint8Array(vectorOf(i).buffer) })
}
const own = (i: number) =>
  Int8Array.from({ length: 256 }, (_, j) => ((i * 7919 + j * 104_729 + i * j * 31) % 201) - 100)

describe("a version", () => {
  test("made by the child is the one the hub itself would make, and is made once", async () => {
    const here = await frozenSets(hub)
    const first = await freeze()
    expect(first).toEqual({
      training: { digest: here.training.digest, fresh: false },
      golden: { digest: here.golden.digest, fresh: false },
      leaks: 0,
    })
    await engineer.post("/api/labels", newLabel(parts[1]!, { verdict: "ng", kinds: ["dent"] }))
    const [a, b] = await Promise.all([freeze(), freeze()])
    expect([a.training.digest, a.golden.digest]).toEqual([b.training.digest, b.golden.digest])
    expect([a.training.fresh || a.golden.fresh, b.training.fresh || b.golden.fresh]).toEqual([true, false])
    const version = await json<DatasetVersion>(engineer.get(`/api/datasets/${a.training.digest}`))
    expect(await samples(a.training.digest)).toHaveLength(version.samples)
    expect(await state()).toMatchObject({ state: "done" })
  })

  test("that was broken off is seen by nobody, and the next freeze makes it whole", async () => {
    await engineer.post("/api/labels", newLabel(parts[2]!, { verdict: "ng", kinds: ["dent"] }))
    const before = (await json<{ items: DatasetVersion[] }>(engineer.get("/api/datasets"))).items.length
    const { db, inspectionStore, labelling } = hub.hub
    const broken = createFreezer({ db, labels: labelling.current, judged: inspectionStore.judged })
    let step = broken.begin({ grouping: "part", near: "block", at: 1 })
    // As far as some rows of the first version, and no further.
    for (let n = 0; n < 1 && step.state === "working"; n++) step = broken.step()
    expect(step.state).toBe("working")
    expect((await json<{ items: DatasetVersion[] }>(engineer.get("/api/datasets"))).items).toHaveLength(
      before,
    )
    const frozen = await freeze()
    expect(frozen.training.fresh || frozen.golden.fresh).toBe(true)
    const all = [...(await samples(frozen.training.digest)), ...(await samples(frozen.golden.digest))]
    expect(all).toHaveLength(40)
    expect((await freeze()).training.fresh).toBe(false)
  })

  test("is not made while pictures stand on both sides almost as they are; the pairs are shown, and decided on", async () => {
    const golden = (await samples((await freeze()).golden.digest))[0]!
    const training = (await samples((await freeze()).training.digest))[0]!
    look(parts, own)
    look([training.id], () => own(parts.indexOf(golden.id)))
    const refused = await engineer.post("/api/datasets", {})
    expect([refused.status, ((await refused.json()) as { key: string }).key]).toEqual([409, "freeze_near"])
    const blocked = await state()
    expect(blocked.state).toBe("blocked")
    expect(blocked.pairs).toEqual([{ golden: golden.image, other: training.image, similarity: 1 }])

    const without = await freeze({ near: "leave_out" })
    expect(without.leaks).toBe(1)
    expect((await samples(without.training.digest)).map(({ id }) => id)).not.toContain(training.id)
    const { leaks } = await json<DatasetVersion>(engineer.get(`/api/datasets/${without.training.digest}`))
    expect(leaks).toEqual([
      { image: training.image, other: golden.image, splits: ["golden", training.split], similarity: 1 },
    ])
    const allowed = await freeze({ near: "allow" })
    expect((await samples(allowed.training.digest)).map(({ id }) => id)).toContain(training.id)
  })

  test("does not take the same picture saved again for another one, whoever has looked at it", async () => {
    const sharp = await loadSharp()
    // Parts in a fixture: alike, and each with its own dirt.
    const scene = (seed: number) => {
      const pixels = Buffer.alloc(200 * 150)
      for (let y = 0; y < 150; y++)
        for (let x = 0; x < 200; x++)
          pixels[y * 200 + x] =
            120 +
            60 * Math.sin(x / 17) +
            30 * Math.sin(y / 11 + seed * 1.7) +
            25 * Math.sin((x + seed * 37) / 29)
      return sharp(pixels, { raw: { width: 200, height: 150, channels: 1 } })
    }
    const known = Array.from({ length: 24 }, (_, seed) => seed + 1)
    const upload = async (pool: "golden" | "references", part: string, bytes: Uint8Array) => {
      const meta = { part_id: part, label: { verdict: "ok", kinds: [], boxes: [] } }
      const at = `/api/${pool}?meta=${encodeURIComponent(JSON.stringify(meta))}`
      return (await json<{ image: string }>(engineer.post(at, bytes))).image
    }
    for (const seed of known)
      await upload("references", `fixture-${seed}`, await scene(seed).png().toBuffer())
    const again = await scene(5).resize(160).jpeg({ quality: 60 }).toBuffer()
    const golden = await upload("golden", "fixture-again", new Uint8Array(again))
    const other = await upload("golden", "fixture-other", new Uint8Array(await scene(77).png().toBuffer()))
    const refused = await engineer.post("/api/datasets", {})
    expect([refused.status, ((await refused.json()) as { key: string }).key]).toEqual([409, "freeze_near"])
    const { pairs } = await state()
    const own = createHash("sha256")
      .update(await scene(5).png().toBuffer())
      .digest("hex")
    expect(pairs.filter((pair) => pair.golden === golden).map((pair) => pair.other)).toEqual([own])
    expect(pairs.filter((pair) => pair.golden === other)).toEqual([])
    const { n } = hub.hub.db
      .prepare<{ n: number }>("SELECT count(*) AS n FROM picture_print WHERE print IS NOT NULL")
      .get()!
    expect(n).toBe(known.length + 2)
  })

  test("finds pictures looked at already: after labels have come that is done while nobody waits", async () => {
    const { db, freezes, events } = hub.hub
    const prints = () =>
      db.prepare<{ n: number }>("SELECT count(*) AS n FROM picture_print WHERE print IS NOT NULL").get()!.n
    const before = prints()
    const fresh = await storePictures(
      hub,
      Array.from({ length: 20 }, () => noisePng(40, 30)),
    )
    const log = createLog({ level: "error", subject: "test", write: () => {}, now: Date.now })
    const ahead = createPrints({
      look: freezes.lookAhead,
      events,
      calm: createCalm({ events }),
      log,
      quietMs: 1,
    })
    ahead.start(false)
    for (const id of fresh) await engineer.post("/api/labels", newLabel(id))
    await until("their prints", () => prints() === before + fresh.length)
    await ahead.stop()
    // Nothing is left for whoever freezes now.
    expect(await freezes.lookAhead()).toBe(0)
  })

  test("of lots parts no lot, and goes on doing so as the lot grows", async () => {
    const { db } = hub.hub
    const lots = storeParts(hub, 60)
    for (const [i, id] of lots.entries()) {
      db.exec(
        `UPDATE inspection SET part_id = 'Q-${i}', header = json_set(header, '$.job_id', 'L${i % 6}') WHERE id = '${id}'`,
      )
      if (i < 30) await engineer.post("/api/labels", newLabel(id))
    }
    const sides = async (frozen: Frozen) => {
      const of = new Map<number, Set<string>>()
      for (const digest of [frozen.training.digest, frozen.golden.digest])
        for (const { id, split } of await samples(digest)) {
          const i = lots.indexOf(id)
          if (i >= 0) of.set(i % 6, (of.get(i % 6) ?? new Set()).add(split))
        }
      return new Map([...of].map(([lot, splits]) => [lot, [...splits]]))
    }
    const first = await sides(await freeze({ grouping: "lot", near: "allow" }))
    expect([...first.values()].every((splits) => splits.length === 1)).toBe(true)
    for (const id of lots.slice(30)) await engineer.post("/api/labels", newLabel(id))
    expect(await sides(await freeze({ grouping: "lot", near: "allow" }))).toEqual(first)
  })

  test("is on its way beside other work: the hub answers before it is done", async () => {
    const going = freeze({ near: "allow" })
    await until("the freeze has begun", async () => (await state()).started_at !== null)
    expect((await engineer.get("/api/datasets")).status).toBe(200)
    await going
    expect(await state()).toMatchObject({ state: "done" })
  })
})
