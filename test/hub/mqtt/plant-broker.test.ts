import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { appendFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import mqtt from "mqtt"
import * as v from "valibot"
import { BrokerStatus } from "#contract/broker"
import { type Device, Enrolment } from "#contract/fleet"
import type { List } from "#contract/list"
import { topicOf } from "#contract/topics"
import { mosquittoAcl } from "../../../hub/mqtt/acl.rules.ts"
import { makeRequest, newKeyPem } from "../../../hub/platform/certificate-authority.ts"
import { mosquittoEntry } from "../../../hub/platform/mosquitto-entry.ts"
import { tempFolder } from "../../edge/support/kit.ts"
import { goodModel } from "../../edge/support/models.ts"
import { startStation } from "../../edge/support/station.ts"
import { crux, expectRefusal } from "../../system/support/crux.ts"
import { connectDevice, enrol, frameOf, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts"
import { release } from "../support/release.ts"

let broker: Mosquitto
let site: TestHub
const cleanups: (() => unknown)[] = []
beforeAll(async () => {
  broker = await startMosquitto()
  site = await startTestHub({ config: { broker: broker.settings } })
}, 60_000)
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  await site.stop()
  await broker.remove()
})

/** Enrolled through the front door; the broker is told to read its password file again, until it has the new one. */
async function enrolled(device: string, at = site): Promise<Enrolment> {
  const identity = await enrol(at, device)
  await until(`${device} in the broker's mind`, async () => {
    await broker.reload()
    return (await status(at)).access?.state === "read"
  })
  return identity
}
const overTls = { protocol: "mqtts", host: "localhost" } as const
const asDevice = (identity: Enrolment, more: Partial<mqtt.IClientOptions> = {}) =>
  connectDevice(identity, { ...overTls, ca: identity.mqtt.ca!, ...more })
const status = async (at = site) =>
  v.parse(BrokerStatus, await (await (await at.as("engineer")).get("/api/broker")).json())
const presenceOf = async (id: string) => {
  const answer = await (await site.as("worker")).get("/api/devices")
  return ((await answer.json()) as List<Device>).items.find((d) => d.id === id)?.presence
}
const stored = (id: string) =>
  site.hub.db.prepare<{ n: number }>("SELECT count(*) AS n FROM inspection WHERE id = $id").get({ id })?.n

