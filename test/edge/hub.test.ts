import { afterAll, expect, test } from "bun:test"
import { join } from "node:path"
import * as v from "valibot"
import { Enrolment, EnrolmentCode } from "#contract/fleet"
import { createLog } from "#platform/log"
import { openSqlite } from "#platform/sqlite.bun"
import { openOutbox } from "../../edge/outbox/outbox.ts"
import { prepareSchema } from "../../edge/schema.ts"
import { createLink } from "../../edge/uplink/link.ts"
import { createSender } from "../../edge/uplink/sender.ts"
import { systemIds } from "../../hub/platform/ids.ts"
import { enrol, noisePng } from "../hub/support/device.ts"
import { startTestHub } from "../hub/support/hub.ts"
import { release } from "../hub/support/release.ts"
import { draftOf, sha256, tempFolder, until } from "./support/kit.ts"
import { goodModel } from "./support/models.ts"
import { startStation } from "./support/station.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** A real hub and a station that enrolled there through the front door. */
async function plant() {
  const site = await startTestHub()
  cleanups.push(() => site.stop())
  const admin = await site.as("admin")
  const made = await admin.post("/api/enrolment-codes", {
    device: "line-1",
    name: "Line 1",
    pre_approved: true,
  })
  const { code } = v.parse(EnrolmentCode, await made.json())
  const answer = await admin.post("/api/enrol", { code, device: "line-1" })
  const identity = v.parse(Enrolment, await answer.json())
  const station = await startStation(tempFolder(), { identity: () => identity })
  cleanups.push(station.stop)
  return { site, admin, station, report: () => station.edge.reported() }
}

test("a station's parts arrive at a real hub, once each, and the hub sees it there", async () => {
  const { admin, station, report } = await plant()
  station.show(40, 6)
  await until("six parts at the hub", () => report().counts.inspected === 6 && report().queue.depth === 0)

  const page = (await (await admin.get("/api/inspections?limit=100")).json()) as {
    items: { part_id: string }[]
  }
  expect(page.items.map(({ part_id }) => part_id).toSorted()).toEqual(
    Array.from({ length: 6 }, (_, i) => `part-${i + 1}`),
  )
  const devices = (await (await admin.get("/api/devices")).json()) as {
    items: { id: string; presence: string }[]
  }
  expect(devices.items.find(({ id }) => id === "line-1")?.presence).toBe("online")
}, 30_000)

test("a real hub brings a model of many chunks onto the line, and hears of every step", async () => {
  const { site, station, report } = await plant()
  const manifest = await release(site, goodModel(1, 3_000_000))
  const probation = { parts: 3, max_minutes: 10, max_undecidable: 0.5, max_ng_shift: 1 }
  site.hub.fleet.setDesired("line-1", {
    lines: { main: { manifest, release: 1, action: "run", probation } },
    floor: {},
    sampling: { audit: 0, image_ok: "none" },
  })
  await until("probation", () => report().activation.state === "probation")
  station.show(26, 3)
  await until("commitment", () => report().activation.state === "committed")
  const known = () => site.hub.fleet.get("line-1")?.reported
  await until("the hub's knowledge of it", () => known()?.activation.state === "committed")
  expect(known()?.slots.current?.manifest).toBe(manifest.sha256)
}, 30_000)

test("a picture longer than a message arrives whole, over a lost connection too, beside the parts after it", async () => {
  const site = await startTestHub()
  cleanups.push(() => site.stop())
  const identity = await enrol(site, "line-2")
  const root = tempFolder()
  const sqlite = openSqlite(join(root, "edge.db"))
  prepareSchema(sqlite)
  const outbox = await openOutbox({
    sqlite,
    folder: join(root, "outbox"),
    boot: "boot0001",
    quota: 1e9,
    now: Date.now,
  })
  const log = createLog({ level: "error", subject: "test", write: () => {}, now: Date.now })
  let pieces = 0
  const link = createLink({
    identity,
    boot: "boot0001",
    software: "test",
    slots: () => ({}),
    randomHex: systemIds.random,
    random: () => 0,
    now: Date.now,
    log,
    handlers: {
      onUp: () => sender.onUp(),
      onDown: () => sender.onDown(),
      onDesired: () => {},
      onAck: (message) => sender.onAck(message),
      onSegmentAnswer: (answer) => sender.onSegmentAnswer(answer),
      onTrigger: () => {},
      onChunk: () => {},
      onHubState: (state) => sender.onHubState(state),
    },
  })
  const sender = createSender({
    outbox,
    send: (message) => link.post("inspection", message),
    deliverSegment: async (xfer, i, message) => {
      pieces += 1
      const taken = await link.deliver("segment", message, { xfer, i: String(i) })
      // In the middle of it somebody trips over the cable.
      if (pieces === 20) site.hub.fleet.replaced("line-2")
      return taken
    },
    onRefused: () => {},
    onDrained: () => {},
    log,
  })
  const bytes = new Uint8Array(12 * 1024 * 1024).map((_, i) => i * 17)
  bytes.set(noisePng(24, 16))
  const [long, short] = [draftOf("ng"), draftOf("ng")]
  outbox.add([long, short].map((draft) => ({ draft, awaitsImage: true })))
  for (const { id } of [long, short])
    await outbox.attach(id, [
      { name: "image", mime: "image/png", bytes: id === long.id ? bytes : noisePng(24, 16), w: 24, h: 16 },
    ])
  link.start()
  await until("an empty outbox", () => outbox.depth() === 0, 25_000)
  expect(outbox.shed()).toEqual({})
  expect(site.hub.inspections.get(long.id).image).toMatchObject({ size: bytes.length, sha256: sha256(bytes) })
  expect(site.hub.inspections.get(short.id).image).not.toBeNull()
  // 49 pieces; without going on where it was, it would have been 19 more.
  expect(pieces).toBeLessThan(49 + 15)
  await link.stop()
  sqlite.close()
}, 30_000)
