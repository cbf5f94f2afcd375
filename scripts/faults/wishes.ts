import * as v from "valibot"
import { BrokerStatus } from "#contract/broker"
import type { DeviceState, Enrolment } from "#contract/fleet"
import { Problem } from "#contract/problem"
import { Desired, Envelope } from "#contract/release"
import { topicOf } from "#contract/topics"
import { connectDevice, enrol, frameOf, type TestDevice } from "../../test/hub/support/device.ts"
import { startTestHub, type TestHub } from "../../test/hub/support/hub.ts"
import { mosquittoProgram, startMosquitto } from "../../test/hub/support/mosquitto.ts"
import type { Fault, Outcome } from "./fault.ts"
import { holds } from "./station.ts"

/** Messages that a broker set up as we say keeps for one client that is away. */
const mostKept = 1000

/** What is meant to be followed when a station is back: of all wishes that arrive, the one with the highest number. */
function newestWish(device: TestDevice): { rev: number; count: number } {
  const wishes = device.received
    .filter(({ topic }) => topic === topicOf("desired", { d: device.device }))
    .map(({ payload }) => v.parse(Envelope, JSON.parse(payload.toString())))
    .map(({ payload }) => v.parse(Desired, JSON.parse(Buffer.from(payload, "base64").toString())).rev)
  return { rev: Math.max(0, ...wishes), count: wishes.length }
}

/** A station says that it is there, and goodbye: behind a broker of the plant the hub knows it by nothing else. */
async function speak(device: TestDevice, online: boolean): Promise<void> {
  const state: DeviceState = {
    v: 1,
    online,
    session: "wishes0001",
    ...(!online && { why: "stop" as const }),
    boot: "testboot01",
    ts: Date.now(),
  }
  const topic = topicOf("state", { d: device.device })
  await device.client.publishAsync(topic, JSON.stringify(state), { qos: 1, retain: true })
}

/**
 * Wishes change again and again while a station is away. Its broker may forget them, or keep them all, up to a number:
 * each is the whole of what is wished, so the newest alone is what counts.
 */
async function whileAway(
  hub: TestHub,
  rounds: number,
  broker: {
    connect: (identity: Enrolment, clean: boolean) => Promise<TestDevice>
    /** Of so many wishes this many may arrive at most. */
    mostWishes: (given: number) => number
    learn: () => Promise<void>
    restart: () => Promise<void>
  },
): Promise<Outcome> {
  const problems: string[] = []
  const traveller = await enrol(hub, "traveller")
  const other = await enrol(hub, "stays")
  await broker.learn()
  const sent: string[] = []
  const send = async (device: TestDevice, seq: number) => {
    const { header, bytes } = frameOf(seq)
    await device.sendBytes(bytes)
    if ((await device.ackOf(header.id)).st === "stored") sent.push(header.id)
  }
  const wish = { lines: {}, floor: {}, sampling: { audit: 0, image_ok: "none" } } as const
  let rev = hub.hub.fleet.setDesired("traveller", wish).rev
  const first = await broker.connect(traveller, false)
  await speak(first, true)
  await send(first, 1)
  await speak(first, false)
  await first.end()
  const isAway = () => hub.hub.fleet.get("traveller")?.presence === "offline"
  if (!(await holds(isAway))) problems.push("a station that has said goodbye is not seen to be away")

  let [given, refused] = [0, 0]
  for (let round = 0; round < rounds; round++) {
    const stays = await broker.connect(other, true)
    for (let i = 0; i < 150; i++) {
      rev = hub.hub.fleet.setDesired("traveller", wish).rev
      given += 1
      try {
        hub.hub.fleet.trigger("traveller", { part_id: `late-${i}` })
      } catch (error) {
        if (!(error instanceof Problem && error.key === "device_away")) throw error
        refused += 1
      }
      if (i % 30 === 0) await send(stays, round * 150 + i + 1)
    }
    await stays.end()
    await broker.restart()
  }
  if (refused !== given) problems.push(`${given - refused} commands were taken for a station that is away`)

  const back = await broker.connect(traveller, false)
  if (!(await holds(() => newestWish(back).rev === rev, 20_000)))
    problems.push(`a station that is back is told wish ${newestWish(back).rev}, not ${rev}`)
  await Bun.sleep(300)
  const { count } = newestWish(back)
  if (count > broker.mostWishes(given)) problems.push(`${count} wishes were kept for a station that was away`)
  if (back.received.some(({ topic }) => topic === topicOf("trigger", { d: "traveller" })))
    problems.push("old commands were given to a station that is back")
  await send(back, 2)
  await back.end()

  const stored = hub.hub.db.prepare<{ id: string }>("SELECT id FROM inspection").all()
  const there = new Set(stored.map(({ id }) => id))
  const lost = sent.filter((id) => !there.has(id)).length
  if (lost > 0) problems.push(`${lost} acknowledged inspections are not stored`)
  return {
    done: `${given} wishes and ${refused} commands while it was away; ${count} arrived when it was back, the newest among them`,
    acknowledged: sent.length,
    stored: stored.length,
    lost,
    duplicates: stored.length - there.size,
    problems,
  }
}

const ownBroker: Fault = {
  id: "F23",
  name: "wishes change while a station is away",
  quickRounds: 0,
  longRounds: 4,
  run: async ({ rounds }) => {
    const hub = await startTestHub()
    try {
      // The hub's own broker keeps no session, and holds the newest wish of each station.
      return await whileAway(hub, rounds, {
        connect: (identity) =>
          connectDevice({ ...identity, mqtt: { ...identity.mqtt, port: hub.hub.mqttPort() } }),
        mostWishes: () => 1,
        learn: async () => {},
        restart: () => hub.restart(),
      })
    } finally {
      await hub.stop()
    }
  },
}

const plantBroker: Fault = {
  id: "F23",
  name: "wishes change while a broker of the plant keeps a station's session",
  quickRounds: 1,
  longRounds: 8,
  impossible: () => (mosquittoProgram ? undefined : "mosquitto is not installed"),
  run: async ({ rounds }) => {
    const broker = await startMosquitto()
    const hub = await startTestHub({ config: { broker: broker.settings } })
    try {
      const status = async () =>
        v.parse(BrokerStatus, await (await (await hub.as("engineer")).get("/api/broker")).json())
      return await whileAway(hub, rounds, {
        connect: (identity, clean) =>
          connectDevice(identity, { protocol: "mqtts", host: "localhost", ca: identity.mqtt.ca!, clean }),
        mostWishes: (given) => Math.min(given, mostKept) + 1,
        learn: async () => {
          const deadline = performance.now() + 60_000
          while ((await status()).access?.state !== "read" && performance.now() < deadline)
            await broker.reload()
        },
        restart: async () => {},
      })
    } finally {
      await hub.stop()
      await broker.remove()
    }
  },
}

export const wishFaults: readonly Fault[] = [ownBroker, plantBroker]
