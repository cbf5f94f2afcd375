import { describe, expect, test } from "bun:test"
import { readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { decodeFrame } from "#contract/cxf1"
import type { Sqlite } from "#platform/sqlite"
import { openSqlite } from "#platform/sqlite.bun"
import { type EncodedImage, type OutboxDeps, openOutbox } from "../../edge/outbox/outbox.ts"
import { prepareSchema } from "../../edge/schema.ts"
import { createHubClock } from "../../edge/uplink/hub-clock.ts"
import { draftOf, sha256, tempFolder, until } from "./support/kit.ts"

const none: ReadonlySet<string> = new Set()

/** `sync`: what becomes of the disk's syncs that nobody's thread waits for. */
type Given = Partial<Pick<OutboxDeps, "boot" | "quota" | "now" | "clockOffsetAt">> &
  Partial<Pick<Sqlite, "sync">>

async function openAt(
  root: string,
  { boot = "boot0001", quota = 1e9, now = Date.now, sync, ...more }: Given = {},
) {
  const opened = openSqlite(join(root, "edge.db"))
  const sqlite = sync ? { ...opened, sync } : opened
  prepareSchema(sqlite)
  const outbox = await openOutbox({ sqlite, folder: join(root, "outbox"), boot, quota, now, ...more })
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

    outbox.settle([{ id: draft.id, st: "later", retry_ms: 500 }])
    expect(outbox.next("oldest", none)).toBeUndefined()
    clock.at += 500
    expect(outbox.next("oldest", none)?.id).toBe(draft.id)

    outbox.settle([{ id: draft.id, st: "stored" }])
    expect(outbox.totals().depth).toBe(0)
    await until("the image is gone", () => files().length === 0)
  })

  test("sends a part that was put off even when the clock goes back a day meanwhile", async () => {
    const clock = { at: 1_000_000_000_000 }
    const { outbox } = await openAt(tempFolder(), { now: () => clock.at })
    const draft = draftOf("ng")
    outbox.add([{ draft, awaitsImage: false }])
    outbox.settle([{ id: draft.id, st: "later", retry_ms: 30_000 }])
    expect(outbox.next("oldest", none)).toBeUndefined()
    clock.at -= 24 * 3600 * 1000
    expect(outbox.next("oldest", none)?.id).toBe(draft.id)
    expect(outbox.next("newest", none)?.id).toBe(draft.id)
  })

  test("says of a part what became known of the clock since, of another start nothing", async () => {
    const root = tempFolder()
    const clock = createHubClock({ now: () => 1_000, monotonic: () => 0 })
    const first = await openAt(root, { clockOffsetAt: clock.offsetAt })
    const [old, fresh] = [draftOf("ok"), draftOf("ok")]
    first.outbox.add([{ draft: old, awaitsImage: false }])
    first.sqlite.close()
    const { outbox } = await openAt(root, { boot: "boot0002", clockOffsetAt: clock.offsetAt })
    clock.mark(1)
    outbox.add([{ draft: fresh, awaitsImage: false }])
    const said = async (id: string) => decodeFrame((await outbox.message(id))!).header.clock_offset_ms
    expect(await said(fresh.id)).toBeUndefined()
    clock.hear(7_201_000)
    expect(await said(fresh.id)).toBe(7_200_000)
    expect(await said(old.id)).toBeUndefined()
  })

  test("sends a picture's record once it is on disk as such, and keeps the picture until its leaving is", async () => {
    const disk = { syncs: [] as PromiseWithResolvers<void>[] }
    const waitForDisk = () => {
      const sync = Promise.withResolvers<void>()
      disk.syncs.push(sync)
      return sync.promise
    }
    const { outbox, files } = await openAt(tempFolder(), { sync: waitForDisk })
    const draft = draftOf("ng")
    outbox.add([{ draft, awaitsImage: true }])
    const attached = outbox.attach(draft.id, [image(10)])
    const first = await until("the sync of the record", () => disk.syncs[0])
    expect(outbox.next("oldest", none)).toBeUndefined()
    first.resolve()
    await attached
    expect(outbox.next("oldest", none)?.id).toBe(draft.id)

    outbox.settle([{ id: draft.id, st: "stored" }])
    const second = await until("the sync of its leaving", () => disk.syncs[1])
    expect(outbox.totals().depth).toBe(0)
    expect(files()).toHaveLength(1)
    second.resolve()
    await until("the image is gone", () => files().length === 0)
  })

  test("leaves the picture where it is when nobody can say whether its record has left", async () => {
    const refused: Promise<void>[] = []
    const root = tempFolder()
    const failing = () => {
      const sync = Promise.reject(new Error("EIO: i/o error, fdatasync"))
      refused.push(sync)
      return sync
    }
    const disk = { sync: async () => {} }
    const { outbox, files } = await openAt(root, { sync: () => disk.sync() })
    const [lost, kept] = [draftOf("ng"), draftOf("ng")]
    outbox.add([lost, kept].map((draft) => ({ draft, awaitsImage: true })))
    for (const { id } of [lost, kept]) await outbox.attach(id, [image(10)])
    disk.sync = failing
    outbox.settle([{ id: lost.id, st: "stored" }])
    await Promise.allSettled(refused)
    disk.sync = async () => {}
    outbox.settle([{ id: kept.id, st: "stored" }])
    await until("the other image is gone", () => files().length === 1)
    expect(files()[0]).toStartWith(lost.id)
    const again = await openAt(root, { boot: "boot0002" })
    expect(again.files()).toEqual([])
  })

  test("keeps what the hub refuses as a dead letter with its reason", async () => {
    const { outbox, sqlite, files } = await openAt(tempFolder())
    const draft = draftOf("ng")
    outbox.add([{ draft, awaitsImage: true }])
    await outbox.attach(draft.id, [image(10)])
    outbox.settle([{ id: draft.id, st: "bad", code: "schema" }])
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

  test("a record whose file is gone at the start goes without it, counted, and says so itself", async () => {
    const root = tempFolder()
    const first = await openAt(root)
    const draft = draftOf("ng")
    first.outbox.add([{ draft, awaitsImage: true }])
    await first.outbox.attach(draft.id, [image(5000)])
    first.sqlite.close()
    rmSync(join(root, "outbox", `${draft.id}~image`))

    const { outbox } = await openAt(root, { boot: "boot0002" })
    expect(outbox.shed()).toEqual({ lost_image: 1 })
    expect(outbox.totals().bytes).toBeLessThan(5000)
    const { header } = decodeFrame((await outbox.message(draft.id))!)
    expect(header.policy).toEqual({ why_sent: "ng", image: "none", no_image: "lost_image" })
  })

  test("what is given up goes in the documented order: OK pictures, thumbnails, audits, OK records, NG last", async () => {
    const { outbox } = await openAt(tempFolder(), { quota: 110_000 })
    const thumb = { ...draftOf("ok"), policy: { why_sent: "ok", image: "thumb" as const } }
    const first = [draftOf("ng"), thumb, draftOf("ok", "audit"), draftOf("ok")]
    outbox.add(first.map((draft) => ({ draft, awaitsImage: true })))
    for (const { id } of first) await outbox.attach(id, [image(20_000)])
    const order: string[] = []
    while (order.length < 7) {
      const draft = draftOf("ng")
      const before = outbox.shed()
      outbox.add([{ draft, awaitsImage: true }])
      await outbox.attach(draft.id, [image(20_000)])
      for (const [kind, count] of Object.entries(outbox.shed())) {
        const more = count - (before[kind] ?? 0)
        if (more > 0 && !order.includes(kind)) order.push(kind)
      }
      if (order.includes("ng_image")) break
    }
    expect(order).toEqual(["ok_image", "ok_thumb", "audit_image", "ok_row", "audit_row", "ng_image"])
  })

  test("counts what waits, what was refused and what was given up as the rows say, whatever happened", async () => {
    const { outbox, sqlite } = await openAt(tempFolder(), { quota: 60_000 })
    const draws = [3, 7, 1, 9, 4, 8, 2, 6, 5, 0]
    const ids: string[] = []
    for (let i = 0; i < 80; i++) {
      const draft = draftOf(i % 4 === 0 ? "ng" : "ok")
      ids.push(draft.id)
      outbox.add([{ draft, awaitsImage: i % 2 === 0 }])
      if (i % 2 === 0) await outbox.attach(draft.id, [image(3_000)])
      const id = ids[(i * draws[i % 10]!) % ids.length]!
      outbox.settle([{ id, st: (["stored", "bad", "later", "dup"] as const)[i % 4]!, retry_ms: 0 }])
      outbox.settle([{ id, st: "bad" }])
      const rows = sqlite
        .prepare<{ depth: number; dead: number; bytes: number }>(
          `SELECT count(*) FILTER (WHERE state <> 'dead') AS depth, count(*) FILTER (WHERE state = 'dead') AS dead,
             coalesce(sum(bytes) FILTER (WHERE state <> 'dead'), 0) AS bytes FROM outbox`,
        )
        .get()!
      const { depth, dead, bytes } = outbox.totals()
      expect({ depth, dead, bytes }).toEqual(rows)
    }
    expect(outbox.totals().dead).toBeGreaterThan(0)
    expect(outbox.sequence()).toEqual({ boot: "boot0001", seq: 80 })
  })

  test("the outbox of an older program goes on where it was", async () => {
    const root = tempFolder()
    const sqlite = openSqlite(join(root, "edge.db"))
    prepareSchema(sqlite)
    // What the program before this one had: no kind of picture, and its number.
    sqlite.exec("DROP INDEX outbox_picture")
    sqlite.exec("ALTER TABLE outbox DROP COLUMN image")
    sqlite.exec("DROP TABLE hourly_kept")
    const old = { ...draftOf("ok"), boot: "boot0000", seq: 1, parts: [] }
    sqlite
      .prepare(
        `INSERT INTO outbox (id, boot, seq, ts, rank, state, header, bytes)
         VALUES ($id, 'boot0000', 1, 1, 0, 'ready', $header, 700)`,
      )
      .run({ id: old.id, header: JSON.stringify({ ...old, policy: { why_sent: "ok", image: "thumb" } }) })
    sqlite.exec("PRAGMA user_version = 1")
    sqlite.close()
    const { outbox, sqlite: again } = await openAt(root)
    expect(outbox.next("oldest", none)?.id).toBe(old.id)
    expect(again.prepare("SELECT image FROM outbox").get()).toEqual({ image: "thumb" })
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