describe("with mosquitto as the broker, over TLS", () => {
  test("the probe finds all the hub relies on, and people can see it", async () => {
    const { kind, connected, address, probe } = await status()
    expect({ kind, connected, address }).toEqual({
      kind: "external",
      connected: true,
      address: broker.settings.url,
    })
    expect(Object.fromEntries(probe!.checks.map(({ check, state }) => [check, state]))).toEqual({
      connect: "ok",
      clock: "ok",
      qos1: "ok",
      retained: "ok",
      max_packet: "ok",
      anonymous: "ok",
      device_rights: "skipped",
    })
  })

  test("a station goes the whole way: parts, a model in chunks, every step of its activation, presence", async () => {
    const identity = await enrolled("line-1")
    expect(identity.mqtt).toMatchObject({ host: "localhost", port: broker.port, tls: true })
    const station = await startStation(tempFolder(), { identity: () => identity })
    cleanups.push(station.stop)
    const report = () => station.edge.reported()
    station.show(40, 6)
    await until("six parts at the hub", () => report().counts.inspected === 6 && report().queue.depth === 0)
    expect(site.hub.inspections.count().stored).toBe(6)
    expect(await presenceOf("line-1")).toBe("online")

    const manifest = await release(site, goodModel(1, 3_000_000))
    site.hub.fleet.setDesired("line-1", {
      lines: {
        main: {
          manifest,
          release: 1,
          action: "run",
          probation: { parts: 3, max_minutes: 10, max_undecidable: 0.5, max_ng_shift: 1 },
        },
      },
      floor: {},
      sampling: { audit: 0, image_ok: "none" },
    })
    await until("probation", () => report().activation.state === "probation")
    station.show(26, 3)
    await until("commitment", () => report().activation.state === "committed")
    await until(
      "the hub's knowledge of it",
      () => site.hub.fleet.get("line-1")?.reported?.activation.state === "committed",
    )
    const events = site.hub.fleet.events("line-1", 100).map(({ event }) => event.kind)
    expect(events.length).toBeGreaterThan(0)

    await station.stop()
    cleanups.pop()
    await until("its goodbye", async () => (await presenceOf("line-1")) === "offline")
  }, 60_000)

  test("a station gets a secret and no certificate, because the broker checks it; the code stays good", async () => {
    const admin = await site.as("admin")
    const body = { device: "line-6", name: "x", pre_approved: true }
    const { code } = (await (await admin.post("/api/enrolment-codes", body)).json()) as { code: string }
    const csr = await makeRequest(newKeyPem(), "line-6")
    const refused = await site.browser().post("/api/enrol", { code, device: "line-6", csr })
    expect(await refused.json()).toMatchObject({ status: 409, key: "enrolment_certificate" })
    const answer = await site.browser().post("/api/enrol", { code, device: "line-6" })
    expect(answer.status).toBe(201)
    expect(v.parse(Enrolment, await answer.json()).mqtt.ca).not.toBe(site.hub.tls.trust.pem)
  })

  test("a repeated inspection is answered dup and stored once", async () => {
    const device = await asDevice(await enrolled("line-2"))
    const { header, bytes } = frameOf(1)
    await device.sendBytes(bytes)
    expect((await device.ackOf(header.id)).st).toBe("stored")
    await device.sendBytes(bytes)
    await until("two answers", () => device.acks().length === 2)
    expect(device.acks().map(({ st }) => st)).toEqual(["stored", "dup"])
    expect(stored(header.id)).toBe(1)
    await device.end()
  })

  test("an MQTT 5 client is answered like any other", async () => {
    const identity = await enrolled("line-5")
    const device = await asDevice(identity, { protocolVersion: 5 })
    const { header, bytes } = frameOf(1)
    await device.sendBytes(bytes)
    expect((await device.ackOf(header.id)).st).toBe("stored")
    await device.end()
  })

  test("mosquitto's own MQTT 5 clients hear the hub and send an inspection", async () => {
    const { device, secret, mqtt: at } = await enrolled("line-6")
    const reader = await enrolled("line-6b")
    const { header, bytes } = frameOf(1)
    const file = join(broker.folder, "frame.cxf1")
    writeFileSync(file, bytes)
    const base = ["-V", "mqttv5", "--cafile", broker.ca, "-h", "localhost", "-p", String(at.port)]
    const as = (name: string, password: string) => [...base, "-u", name, "-P", password, "-i", name]
    const sub = Bun.spawn(
      ["mosquitto_sub", ...as(device, secret), "-t", topicOf("hubState"), "-C", "1", "-W", "20"],
      { stdout: "pipe" },
    )
    expect(JSON.parse(await new Response(sub.stdout).text())).toMatchObject({ online: true })
    const send = ["-q", "1", "-t", topicOf("inspection", { d: device }), "-f", file]
    const sent = Bun.spawnSync(["mosquitto_pub", ...as(device, secret), ...send])
    expect(sent.exitCode).toBe(0)
    await until("the inspection", () => stored(header.id) === 1)
    // mosquitto_pub is told the broker's reason by MQTT 5: this topic is another device's.
    const foreign = Bun.spawnSync(["mosquitto_pub", ...as(reader.device, reader.secret), ...send])
    expect(foreign.stderr.toString()).toContain("Not authorized")
  }, 60_000)

  test("a device reaches its own topics and no others", async () => {
    const one = await asDevice(await enrolled("line-3"))
    const two = await asDevice(await enrolled("line-4"))
    const foreign = frameOf(1)
    await one.client
      .publishAsync(topicOf("inspection", { d: "line-4" }), Buffer.from(foreign.bytes), { qos: 1 })
      .catch(() => {})
    await one.client.subscribeAsync("#").catch(() => {})
    const own = frameOf(1)
    await two.sendBytes(own.bytes)
    expect((await two.ackOf(own.header.id)).st).toBe("stored")
    expect(stored(foreign.header.id)).toBe(0)
    expect(one.received.filter(({ topic }) => topic.includes("line-4"))).toEqual([])
    await one.end()
    await two.end()
  })

  test("a revoked device is not listened to from that moment, and cut off when the broker reads its file", async () => {
    const identity = await enrolled("line-7")
    const device = await asDevice(identity)
    const admin = await site.as("admin")
    expect((await admin.send("DELETE", "/api/devices/line-7")).status).toBe(204)
    const { header, bytes } = frameOf(1)
    await device.sendBytes(bytes).catch(() => {})
    await broker.reload()
    await until("the cut", () => device.closed())
    await expect(asDevice(identity)).rejects.toThrow(/authori[sz]ed/i)
    expect(stored(header.id)).toBe(0)
  })

  test("a reader sees no station's topics", async () => {
    broker.addUser("scada", "reading only")
    await broker.reload()
    const reader = await mqtt.connectAsync({
      ...overTls,
      port: broker.port,
      ca: await Bun.file(broker.ca).text(),
      username: "scada",
      password: "reading only",
      clientId: "scada",
      reconnectPeriod: 0,
    })
    const heard: string[] = []
    reader.on("message", (topic) => void heard.push(topic))
    await reader.subscribeAsync("#")
    const device = await asDevice(await enrolled("line-8"))
    const { header, bytes } = frameOf(1)
    await device.sendBytes(bytes)
    await device.ackOf(header.id)
    expect(heard.filter((topic) => topic !== topicOf("hubState"))).toEqual([])
    await device.end()
    await reader.endAsync()
  })
})

