import { afterAll, expect, test } from "bun:test"
import * as v from "valibot"
import { Enrolment, EnrolmentCode } from "#contract/fleet"
import { type Manifest, payloadTypes } from "#contract/release"
import { buildIndex } from "../../hub/delivery/chunk-index.service.ts"
import { startTestHub, type TestHub } from "../hub/support/hub.ts"
import { contractFor } from "../models/kit.ts"
import { tempFolder, until } from "./support/kit.ts"
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
  const made = await admin.post("/api/enrolment-codes", { device: "line-1", name: "Line 1" })
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

/** Signs a release of this model with the hub's own keys and puts all of it into the hub's store. */
async function release({ hub }: TestHub, model: Uint8Array) {
  const put = async (bytes: Uint8Array) => ({ sha256: await hub.blobs.put(bytes), size: bytes.length })
  const whole = await put(model)
  const index = await buildIndex({ blobs: hub.blobs }, whole.sha256)
  const manifest: Manifest = {
    v: 1,
    line: "main",
    release: 1,
    model: { ...whole, ...(index && { index }) },
    contract: contractFor(),
    checks: [],
    requires: { ram_mb: 1, disk_mb: 1 },
    budget: { p99_ms: 10_000 },
    floor: 1,
    provenance: {},
    created: Date.now(),
  }
  const signed = hub.keys.release.sign(payloadTypes.manifest, Buffer.from(JSON.stringify(manifest)))
  return put(Buffer.from(JSON.stringify(signed)))
}
