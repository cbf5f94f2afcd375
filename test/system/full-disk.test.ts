import { describe, expect, test } from "bun:test"
import * as v from "valibot"
import { Enrolment } from "#contract/fleet"
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
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect(device.closed()).toBe(false)

    await hub.resize("900m")
    await untilAnswered("stored", () => sent[sent.push(frameOf(++seq)) - 1]!)
    for (const { st } of await send(sent)) expect(["stored", "dup"]).toContain(st)
    const { stored } = await admin.get<{ stored: number }>("/api/inspections/count")
    expect(stored).toBe(sent.length)
    for (const { header } of sent.filter((frame) => frame.header.parts.length > 0))
      expect((await admin.bytes(`/api/images/${header.parts[0]!.sha256}`)).length).toBe(header.parts[0]!.len)

    await device.end()
    expect((await hub.end()).code).toBe(0)
  }, 60_000)
})

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