describe("a broker that is not fit keeps the hub from starting, and says why", () => {
  const refusal = async (change: Parameters<typeof startMosquitto>[0], settings = {}) => {
    for (;;) {
      const other = await startMosquitto(change)
      try {
        const hub = await startTestHub({
          config: { broker: { ...other.settings, ...settings } },
        })
        await hub.stop()
        // A machine so busy that the broker did not answer in time has told nothing: once more.
        if (hub.log.some((line) => line.includes("broker_unreachable"))) continue
        return { exit: "started", message: hub.log.filter((line) => line.includes("broker_")).join("\n") }
      } catch (error) {
        return error as Error & { exit: string }
      } finally {
        await other.remove()
      }
    }
  }
  const open = (config: string) =>
    config.replace("allow_anonymous false", "allow_anonymous true").replace(/use_username.*/, "")

  test("one that lets strangers read and write", async () => {
    const acl = "topic readwrite #\nuser crux-hub\ntopic readwrite #\n"
    const { exit, message } = await refusal({ config: open, acl })
    expect(exit).toBe("verification")
    expect(message).toContain("without credentials anybody may")
  })
  test("one that does not let the hub in", async () => {
    const wrong = join(broker.folder, "wrong.credentials")
    writeFileSync(wrong, "crux-hub:not this\n")
    const { exit, message } = await refusal({}, { credentials: wrong })
    expect(exit).toBe("permission")
    expect(message).not.toContain("not this")
  })
  test("one whose authority is another", async () => {
    expect((await refusal({}, { ca: broker.ca })).exit).toBe("certificate")
  })
  test("one that drops what is as long as a chunk of a model", async () => {
    const small = (config: string) => config.replace(/max_packet_size .*/, "message_size_limit 100000")
    const { exit, message } = await refusal({ config: small })
    expect(exit).toBe("config")
    expect(message).toContain("max_packet")
  }, 60_000)
  test("one that keeps nothing", async () => {
    const { exit, message } = await refusal({ config: (c) => `${c}retain_available false\n` })
    expect(exit).toBe("config")
    expect(message).toContain("retained")
  })
  test("one that lets a device speak for others", async () => {
    const probe = join(broker.folder, "probe.credentials")
    writeFileSync(probe, "probe-1:anything\n")
    const line = mosquittoEntry("probe-1", "anything")
    const acl = mosquittoAcl({ hub: "crux-hub" })
    const withProbe = (extra: string) => refusalWithUser(`${acl}${extra}`, line, { probe })
    expect((await withProbe("")).exit).toBe("started")
    const failure = await withProbe("user probe-1\ntopic write crux/v1/d/+/up/evt\n")
    expect(failure.exit).toBe("verification")
    expect(failure.message).toContain("device probe-1 may publish as another device")
    const blind = await refusalWithUser(acl.replace("pattern read crux/v1/d/%u/down/ack\n", ""), line, {
      probe,
    })
    expect(blind.message).toContain("may not read what is sent down to it")
  }, 90_000)

  const refusalWithUser = async (acl: string, line: string, settings: object) => {
    for (;;) {
      const other = await startMosquitto({ acl })
      try {
        appendFileSync(join(other.folder, "passwords"), `${line}\n`)
        await other.reload()
        const hub = await startTestHub({
          config: { broker: { ...other.settings, ...settings } },
        })
        await hub.stop()
        // A machine so busy that the broker did not answer in time has told nothing: once more.
        if (hub.log.some((line) => line.includes("broker_unreachable"))) continue
        return { exit: "started", message: hub.log.filter((line) => line.includes("broker_")).join("\n") }
      } catch (error) {
        return error as Error & { exit: string }
      } finally {
        await other.remove()
      }
    }
  }
})

