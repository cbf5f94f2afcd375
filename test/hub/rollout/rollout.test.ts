import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import * as v from "valibot"
import { ModelView } from "#contract/registry"
import type { ActivationState, Desired } from "#contract/release"
import { HomeView, LoopView, RolloutView } from "#contract/rollout"
import { enrol, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { brightnessModel, partPicture } from "../support/models.ts"

// Each test starts processes of its own; on a busy machine that takes its time.
setDefaultTimeout(60_000)

let plant: TestHub
let engineer: Browser
const releases: { digest: string; manifest: string; release: number }[] = []

const wish = (device: string): Desired["lines"][string] | undefined =>
  plant.hub.fleet.desired(device)?.lines.main
const stations = ["cam-1", "cam-2", "cam-3"]

/** A station says how far it is with what it is told to run. */
async function report(device: string, state: ActivationState, reason?: string) {
  const desired = plant.hub.fleet.desired(device)
  const line = desired?.lines.main
  const before = plant.hub.fleet.get(device)?.reported?.slots.current
  const manifest = line?.manifest.sha256
  const running = state === "committed" && line && manifest
  const slot = running
    ? { line: "main", release: line.release, manifest, digest: manifest, since: 0 }
    : before
  await plant.hub.fleet.onReported(device, {
    v: 1,
    device,
    ts: 0,
    rev_seen: desired?.rev ?? 0,
    rev_applied: desired?.rev ?? 0,
    activation: { state, since: 0, ...(manifest && { manifest }), ...(reason && { reason }) },
    slots: slot ? { current: slot } : {},
    queue: { depth: 0, bytes: 0, oldest_ms: 0 },
    shed: {},
    latency: { p50_ms: 1, p99_ms: 1 },
    counts: { inspected: 0, ok: 0, ng: 0, undecidable: 0 },
  })
}
const order = async (id: string, verb: string) => engineer.post(`/api/rollouts/${id}/${verb}`)
const rollOut = async (n: number) =>
  v.parse(RolloutView, await (await engineer.post("/api/rollouts", { model: releases[n]!.digest })).json())
const read = async (id: string) =>
  v.parse(RolloutView, await (await engineer.get(`/api/rollouts/${id}`)).json())
const becomes = (id: string, state: RolloutView["state"]) =>
  until(`the rollout to be ${state}`, async () => {
    const view = await read(id)
    return view.state === state && view
  })
const told = (device: string, n: number) =>
  until(
    `${device} to be told release ${n + 1}`,
    () => wish(device)?.manifest.sha256 === releases[n]!.manifest,
  )

/** Brings a release to all stations, whatever was before. */
async function settle(n: number) {
  const { id } = await rollOut(n)
  await until("the end of the rollout", async () => {
    for (const device of stations)
      if (wish(device)?.manifest.sha256 === releases[n]!.manifest) await report(device, "committed")
    return (await read(id)).state === "finished"
  })
  return id
}

beforeAll(async () => {
  plant = await startTestHub()
  engineer = await plant.as("engineer")
  for (const verdict of ["ok", "ng"] as const)
    for (let n = 0; n < 8; n++) {
      const meta = {
        part_id: `${verdict}-${n}`,
        label: { verdict, kinds: verdict === "ng" ? ["dent"] : [], boxes: [] },
      }
      const picture = partPicture({ grey: 20 + n, square: verdict === "ng" })
      await engineer.post(`/api/golden?meta=${encodeURIComponent(JSON.stringify(meta))}`, picture)
    }
  for (const [i, kinds] of [["dent"], ["dent"], ["dent", "crack"]].entries()) {
    const answer = await engineer.post("/api/models", brightnessModel({ kinds, stamp: `release ${i}` }))
    const { digest } = v.parse(ModelView, await answer.json())
    await plant.hub.registry.idle()
    const approved = await engineer.post(`/api/models/${digest}/approve`)
    expect(approved.status).toBe(200)
    const release = plant.hub.registry.released(digest)!
    releases.push({ digest, manifest: release.manifest.sha256, release: release.release })
  }
  for (const device of stations) await enrol(plant, device)
})
afterAll(() => plant.stop())

describe("the first release", () => {
  test("goes to a canary, then to the rest, and becomes the champion", async () => {
    const { id, groups } = await rollOut(0)
    expect(groups).toBe(2)
    expect(stations.map((d) => wish(d)?.release)).toEqual([1, undefined, undefined])
    await report("cam-1", "committed")
    await told("cam-2", 0)
    await told("cam-3", 0)
    await report("cam-2", "committed")
    expect((await read(id)).state).toBe("running")
    await report("cam-3", "committed")
    const finished = await becomes(id, "finished")
    expect(finished.devices.every((d) => d.committed_at !== null)).toBe(true)
    const home = v.parse(HomeView, await (await engineer.get("/api/home")).json())
    expect(home.champion).toEqual({ digest: releases[0]!.digest, release: 1, line: "main" })
  })
})

describe("with a release on the line", () => {
  beforeEach(async () => {
    await settle(0)
  })

  test("a canary that rolls back halts the rollout and is put back", async () => {
    const { id } = await rollOut(1)
    const before = plant.hub.fleet.desired("cam-1")!.rev
    await report("cam-1", "rolled_back", "nan_output")
    const halted = await becomes(id, "halted")
    expect(halted.halt_reason).toEqual({ device: "cam-1", reason: "nan_output" })
    expect(wish("cam-1")?.release).toBe(1)
    expect(plant.hub.fleet.desired("cam-1")!.rev).toBeGreaterThan(before)
    expect(stations.slice(1).map((d) => wish(d)?.release)).toEqual([1, 1])
    expect(plant.hub.rollouts.champion("main")).toBe(releases[0]!.digest)
  })

  test("a failure in the second group puts the committed canary back as well", async () => {
    const { id } = await rollOut(1)
    await report("cam-1", "committed")
    await told("cam-2", 1)
    await report("cam-2", "failed", "preflight_score")
    await becomes(id, "halted")
    expect(stations.map((d) => wish(d)?.release)).toEqual([1, 1, 1])
  })

  test("a restart of the hub in the middle changes nothing", async () => {
    const { id } = await rollOut(1)
    await report("cam-1", "probation")
    await plant.restart()
    engineer = await plant.as("engineer")
    expect((await read(id)).state).toBe("running")
    expect(stations.map((d) => wish(d)?.release)).toEqual([2, 1, 1])
    await report("cam-1", "committed")
    await told("cam-2", 1)
    await report("cam-2", "committed")
    await report("cam-3", "committed")
    await becomes(id, "finished")
  })

  test("a pause holds the next group back until it is resumed", async () => {
    const { id } = await rollOut(1)
    expect((await order(id, "pause")).status).toBe(200)
    await report("cam-1", "committed")
    await until("the canary's commit", async () => (await read(id)).devices[0]?.committed_at)
    expect(wish("cam-2")?.release).toBe(1)
    await order(id, "resume")
    await told("cam-2", 1)
    expect((await order(id, "resume")).status).toBe(409)
  })

  test("a newer rollout supersedes one that still runs", async () => {
    const { id } = await rollOut(1)
    const next = await rollOut(2)
    expect((await read(id)).state).toBe("superseded")
    expect(next.state).toBe("running")
  })

  test("an operator takes a finished rollout back, and the line has its old champion again", async () => {
    const id = await settle(1)
    expect(plant.hub.rollouts.champion("main")).toBe(releases[1]!.digest)
    expect((await order(id, "rollback")).status).toBe(200)
    expect(stations.map((d) => wish(d)?.release)).toEqual([1, 1, 1])
    expect(plant.hub.rollouts.champion("main")).toBe(releases[0]!.digest)
    for (const device of stations) await report(device, "committed")
  })

  test("a station that is enrolled later gets the champion", async () => {
    await enrol(plant, "cam-9")
    await told("cam-9", 0)
    const revoked = await (await plant.as("admin")).send("DELETE", "/api/devices/cam-9")
    expect(revoked.ok).toBe(true)
  })

  test("a model without a release is not rolled out, and workers roll nothing out", async () => {
    const answer = await engineer.post("/api/rollouts", { model: "c".repeat(64) })
    expect(answer.status).toBe(409)
    const worker = await plant.as("worker")
    expect((await worker.post("/api/rollouts", { model: releases[0]!.digest })).status).toBe(403)
  })
})

test("a loop opens with the first label of an unknown kind and closes with the rollout that knows it", async () => {
  await settle(0)
  const loops = async () =>
    v.parse(v.object({ items: v.array(LoopView) }), await (await engineer.get("/api/loops")).json()).items
  expect(await loops()).toEqual([])
  const worker = await plant.as("worker")
  await engineer.post("/api/defect-classes", { key: "crack", names: { ko: "크랙", en: "Crack" } })
  const { storeParts } = await import("../support/parts.ts")
  const [part] = storeParts(plant, 1, () => ({ eval: "undecidable" }))
  const now = Date.now()
  const label = {
    id: crypto.randomUUID(),
    inspection_id: part,
    verdict: "ng",
    kinds: ["crack"],
    boxes: [],
    accepted: false,
    shown_at: now,
    decided_at: now,
    active_ms: 10,
  }
  expect((await worker.post("/api/labels", label)).status).toBe(201)
  const open = await until("the loop", async () => (await loops())[0])
  const view = plant.hub.labelling.current().find((p) => p.inspectionId === part)
  // The third model knows cracks and has its release already: only the rollout is missing.
  expect(open).toMatchObject({ kind: "crack", stage: "rollout", labels: 1, closed_at: null })
  expect(open.first_seen_at).toBe(view!.capturedAt)
  const id = await settle(2)
  const closed = await until("the closed loop", async () => (await loops()).find((l) => l.stage === "closed"))
  expect(closed).toMatchObject({ kind: "crack", model: releases[2]!.digest, rollout_id: id })
  expect(closed.loop_seconds).toBeCloseTo((closed.closed_at! - closed.first_seen_at) / 1000, 6)
  const home = v.parse(HomeView, await (await engineer.get("/api/home")).json())
  expect(home).toMatchObject({ loop: null, last_closed: { kind: "crack" }, labelled_today: 1 })
})
