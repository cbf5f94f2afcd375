import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import * as v from "valibot"
import { Device, Enrolment, EnrolmentCode, EnrolmentRequest, EnrolmentWaiting } from "#contract/fleet"
import { listOf } from "#contract/list"
import { topicOf } from "#contract/topics"
import { readTicket } from "../../../edge/identity.ts"
import { connectDevice, enrol, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.stop())

const invite = async (device: string) => {
  const admin = await hub.as("admin")
  const answer = await admin.post("/api/enrolment-codes", {
    device,
    name: `Station ${device}`,
    pre_approved: true,
  })
  return ((await answer.json()) as { code: string }).code
}
const use = (code: string, device: string, ip?: string) =>
  hub.browser(ip).post("/api/enrol", { code, device })

test("a code works once, for its own device, as people type it", async () => {
  const code = await invite("line-1")
  expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/)
  expect((await use(code, "line-2")).status).toBe(403)
  expect((await use(code.toLowerCase().replaceAll("-", " "), "line-1")).status).toBe(201)
  expect((await use(code, "line-1")).status).toBe(403)
})

test("a code dies after 15 minutes", async () => {
  const code = await invite("line-3")
  hub.clock.pass(15 * 60_000 + 1)
  expect((await use(code, "line-3")).status).toBe(403)
})

test("guessing codes is slowed down for the address that guesses, not for others", async () => {
  for (let i = 0; i < 10; i++) expect((await use(`guess-${i}`, "line-4", "10.0.0.66")).status).toBe(403)
  expect((await use("guess-11", "line-4", "10.0.0.66")).status).toBe(429)
  expect((await use(await invite("line-4"), "line-4", "10.0.0.67")).status).toBe(201)
})

test("only an admin invites or removes a station; a worker sees them", async () => {
  const worker = await hub.as("worker")
  expect((await worker.get("/api/devices")).status).toBe(200)
  expect((await worker.post("/api/enrolment-codes", { device: "line-5", name: "x" })).status).toBe(403)
  expect((await worker.send("DELETE", "/api/devices/line-1")).status).toBe(403)
})

test("neither code nor secret is stored as it is", async () => {
  const code = await invite("line-6")
  const { secret } = (await (await use(code, "line-6")).json()) as { secret: string }
  const stored = JSON.stringify([
    hub.hub.db.prepare("SELECT * FROM device").all(),
    hub.hub.db.prepare("SELECT * FROM enrolment_code").all(),
    hub.hub.db.prepare("SELECT * FROM audit").all(),
    hub.log,
  ])
  expect(stored).not.toContain(secret)
  expect(stored).not.toContain(code.replaceAll("-", ""))
  expect(stored).not.toContain(code)
})

test("a box enrolled anew under a name cuts off the older box, and revisions go on rising", async () => {
  const first = await enrol(hub, "line-7")
  const older = await connectDevice(first)
  const wish = { lines: {}, floor: {}, sampling: { audit: 0, image_ok: "none" as const } }
  const { rev } = hub.hub.fleet.setDesired("line-7", wish)
  const second = await enrol(hub, "line-7")
  expect(second.secret).not.toBe(first.secret)
  await expect(connectDevice(first)).rejects.toThrow("Not authorized")
  expect(older.closed()).toBe(true)
  expect(hub.hub.fleet.setDesired("line-7", wish).rev).toBe(rev + 1)
})