test("crux broker check says what it found, and ends with a code per kind of trouble", async () => {
  const other = await startMosquitto()
  const { url, credentials, ca } = other.settings
  const check = (...more: string[]) =>
    crux([
      "broker",
      "check",
      "--broker",
      url,
      "--broker-ca",
      ca,
      "--broker-credentials",
      credentials,
      ...more,
    ])
  const fit = await check()
  expect(fit.out).toMatch(/^ok {7}max_packet/m)
  expect(fit.code).toBe(0)
  const wrong = join(other.folder, "wrong")
  writeFileSync(wrong, "crux-hub:not this\n")
  expectRefusal(await check("--broker-credentials", wrong), 8, "does not let the hub in")
  expectRefusal(await check("--broker-ca", broker.ca), 9, "do not trust each other")
  const inUrl = await crux(["broker", "check", "--broker", "mqtts://me:secret@localhost"])
  expectRefusal(inUrl, 3, "must not hold a name or password")
  expect(inUrl.err).not.toContain("secret@")
  await other.stop()
  expectRefusal(await check(), 1, "cannot be reached")
  await other.remove()
}, 90_000)

test("a broker that cannot be reached yet does not keep people from the hub; it is used once it is there", async () => {
  const other = await startMosquitto()
  await other.stop()
  const hub = await startTestHub({ config: { broker: other.settings } })
  expect((await status(hub)).connected).toBe(false)
  expect((await status(hub)).trouble).toBeDefined()
  await other.start()
  await until("the connection", async () => (await status(hub)).connected)
  expect((await status(hub)).probe?.checks.length).toBe(7)
  await hub.stop()
  await other.remove()
}, 60_000)

describe("when the broker goes away and comes back", () => {
  test("parts seen meanwhile arrive once each, and the station is online again", async () => {
    const identity = await enrolled("line-9")
    const station = await startStation(tempFolder(), { identity: () => identity })
    cleanups.push(station.stop)
    const report = () => station.edge.reported()
    station.show(40, 2)
    await until("two parts", () => report().counts.inspected === 2 && report().queue.depth === 0)
    const before = site.hub.inspections.count().stored

    await broker.stop()
    await until("the hub to notice", async () => !(await status()).connected)
    expect(await presenceOf("line-9")).toBe("offline")
    station.show(41, 5)
    await until("the parts in the outbox", () => report().queue.depth === 5)
    await broker.start()

    await until("the hub to be back", async () => (await status()).connected)
    await until("an empty outbox", () => report().queue.depth === 0)
    expect(site.hub.inspections.count().stored).toBe(before + 5)
    await until("presence", async () => (await presenceOf("line-9")) === "online")
    expect((await status()).losses).toBeGreaterThan(0)
  }, 90_000)

  test("a hub that was away is told who is there, and its stations wait for it", async () => {
    const identity = await enrolled("line-10")
    const station = await startStation(tempFolder(), { identity: () => identity })
    cleanups.push(station.stop)
    const report = () => station.edge.reported()
    station.show(40, 1)
    await until("one part", () => report().counts.inspected === 1 && report().queue.depth === 0)
    await site.hub.stop()
    station.show(40, 4)
    await until(
      "four parts in the outbox",
      () => report().counts.inspected === 5 && report().queue.depth === 4,
    )
    // Stopped already: restart only starts it.
    const stop = site.hub.stop
    site.hub.stop = async () => {}
    await site.restart()
    expect(site.hub.stop).not.toBe(stop)
    await until("an empty outbox", () => report().queue.depth === 0)
    await until("presence", async () => (await presenceOf("line-10")) === "online")
  }, 90_000)
})
