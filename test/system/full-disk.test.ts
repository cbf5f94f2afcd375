import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as v from "valibot"
import { type Device, Enrolment } from "#contract/fleet"
import type { Reported } from "#contract/release"
import type { InspectionAck } from "#contract/topics"
import { topicOf } from "#contract/topics"
import { createHubClient, type HubClient } from "../../hub/demo/client.ts"
import { connectDevice, frameOf } from "../hub/support/device.ts"
import { crux, expectRefusal, newFolder } from "./support/crux.ts"
import { mountNamespace, onDisk, startOnSmallDisk } from "./support/small-disk.ts"

if (!mountNamespace) console.warn("This machine allows no mount namespace: full disks are not tested.")

const hubArgs = (data: string) => ["hub", "--data", data, "--http-port", "0", "--mqtt-port", "0"]

type Frame = ReturnType<typeof frameOf>
/** An inspection without pictures: only its row has to be stored. */
const bare = (seq: number) =>
  frameOf(seq, (h) => ({ ...h, parts: [], policy: { why_sent: "ng", image: "none" } }))

describe.skipIf(!mountNamespace)("a hub whose disk is full", () => {
  test("does not start, and says how much it needs", async () => {
    using folder = newFolder()
    const answer = await crux(hubArgs(folder.path), { before: onDisk(folder.path, "20m") })
    expectRefusal(answer, 7, `The disk of ${folder.path} is full`, "Free at least 64 MB", "Nothing was lost")
  })

  test("acknowledges nothing it has not stored, lives on, and takes everything once there is room again", async () => {
    using folder = newFolder()
    const hub = startOnSmallDisk(folder.path, "900m", hubArgs(folder.path))
    const url = (await hub.says(/ready: (\S+)/))[1]!
    const admin = await firstAdmin(url, (await hub.says(/Setup code: (\S+)/))[1]!)
    const device = await connectDevice(await enrol(url, admin, "line-1"))
    const answers = new Map<string, InspectionAck>()
    /** Sends frames and waits for the answer to each. */
    const send = async (frames: readonly Frame[]) => {
      const from = device.acks().length
      for (const { bytes } of frames) void device.sendBytes(bytes).catch(() => {})
      await until(() => device.acks().length - from >= frames.length)
      for (const ack of device.acks().slice(from)) answers.set(ack.id, ack)
      return frames.map(({ header }) => answers.get(header.id)!)
    }
    /** The hub looks at its disk once a second. */
    const untilAnswered = async (st: InspectionAck["st"], next: () => Frame) => {
      await until(async () => (await send([next()]))[0]!.st === st)
    }
    const say = (name: "state" | "reported" | "event", message: object) =>
      device.client.publishAsync(topicOf(name, { d: "line-1" }), JSON.stringify(message), {
        qos: 1,
        retain: name !== "event",
      })
    let seq = 0
    const many = (count: number, make: (seq: number) => Frame) =>
      Array.from({ length: count }, () => make(++seq))
    const sent = many(20, frameOf)

    expect(new Set((await send(sent)).map(({ st }) => st))).toEqual(new Set(["stored"]))

    await hub.resize("300m")
    await untilAnswered("later", () => sent[sent.push(frameOf(++seq)) - 1]!)
    const [picture, row] = [frameOf(++seq), bare(++seq)]
    sent.push(picture, row)
    expect(await send([picture, row])).toMatchObject([{ st: "later", code: "disk_full" }, { st: "stored" }])

    await hub.resize("full")
    const rows = many(600, bare)
    sent.push(...rows)
    const said = (await send(rows)).map(({ st, code }) => code ?? st)
    expect(new Set(said).difference(new Set(["stored", "disk_full", "store_failed"])).size).toBe(0)
    expect(said).toContain("disk_full")
    // Something nobody can keep as evidence now; the connection must bear it.
    await device.client.publishAsync(topicOf("inspection", { d: "line-1" }), Buffer.from("nonsense"), {
      qos: 1,
    })
    // What it says of itself is known at once, and kept until there is room for it.
    await say("state", { v: 1, online: true, session: "abcdef0123456789", ts: Date.now() })
    await say("reported", reported(4_711))
    await say("event", { v: 1, ts: Date.now(), kind: "camera_lost", level: "alarm", detail: {} })
    const inspected = async () =>
      (await admin.get<{ items: Device[] }>("/api/devices")).items[0]?.reported?.counts.inspected
    expect(await inspected()).toBe(4_711)
    expect(isOnTheDisk(hub.child.pid, folder.path, '"inspected":4711')).toBe(false)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(device.closed()).toBe(false)

    await hub.resize("900m")
    await untilAnswered("stored", () => sent[sent.push(frameOf(++seq)) - 1]!)
    for (const { st } of await send(sent)) expect(["stored", "dup"]).toContain(st)
    await until(() => isOnTheDisk(hub.child.pid, folder.path, '"inspected":4711'))
    expect(await inspected()).toBe(4_711)
    const { stored } = await admin.get<{ stored: number }>("/api/inspections/count")
    expect(stored).toBe(sent.length)
    for (const { header } of sent.filter((frame) => frame.header.parts.length > 0))
      expect((await admin.bytes(`/api/images/${header.parts[0]!.sha256}`)).length).toBe(header.parts[0]!.len)

    await device.end()
    expect((await hub.end()).code).toBe(0)
  }, 120_000)
})

/** A station's document with a number of inspections to know it by. */
const reported = (inspected: number): Reported => ({
  v: 1,
  device: "line-1",
  ts: Date.now(),
  rev_seen: 0,
  rev_applied: 0,
  activation: { state: "idle", since: 0 },
  slots: {},
  queue: { depth: 0, bytes: 0, oldest_ms: 0 },
  shed: {},
  latency: { p50_ms: 1, p99_ms: 2 },
  counts: { inspected, ok: 0, ng: 0, undecidable: 0 },
})

/** Whether a program's database or its log holds a text, seen through the program's own mounts. */
function isOnTheDisk(pid: number, folder: string, text: string): boolean {
  const root = join(`/proc/${pid}/root`, folder)
  return ["hub.db", "hub.db-wal"].some((name) => readFileSync(join(root, name)).includes(text))
}

async function firstAdmin(url: string, code: string): Promise<HubClient> {
  const client = createHubClient(url)
  const person = { login: "kim", name: "Kim", password: "a torque wrench in spring", language: "ko" }
  await client.post("/api/setup", { code, ...person })
  return client
}

async function enrol(url: string, admin: HubClient, device: string): Promise<Enrolment> {
  const invited = await admin.post<{ code: string }>("/api/enrolment-codes", {
    device,
    name: device,
    pre_approved: true,
  })
  return v.parse(Enrolment, await createHubClient(url).post("/api/enrol", { code: invited?.code, device }))
}

async function until(look: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${look}`)
    await Bun.sleep(20)
  }
}