describe("a code that was not approved beforehand", () => {
  const ask = async (device: string) => {
    const admin = await hub.as("admin")
    const made = await admin.post("/api/enrolment-codes", { device, name: `Station ${device}` })
    const { code, ticket } = v.parse(EnrolmentCode, await made.json())
    const answer = await use(code, device, "10.0.0.70")
    expect(answer.status).toBe(202)
    return { ...v.parse(EnrolmentWaiting, await answer.json()), ticket }
  }
  const collect = (token: string) => hub.browser().post("/api/enrol/collect", { token })
  const waiting = async (device: string) => {
    const list = await (await (await hub.as("engineer")).get("/api/enrolment-requests")).json()
    return v.parse(listOf(EnrolmentRequest), list).items.find((one) => one.device === device)
  }

  test("lets the station wait until an engineer approves what both of them see; then once", async () => {
    const { token, fingerprint } = await ask("wait-1")
    expect((await collect(token)).status).toBe(202)
    const request = await waiting("wait-1")
    expect(request).toMatchObject({ fingerprint, address: "10.0.0.70", proof: "secret", replaces: false })
    expect(fingerprint).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/)
    const path = `/api/enrolment-requests/${request?.id}/approve`
    expect((await (await hub.as("worker")).post(path)).status).toBe(403)
    expect((await (await hub.as("engineer")).post(path)).status).toBe(204)
    const answer = await collect(token)
    expect(answer.status).toBe(201)
    const enrolment = v.parse(Enrolment, await answer.json())
    await (await connectDevice(enrolment)).end()
    expect((await collect(token)).status).toBe(403)
    expect(await waiting("wait-1")).toBeUndefined()
    expect((await (await hub.as("engineer")).post(path)).status).toBe(404)
  })

  test("gives nothing to a station that was refused, or came too late", async () => {
    const refused = await ask("wait-2")
    const request = await waiting("wait-2")
    const engineer = await hub.as("engineer")
    expect((await engineer.post(`/api/enrolment-requests/${request?.id}/refuse`)).status).toBe(204)
    expect((await collect(refused.token)).status).toBe(403)
    const late = await ask("wait-3")
    hub.clock.pass(60 * 60_000 + 1)
    expect((await collect(late.token)).status).toBe(403)
    expect(await waiting("wait-3")).toBeUndefined()
    expect((await collect("guess")).status).toBe(403)
  })

  test("says that the station takes another one's place, which works on until then", async () => {
    const older = await connectDevice(await enrol(hub, "wait-4"))
    const { token } = await ask("wait-4")
    expect((await waiting("wait-4"))?.replaces).toBe(true)
    expect(older.closed()).toBe(false)
    const engineer = await hub.as("engineer")
    await engineer.post(`/api/enrolment-requests/${(await waiting("wait-4"))?.id}/approve`)
    expect(older.closed()).toBe(false)
    expect((await collect(token)).status).toBe(201)
    await until("the older box to be cut off", () => older.closed())
  })

  test("every step is in the audit trail, which holds neither token nor secret", async () => {
    const { token } = await ask("wait-5")
    const engineer = await hub.as("engineer")
    await engineer.post(`/api/enrolment-requests/${(await waiting("wait-5"))?.id}/approve`)
    const { secret } = (await (await collect(token)).json()) as { secret: string }
    const admin = await hub.as("admin")
    await admin.send("DELETE", "/api/devices/wait-5")
    const rows = hub.hub.db
      .prepare<{ action: string }>("SELECT action FROM audit WHERE subject = 'device:wait-5' ORDER BY n")
      .all()
    expect(rows.map(({ action }) => action)).toEqual([
      "device.invite",
      "device.ask",
      "device.approve",
      "device.enrol",
      "device.revoke",
    ])
    const everything = JSON.stringify([hub.log, hub.hub.db.prepare("SELECT * FROM audit").all()])
    for (const hidden of [token, secret]) expect(everything).not.toContain(hidden)
    expect(hub.hub.audit.verify().brokenAt).toBe(null)
  })

  test("the ticket holds all that a station needs, and is read by it", async () => {
    const { ticket } = await ask("wait-6")
    expect(readTicket(ticket)).toMatchObject({ hub: "http://hub.test", device: "wait-6" })
    expect(readTicket(ticket)?.ca).toBe(hub.hub.tls.trust.fingerprint)
    for (const text of ["", "crux://enrol?hub=x", "ABCDE-FGHJK", "https://x/?hub=1&code=2&device=3"])
      expect(readTicket(text)).toBeUndefined()
  })
})

