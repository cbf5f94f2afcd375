import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import * as v from "valibot"
import { ModelView } from "#contract/registry"
import { ShadowView } from "#contract/shadow"
import { tempFolder } from "../../edge/support/kit.ts"
import { startStation } from "../../edge/support/station.ts"
import { connectDevice, enrol, frameOf, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { brightnessModel, partPicture } from "../support/models.ts"

setDefaultTimeout(120_000)

let plant: TestHub
let engineer: Browser
let station: Awaited<ReturnType<typeof startStation>>
const digests: string[] = []

beforeAll(async () => {
  plant = await startTestHub()
  engineer = await plant.as("engineer")
  for (const verdict of ["ok", "ng"] as const)
    for (let n = 0; n < 8; n++) {
      const label = { verdict, kinds: verdict === "ng" ? ["dent"] : [], boxes: [] }
      const meta = encodeURIComponent(JSON.stringify({ part_id: `${verdict}-${n}`, label }))
      await engineer.post(`/api/golden?meta=${meta}`, partPicture({ grey: 20 + n, square: verdict === "ng" }))
    }
  for (let i = 0; i < 2; i++) {
    const answer = await engineer.post("/api/models", brightnessModel({ kinds: ["dent"], stamp: `${i}` }))
    const { digest } = v.parse(ModelView, await answer.json())
    await plant.hub.registry.idle()
    expect((await engineer.post(`/api/models/${digest}/approve`)).status).toBe(200)
    digests.push(digest)
  }
  const identity = await enrol(plant, "cam-1")
  station = await startStation(tempFolder(), { identity: () => identity })
})
afterAll(async () => {
  await station?.stop()
  await plant?.stop()
})

const list = async () =>
  v.parse(
    v.array(ShadowView),
    ((await (await engineer.get("/api/shadows")).json()) as { items: unknown[] }).items,
  )
const assign = (device: string, model: string, share = 1, by = engineer) =>
  by.send("PUT", `/api/devices/${device}/shadow`, { model, share })

test("nothing can look on where nothing runs", async () => {
  const answer = await assign("cam-1", digests[1]!)
  expect(answer.status).toBe(409)
  expect(await answer.json()).toMatchObject({ key: "shadow_alone" })
})

test("a released model looks on at a real station, and the hub counts how often it differs", async () => {
  const probation = { parts: 3, max_minutes: 10 }
  expect((await engineer.post("/api/rollouts", { model: digests[0], probation })).status).toBe(201)
  await until("probation", () => station.edge.reported().activation.state === "probation")
  station.show(20, 3)
  await until("the hub to know", () => plant.hub.rollouts.champion("main") === digests[0])

  const same = await assign("cam-1", digests[0]!)
  expect(await same.json()).toMatchObject({ key: "shadow_same" })
  const worker = await plant.as("worker")
  expect((await assign("cam-1", digests[1]!, 1, worker)).status).toBe(403)
  expect((await assign("cam-1", digests[1]!, 7)).status).toBe(400)

  expect((await assign("cam-1", digests[1]!)).status).toBe(200)
  await until("it to run", async () => (await list())[0]?.state === "running")
  for (let i = 0; i < 3; i++) {
    station.show(20)
    await until("the look", () => station.edge.reported().shadow?.looked === i + 1)
  }
  const seen = await until("three compared", async () => (await list()).find((one) => one.compared === 3))
  expect(seen).toMatchObject({
    device: "cam-1",
    line: "main",
    model: digests[1]!,
    release: 2,
    champion: digests[0]!,
    differed: 0,
    failed: 0,
    differences: [],
  })
  const parts = (await (await engineer.get("/api/inspections?limit=1")).json()) as {
    items: { shadow: unknown; model: unknown }[]
  }
  expect(parts.items[0]).toMatchObject({
    model: { digest: digests[0]! },
    shadow: { model: { digest: digests[1]!, release: 2 }, verdict: { eval: "ok" } },
  })
})

test("what the two see differently is counted by what they said, and waits for a person first of the decided", async () => {
  const device = await connectDevice(await enrol(plant, "cam-2"))
  const model = { line: "main", release: 1, digest: digests[0]! }
  const shadowModel = { line: "main", release: 2, digest: digests[1]! }
  const say = async (
    seq: number,
    said: "ok" | "ng",
    shadow: { eval: "ok" | "ng" | "undecidable"; code?: string },
  ) => {
    const frame = frameOf(seq, (header) => ({
      ...header,
      verdict: { eval: said, score: 0.5 },
      findings: [],
      model,
      shadow: { model: shadowModel, verdict: shadow },
      policy: { why_sent: said, image: "full" },
    }))
    await device.sendBytes(frame.bytes)
    await device.ackOf(frame.header.id)
    return frame.header.id
  }
  const before = plant.hub.inspections.waiting().find(({ reason }) => reason === "disagreement")?.waiting ?? 0
  await say(1, "ok", { eval: "ok" })
  await say(2, "ok", { eval: "ng" })
  await say(3, "ng", { eval: "undecidable" })
  await say(4, "ok", { eval: "undecidable", code: "nan_output" })
  expect(plant.hub.inspections.waiting().find(({ reason }) => reason === "disagreement")?.waiting).toBe(
    before + 2,
  )
  plant.hub.rollouts.reconcile()
  await until(
    "cam-2 to be told the champion",
    () => plant.hub.rollouts.running("cam-2", "main") !== undefined,
  )
  await device.end()
  expect((await assign("cam-2", digests[1]!, 0.5)).status).toBe(200)
  const seen = (await list()).find((one) => one.device === "cam-2")
  expect(seen).toMatchObject({ share: 0.5, state: null, compared: 3, differed: 2, failed: 1 })
  expect(seen?.differences.toSorted((a, b) => (a.champion < b.champion ? -1 : 1))).toEqual([
    { champion: "ng", shadow: "undecidable", parts: 1 },
    { champion: "ok", shadow: "ng", parts: 1 },
  ])
})

test("ends when it is told to, and when it takes the line itself", async () => {
  expect((await engineer.send("DELETE", "/api/devices/cam-2/shadow")).status).toBe(204)
  expect((await engineer.send("DELETE", "/api/devices/cam-2/shadow")).status).toBe(404)
  expect(plant.hub.fleet.desired("cam-2")?.lines.main?.shadow).toBeUndefined()

  await engineer.post("/api/rollouts", {
    model: digests[1],
    devices: ["cam-1"],
    probation: { parts: 1, max_minutes: 10 },
  })
  await until("cam-1 to be told", () => plant.hub.fleet.desired("cam-1")?.lines.main?.release === 2)
  expect(await list()).toEqual([])
  await until("no shadow at the station", () => station.edge.reported().shadow === undefined)
})
