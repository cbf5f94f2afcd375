import { afterEach, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as v from "valibot"
import { Enrolment } from "#contract/fleet"
import { openBlobs } from "#platform/blobs"
import { createInspectionStore } from "../../../hub/inspection/inspection.store.ts"
import { openSqlite } from "../../../hub/platform/sqlite.bun.ts"
import { connectDevice, frameOf, until } from "../support/device.ts"

const folders: string[] = []
afterEach(async () => {
  for (const path of folders.splice(0)) await rm(path, { recursive: true, force: true })
})

async function startHub(data: string) {
  const child = Bun.spawn(["bun", join(import.meta.dir, "killed-hub.child.ts"), data, "line-1"], {
    stdout: "pipe",
    stderr: "inherit",
  })
  const { value } = await child.stdout.getReader().read()
  return { child, enrolment: v.parse(Enrolment, JSON.parse(new TextDecoder().decode(value))) }
}

test("a hub killed in the middle of a stream has lost nothing it acknowledged, and stores nothing twice", async () => {
  const data = await mkdtemp(join(tmpdir(), "crux-killed-"))
  folders.push(data)
  const acknowledged = new Map<string, string>()
  const unanswered: ReturnType<typeof frameOf>[] = []
  let seq = 0
  for (let round = 0; round < 3; round++) {
    const { child, enrolment } = await startHub(data)
    const device = await connectDevice(enrolment)
    // What the last hub did not answer comes again, as a station would send it.
    const frames = [...unanswered.splice(0), ...Array.from({ length: 120 }, () => frameOf(++seq))]
    for (const { bytes } of frames) void device.sendBytes(bytes).catch(() => {})
    await until("some acks", () => device.acks().length >= 30 + round * 17)
    child.kill("SIGKILL")
    await child.exited
    await device.end()
    const acks = new Map(device.acks().map((ack) => [ack.id, ack.st]))
    for (const frame of frames) {
      const st = acks.get(frame.header.id)
      if (st === "stored" || st === "dup") acknowledged.set(frame.header.id, frame.header.parts[0]!.sha256)
      else unanswered.push(frame)
    }
  }
  expect(acknowledged.size).toBeGreaterThan(90)

  const db = openSqlite(join(data, "hub.db"))
  const blobs = await openBlobs({ dataDir: data })
  blobs.attach(createInspectionStore({ sqlite: db }).place)
  const rows = db
    .prepare<{ id: string; image_sha256: string }>("SELECT id, image_sha256 FROM inspection")
    .all()
  const stored = new Map(rows.map((row) => [row.id, row.image_sha256]))
  expect(stored.size).toBe(rows.length)
  for (const [id, sha256] of acknowledged) expect(stored.get(id)).toBe(sha256)
  for (const sha256 of stored.values()) expect(await blobs.verify(sha256)).toBe(true)
  expect(db.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" })
  db.close()
  await blobs.close()
}, 30_000)