describe("two boxes with one identity", () => {
  const device = async (id: string) => {
    const list = await (await (await hub.as("worker")).get("/api/devices")).json()
    return v.parse(listOf(Device), list).items.find((one) => one.id === id)
  }
  const born = async (enrolment: Enrolment, boot: string) => {
    const box = await connectDevice(enrolment)
    const state = { v: 1, online: true, session: "abcdefgh", boot, ts: Date.now() }
    await box.client.publishAsync(topicOf("state", { d: enrolment.device }), JSON.stringify(state), {
      qos: 1,
      retain: true,
    })
    return box
  }

  test("are told from one box that restarts: a start that comes back after another is proof", async () => {
    const enrolment = await enrol(hub, "twin-1")
    for (const boot of ["boot000a", "boot000a", "boot000b", "boot000c"]) await born(enrolment, boot)
    expect((await device("twin-1"))?.clone).toBeUndefined()
    const last = await born(enrolment, "boot000b")
    expect((await device("twin-1"))?.clone).toMatchObject({ why: "returned", addresses: ["127.0.0.1"] })
    // Nobody is locked out: the parts of both are evidence.
    expect(last.closed()).toBe(false)
    const alarms = () =>
      hub.hub.db
        .prepare("SELECT 1 FROM audit WHERE action = 'device.clone' AND subject = 'device:twin-1'")
        .all().length
    await born(enrolment, "boot000c")
    expect(alarms()).toBe(1)

    // It stands until a person has seen to it, also over a restart.
    const engineer = await hub.as("engineer")
    expect((await (await hub.as("worker")).send("DELETE", "/api/devices/twin-1/clone")).status).toBe(403)
    expect((await engineer.send("DELETE", "/api/devices/twin-1/clone")).status).toBe(204)
    expect((await device("twin-1"))?.clone).toBeUndefined()
    expect((await engineer.send("DELETE", "/api/devices/twin-1/clone")).status).toBe(404)
    await (await born(enrolment, "boot000c")).end()
    expect((await device("twin-1"))?.clone).toBeUndefined()
  })

  test("that do not tell their start are seen by pushing each other out again and again", async () => {
    const enrolment = await enrol(hub, "twin-2")
    for (let i = 0; i < 5; i++) await connectDevice(enrolment)
    expect((await device("twin-2"))?.clone).toBeUndefined()
    await connectDevice(enrolment)
    expect((await device("twin-2"))?.clone?.why).toBe("flapping")
    // A new code gives one of them a new secret: the other is out, the alarm is over.
    const anew = await enrol(hub, "twin-2")
    expect((await device("twin-2"))?.clone).toBeUndefined()
    await expect(connectDevice(enrolment)).rejects.toThrow("Not authorized")
    await (await connectDevice(anew)).end()
  })
})

test("an engineer triggers a station that is connected, over its own connection only; nothing is kept for one that is away", async () => {
  const [target, other] = await Promise.all(["line-8", "line-9"].map((id) => enrol(hub, id)))
  const engineer = await hub.as("engineer")
  const trigger = (body: unknown) => engineer.post("/api/devices/line-8/trigger", body)
  expect((await trigger({})).status).toBe(503)
  const [mine, theirs] = [await connectDevice(target!), await connectDevice(other!)]
  expect((await trigger({ part_id: "SN-1" })).status).toBe(202)
  expect((await trigger({ serial: "SN-1" })).status).toBe(400)
  expect((await (await hub.as("worker")).post("/api/devices/line-8/trigger", {})).status).toBe(403)
  const triggers = (device: typeof mine) =>
    device.received
      .filter(({ topic }) => topic.endsWith("/down/trigger"))
      .map(({ payload }) => String(payload))
  for (let i = 0; triggers(mine).length === 0 && i < 500; i++) await Bun.sleep(10)
  expect(triggers(mine)).toEqual(['{"part_id":"SN-1"}'])
  expect(triggers(theirs)).toEqual([])
})
