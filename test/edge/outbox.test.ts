import { describe, expect, test } from "bun:test"
import { readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { decodeFrame } from "#contract/cxf1"
import { openSqlite } from "#platform/sqlite.bun"
import { type EncodedImage, openOutbox } from "../../edge/outbox/outbox.ts"
import { prepareSchema } from "../../edge/schema.ts"
import { draftOf, sha256, tempFolder } from "./support/kit.ts"

const none: ReadonlySet<string> = new Set()

async function openAt(root: string, { boot = "boot0001", quota = 1e9, now = Date.now } = {}) {
  const sqlite = openSqlite(join(root, "edge.db"))
  prepareSchema(sqlite)
  const outbox = await openOutbox({ sqlite, folder: join(root, "outbox"), boot, quota, now })
  return { sqlite, outbox, files: () => readdirSync(join(root, "outbox")) }
}

function image(size: number): EncodedImage {
  return { name: "image", mime: "image/jpeg", bytes: new Uint8Array(size).fill(7), w: 8, h: 8 }
}

describe("the outbox", () => {
  test("numbers the parts of a boot without gaps and sends what was stored, byte for byte", async () => {
    const { outbox } = await openAt(tempFolder())
    const drafts = [draftOf("ok"), draftOf("ng"), draftOf("undecidable")]
    outbox.add(drafts.map((draft) => ({ draft, awaitsImage: draft.verdict.eval === "ng" })))
    await outbox.attach(drafts[1]!.id, [image(1000)])

    const frames = await Promise.all(drafts.map(async ({ id }) => decodeFrame((await outbox.message(id))!)))
    expect(frames.map((frame) => [frame.header.boot, frame.header.seq])).toEqual([
      ["boot0001", 1],
      ["boot0001", 2],
      ["boot0001", 3],
    ])
    expect(frames[1]!.header.parts[0]!.sha256).toBe(sha256(image(1000).bytes))
    expect(frames[1]!.parts[0]).toEqual(image(1000).bytes)
  })

  test("does not send a part whose image is still being encoded", async () => {
    const { outbox } = await openAt(tempFolder())
    const draft = draftOf("ng")
    outbox.add([{ draft, awaitsImage: true }])
    expect(outbox.next("oldest", none)).toBeUndefined()
    await outbox.attach(draft.id, [image(10)])
    expect(outbox.next("oldest", none)?.id).toBe(draft.id)
  })

  test("lets a part go only when the hub says stored or dup", async () => {
    const clock = { at: 1_000_000 }
    const { outbox, files } = await openAt(tempFolder(), { now: () => clock.at })
    const draft = draftOf("ng")
    outbox.add([{ draft, awaitsImage: true }])
    await outbox.attach(draft.id, [image(10)])

    outbox.settle({ id: draft.id, st: "later", retry_ms: 500 })
    expect(outbox.next("oldest", none)).toBeUndefined()
    clock.at += 500
    expect(outbox.next("oldest", none)?.id).toBe(draft.id)

    outbox.settle({ id: draft.id, st: "stored" })
    expect(outbox.totals().depth).toBe(0)
    expect(files()).toEqual([])
  })

  test("keeps what the hub refuses as a dead letter with its reason", async () => {
    const { outbox, sqlite, files } = await openAt(tempFolder())
    const draft = draftOf("ng")
    outbox.add([{ draft, awaitsImage: true }])
    await outbox.attach(draft.id, [image(10)])
    outbox.settle({ id: draft.id, st: "bad", code: "schema" })
    expect(outbox.next("oldest", none)).toBeUndefined()
    expect(sqlite.prepare("SELECT state, code FROM outbox").get()).toEqual({ state: "dead", code: "schema" })
    expect(files()).toHaveLength(1)
  })

  test("gives up OK images first, then OK records, and NG parts last, and counts each", async () => {
    const { outbox } = await openAt(tempFolder(), { quota: 36_000 })
    const kinds = [
      draftOf("ng"),
      draftOf("ok"),
      draftOf("ok", "audit"),
      draftOf("ok"),
      draftOf("undecidable"),
    ]
    outbox.add(kinds.map((draft) => ({ draft, awaitsImage: true })))
    for (const { id } of kinds) await outbox.attach(id, [image(9_000)])

    expect(outbox.shed()).toEqual({ ok_image: 2 })
    const headers = await Promise.all(
      kinds.map(async ({ id }) => decodeFrame((await outbox.message(id))!).header),
    )
    expect(headers.map((header) => [header.parts.length, header.policy.image])).toEqual([
      [1, "full"],
      [0, "none"],
      [1, "full"],
      [0, "none"],
      [1, "full"],
    ])
  })

  test("never grows beyond its quota, whatever comes", async () => {
    const quota = 50_000
    const { outbox } = await openAt(tempFolder(), { quota })
    for (let i = 0; i < 60; i++) {
      const draft = draftOf(i % 3 === 0 ? "ng" : "ok")
      outbox.add([{ draft, awaitsImage: true }])
      await outbox.attach(draft.id, [image(4_000)])
      expect(outbox.totals().bytes).toBeLessThanOrEqual(quota)
    }
    expect(outbox.shed().ng_image).toBeGreaterThan(0)
    expect(outbox.shed().ng_row).toBeUndefined()
  })

  test("goes on after a power cut: unfinished images become records without one, stray files go", async () => {
    const root = tempFolder()
    const first = await openAt(root)
    const [finished, unfinished] = [draftOf("ng"), draftOf("ng")]
    first.outbox.add([
      { draft: finished, awaitsImage: true },
      { draft: unfinished, awaitsImage: true },
    ])
    await first.outbox.attach(finished.id, [image(10)])
    writeFileSync(join(root, "outbox", `${unfinished.id}~image`), "half")
    writeFileSync(join(root, "outbox", `${unfinished.id}~thumb.tmp`), "half")
    first.sqlite.close()

    const { outbox, files } = await openAt(root, { boot: "boot0002" })
    expect(outbox.totals().depth).toBe(2)
    expect(outbox.shed()).toEqual({ unfinished_image: 1 })
    expect(files()).toEqual([`${finished.id}~image`])
    const later = draftOf("ok")
    outbox.add([{ draft: later, awaitsImage: false }])
    const { header } = decodeFrame((await outbox.message(later.id))!)
    expect([header.boot, header.seq]).toEqual(["boot0002", 1])
  })

  test("sends a record whose stored image was damaged without it, and counts the loss", async () => {
    const root = tempFolder()
    const { outbox } = await openAt(root)
    const draft = draftOf("ng")
    outbox.add([{ draft, awaitsImage: true }])
    await outbox.attach(draft.id, [image(100)])
    writeFileSync(join(root, "outbox", `${draft.id}~image`), "something else")
    expect(decodeFrame((await outbox.message(draft.id))!).header.parts).toEqual([])
    expect(outbox.shed()).toEqual({ lost_image: 1 })
  })

  test("a data folder of a newer program is refused, not guessed at", () => {
    const sqlite = openSqlite(":memory:")
    sqlite.exec("PRAGMA user_version = 99")
    expect(() => prepareSchema(sqlite)).toThrow("version 99")
  })
})
