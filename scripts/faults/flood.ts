import { readFileSync, writeFileSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { join } from "node:path"
import mqtt from "mqtt"
import { cxf1, encodeFrame } from "#contract/cxf1"
import { Problem } from "#contract/problem"
import { topicOf } from "#contract/topics"
import { selfCommand } from "#models/child"
import { createRandom, type Random } from "../../edge/simulator/random.ts"
import { connectDevice, frameOf, type TestDevice } from "../../test/hub/support/device.ts"
import { type Campaign, campaign } from "./campaign.ts"
import type { Fault } from "./fault.ts"
import { enrolStations } from "./plant.ts"
import { holds } from "./station.ts"

type Frame = ReturnType<typeof frameOf>

/** Memory a hub may hold under any flood; the bench says what it really takes. */
const mostResidentMiB = 512

/** A device of its own beside the stations, which speaks MQTT by hand. */
async function extraDevice(plant: Campaign, name: string): Promise<TestDevice> {
  const [enrolment] = await enrolStations(plant.hub, [name])
  return connectDevice(enrolment!)
}

/** Sends without waiting; what is lost with its connection shows in the answers. */
function sendAll(device: TestDevice, frames: readonly Frame[]): void {
  for (const { bytes } of frames) void device.sendBytes(bytes).catch(() => {})
}

/** Puts what a hand-made device has sent into the ledger, with the answers it got. */
function enter(plant: Campaign, device: TestDevice, frames: readonly Frame[]): void {
  for (const { header } of frames)
    plant.ledger.produced(header.id, {
      device: device.device,
      partId: header.part_id!,
      image: header.parts[0]?.sha256 ?? null,
    })
  for (const ack of device.acks()) if (plant.ledger.entries.has(ack.id)) plant.ledger.answered(ack)
}

function checkMemory(plant: Campaign): void {
  const status = readFileSync(`/proc/${plant.hub.pid}/status`, "utf8")
  const resident = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
  if (resident > mostResidentMiB) plant.problems.push(`the hub has held ${Math.round(resident)} MiB`)
}

const sentAgain: Fault = {
  id: "F18",
  name: "one inspection sent a thousand times",
  quickRounds: 1,
  longRounds: 5,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F18", stations: 1, everyMs: 50 }, async (plant) => {
      const device = await extraDevice(plant, "repeater")
      const frames = Array.from({ length: rounds }, (_, i) => frameOf(i + 1))
      for (const frame of frames) sendAll(device, Array<Frame>(1000).fill(frame))
      if (!(await holds(() => device.acks().length >= 1000 * rounds, 120_000)))
        plant.problems.push(`only ${device.acks().length} of ${1000 * rounds} were answered`)
      const stored = device.acks().filter(({ st }) => st === "stored").length
      if (stored !== rounds) plant.problems.push(`${stored} of them were answered as new`)
      enter(plant, device, frames)
      await device.end()
      return `${rounds} × the same frame 1,000 times on one connection`
    }),
}

const outOfOrder: Fault = {
  id: "F19",
  name: "out of order, with gaps, under clocks of 1970 and 2036",
  quickRounds: 1,
  longRounds: 5,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F19", stations: 1, everyMs: 50 }, async (plant) => {
      const device = await extraDevice(plant, "juggler")
      const day = 24 * 3600 * 1000
      const frames = Array.from({ length: 200 * rounds }, (_, i) => i + 1)
        .filter(() => plant.random.next() < 0.8)
        .map((seq) => {
          const ts = plant.random.pick([Date.now(), 0, Date.now() + 3650 * day, Date.now() - day]) + seq
          return { seq, ts, order: plant.random.next() }
        })
        .toSorted((a, b) => a.order - b.order)
        .map(({ seq, ts }) => frameOf(seq, (header) => ({ ...header, ts })))
      sendAll(device, frames)
      if (!(await holds(() => device.acks().length >= frames.length, 60_000)))
        plant.problems.push("not all were answered")
      enter(plant, device, frames)
      await device.end()
      return `${frames.length} frames shuffled, one number in five never used, wrong clocks`
    }),
}

/** Everything a broken or hostile program may send where an inspection belongs. */
const rubbish: readonly ((random: Random) => Uint8Array)[] = [
  () => new Uint8Array(0),
  (random) => Uint8Array.from({ length: 1 + random.below(5000) }, () => random.below(256)),
  (random) => flipped(frameOf(1 + random.below(1e6)).bytes, random),
  (random) => frameOf(1 + random.below(1e6)).bytes.subarray(0, random.below(400)),
  (random) => Buffer.concat([frameOf(1 + random.below(1e6)).bytes, Buffer.alloc(1 + random.below(50))]),
  () => withHeader(Buffer.from("[".repeat(30_000) + "]".repeat(30_000))),
  () => withHeader(Buffer.from(`{"v":1,"id":${'{"a":'.repeat(9000)}1${"}".repeat(9000)}}`)),
  () => withHeader(Buffer.from([0x7b, 0xff, 0xfe, 0xc0, 0x80, 0x7d])),
  () => withHeader(Buffer.from('{"__proto__":{"v":1},"constructor":1}')),
  () => withHeader(Buffer.from("null")),
  () => Buffer.from(`{"v":1,"image":"${"A".repeat(40_000)}"}`),
  (random) => lyingHead(random.below(2 ** 32)),
  (random) => wrongDigest(1 + random.below(1e6)),
]

function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (let i = 0; i <= random.below(4); i++) {
    const at = random.below(copy.length)
    copy[at] = copy[at]! ^ (1 << random.below(8))
  }
  return copy
}

function withHeader(header: Buffer): Uint8Array {
  const fixed = Buffer.alloc(cxf1.fixed)
  fixed.writeUInt32LE(cxf1.magic, 0)
  fixed.writeUInt32LE(header.length, 8)
  return Buffer.concat([fixed, header])
}

function lyingHead(length: number): Uint8Array {
  const frame = Buffer.from(frameOf(1).bytes)
  frame.writeUInt32LE(length, 8)
  return frame
}

function wrongDigest(seq: number): Uint8Array {
  const { header, image } = frameOf(seq, (h) => ({
    ...h,
    parts: h.parts.map((part) => ({ ...part, sha256: "0".repeat(64) })),
  }))
  return encodeFrame({ header, parts: [image] })
}

const malformed: Fault = {
  id: "F20",
  name: "rubbish where inspections belong",
  quickRounds: 1,
  longRounds: 15,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F20", stations: 1, everyMs: 20 }, async (plant) => {
      const random = createRandom(`rubbish-${seed}`)
      let good = 0
      for (let n = 0; n < rounds * 4; n++)
        good += await faulty(plant, `faulty-${n}`, random, 2_000_000 + n * 100)
      const flooder = await extraDevice(plant, "flooder")
      throwRubbish(flooder, "flooder", random, patience + 20)
      if (!(await holds(flooder.closed, 60_000))) plant.problems.push("a flood of rubbish was not cut off")
      await flooder.end()
      // Who was cut off for a flood may come back and behave.
      good += await faulty(plant, "flooder", random, 3_000_000, 0)
      checkMemory(plant)
      return `${rounds * 200 + patience + 20} messages that are no inspections, ${good} good ones between them`
    }),
}

/** Rubbish messages in a minute after which the hub cuts a connection. */
const patience = 60
type Device = Awaited<ReturnType<typeof extraDevice>>

function throwRubbish(device: Device, name: string, random: ReturnType<typeof createRandom>, count: number) {
  const ids = new Set<string>()
  for (let i = 0; i < count; i++) {
    const bytes = rubbish[random.below(rubbish.length)]!(random)
    const id = /"id":"([0-9a-f-]{36})"/.exec(Buffer.from(bytes).toString("latin1"))?.[1]
    if (id) ids.add(id)
    void device.client
      .publishAsync(topicOf("inspection", { d: name }), Buffer.from(bytes), { qos: 1 })
      .catch(() => {})
  }
  return ids
}

/** A station that now and then sends rubbish, below the hub's patience: every good frame between is answered. */
async function faulty(
  plant: Campaign,
  name: string,
  random: ReturnType<typeof createRandom>,
  from: number,
  rubbishEach = 10,
): Promise<number> {
  const device = await extraDevice(plant, name)
  const good: Frame[] = []
  const ids = new Set<string>()
  for (let i = 0; i < 5; i++) {
    for (const id of throwRubbish(device, name, random, rubbishEach)) ids.add(id)
    const frame = frameOf(from + i)
    good.push(frame)
    sendAll(device, [frame])
  }
  const answered = () => good.every(({ header }) => device.acks().some(({ id }) => id === header.id))
  if (!(await holds(answered, 60_000)))
    plant.problems.push("good frames between the rubbish were not answered")
  if (device.closed()) plant.problems.push("the connection was cut, and with it the good frames")
  // One flipped bit may miss all that is checked, such as a letter of the part's name: then it is an inspection.
  for (const { id, st } of device.acks())
    if (st === "stored" && ids.has(id))
      plant.ledger.produced(id, {
        device: name,
        partId: await partOf(plant, id),
        image: await imageOf(plant, id),
      })
  enter(plant, device, good)
  await device.end()
  return good.length
}

type Shown = { part_id: string; image: { sha256: string } | null }
const shown = async (plant: Campaign, id: string): Promise<Shown> =>
  (await plant.hub.admin()).get<Shown>(`/api/inspections/${id}`)
const partOf = async (plant: Campaign, id: string) => (await shown(plant, id)).part_id
const imageOf = async (plant: Campaign, id: string) => (await shown(plant, id)).image?.sha256 ?? null

/** A socket that says these bytes and then nothing. */
function say(port: number, bytes: Uint8Array): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(bytes)
      resolve(socket)
    })
    socket.on("error", () => resolve(socket))
  })
}

const strangers: Fault = {
  id: "F21",
  name: "strangers at the door: giant CONNECT, slow loris, half a packet",
  quickRounds: 1,
  longRounds: 5,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F21", stations: 2, everyMs: 20 }, async (plant) => {
      const sockets: Socket[] = []
      for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < 60; i++) {
          // CONNECT of 256 MB; a CONNECT that never goes on; nothing at all; another protocol.
          const giant = Buffer.concat([Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), Buffer.alloc(100_000)])
          sockets.push(await say(plant.hub.mqtt, giant))
          sockets.push(await say(plant.hub.mqtt, Buffer.from([0x10, 0x20, 0x00, 0x04])))
          sockets.push(await say(plant.hub.mqtt, Buffer.alloc(0)))
          sockets.push(await say(plant.hub.mqtt, Buffer.from("GET / HTTP/1.1\r\nHost: hub\r\n\r\n")))
        }
        if (!(await plant.moreAcks(20, 60_000)))
          plant.problems.push("stations were not served beside the strangers")
      }
      checkMemory(plant)
      const held = await holds(() => sockets.every((socket) => socket.destroyed || socket.closed), 30_000)
      if (!held) plant.problems.push("sockets that never said who they are were kept for longer than 30 s")
      for (const socket of sockets) socket.destroy()
      return `${sockets.length} sockets that never become a station`
    }),
}

const frozen: Fault = {
  id: "F22",
  name: "a device asks for much and does not read",
  quickRounds: 1,
  longRounds: 3,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F22", stations: 2, everyMs: 20 }, async (plant) => {
      const device = await extraDevice(plant, "sleeper")
      const stream = device.client.stream as unknown as Socket
      stream.pause()
      const own = Array.from({ length: 400 * rounds }, (_, i) => frameOf(i + 1))
      sendAll(device, own)
      if (!(await plant.moreAcks(60 * rounds, 60_000)))
        plant.problems.push("others were not served beside it")
      checkMemory(plant)
      // What it has sent is on disk or is not; it has been told nothing, so nothing is owed but that it is not twice.
      enter(plant, device, own)
      await device.end()
      return `${own.length} frames from a device that reads no answer`
    }),
}

const takenOver: Fault = {
  id: "F26",
  name: "somebody else under a station's name",
  quickRounds: 1,
  longRounds: 3,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F26", stations: 2, everyMs: 20 }, async (plant) => {
      const [mine, other] = plant.enrolments
      let refused = 0
      for (let round = 0; round < rounds * 4; round++) {
        // Another's secret, and none: the client id is not enough.
        for (const secret of [other!.secret, "guessed"]) {
          const attempt = connectDevice({ ...mine!, secret })
          await attempt.then(
            (device) => device.end(),
            () => {
              refused += 1
            },
          )
        }
      }
      if (refused !== rounds * 8) plant.problems.push(`${rounds * 8 - refused} strangers were let in`)
      if (!plant.stations[0]!.link.connected()) plant.problems.push("the station itself lost its connection")
      return `${refused} attempts refused, the station stayed connected`
    }),
}

const secondHub: Fault = {
  id: "F14",
  name: "a second hub on the same data",
  quickRounds: 1,
  longRounds: 3,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F14", stations: 2, everyMs: 10 }, async (plant) => {
      for (let round = 0; round < rounds; round++) {
        await plant.moreAcks(20)
        const flags = ["--data", plant.data, "--http-port", "0", "--mqtt-port", "0"]
        const child = Bun.spawn(selfCommand("hub", ...flags), { stdout: "ignore", stderr: "pipe" })
        const err = await new Response(child.stderr).text()
        const code = await child.exited
        if (code !== 4 || !/Another hub .*is running on this data folder/.test(err))
          plant.problems.push(`the second hub ended with ${code}: ${err.slice(-200)}`)
        if (!(await plant.moreAcks(20))) plant.problems.push("the first hub was disturbed")
      }
      return `${rounds} × a second hub refused under load`
    }),
}

/** Commands that were given while a station was away, and a load meanwhile that would fill any queue kept for it. */
const away: Fault = {
  id: "F23",
  name: "a subscriber is away for long",
  quickRounds: 1,
  longRounds: 5,
  run: ({ seed, rounds, folder }) =>
    campaign({ folder, seed, name: "F23", stations: 3, everyMs: 5 }, async (plant) => {
      const [enrolment] = await enrolStations(plant.hub, ["traveller"])
      const kept = await connectDevice(enrolment!, { clean: false }).catch(() => undefined)
      if (kept) plant.problems.push("the broker has promised to keep messages in memory for who is away")
      await kept?.end()
      await (await connectDevice(enrolment!)).end()
      let client = await plant.hub.admin()
      let [refused, restarts] = [0, 0]
      for (let round = 0; round < rounds; round++) {
        for (let i = 0; i < 100; i++)
          await client.post("/api/devices/traveller/trigger", { part_id: `late-${i}` }).catch((error) => {
            if (!(error instanceof Problem && error.key === "device_away")) throw error
            refused += 1
          })
        await plant.moreAcks(60, 60_000)
        if (plant.random.next() < 0.5) {
          restarts += 1
          await plant.hub.stop()
          // A hub that is started again has another address.
          client = await (await plant.restart()).admin()
        }
      }
      if (refused !== rounds * 100)
        plant.problems.push(`${rounds * 100 - refused} commands were taken for a station that is away`)
      checkMemory(plant)
      const back = await connectDevice({ ...enrolment!, mqtt: { host: "127.0.0.1", port: plant.hub.mqtt } })
      const told = () => back.received.map(({ topic }) => topic)
      if (!(await holds(() => told().includes(topicOf("hubState")), 20_000)))
        plant.problems.push("a station that is back is not told that the hub is there")
      await Bun.sleep(500)
      const late = back.received.filter(({ topic }) => topic === topicOf("trigger", { d: "traveller" }))
      if (late.length > 0)
        plant.problems.push(`${late.length} old commands were given to a station that is back`)
      const states = told().filter((topic) => topic === topicOf("hubState")).length
      if (states > 1) plant.problems.push(`${states} states of the hub were kept for it, not the newest one`)
      await back.end()
      return `${refused} commands to a station that is away refused, ${restarts} restarts, the newest state alone when it is back`
    }),
}

const crowd = 40
/** Within the number of connects a second that one station may make. */
const pauseMs = 400

/** Everybody comes back at once, again and again, while somebody who reads along has stopped reading. */
const storm: Fault = {
  id: "F25",
  name: "a crowd comes back at once, again and again, while a reader reads nothing",
  quickRounds: 1,
  longRounds: 10,
  run: ({ seed, rounds, folder }) => {
    const file = join(folder, "readers")
    const [username, password] = ["scada", "a reader that sleeps"]
    writeFileSync(file, `${username}:${password}\n`)
    const start = { flags: ["--mqtt-readers", file, "--uns-path", "uns/plant/{line}/{device}"] }
    return campaign({ folder, seed, name: "F25", stations: 2, everyMs: 10, start }, async (plant) => {
      const reader = await mqtt.connectAsync({
        ...{ host: "127.0.0.1", port: plant.hub.mqtt, clientId: username, username, password },
        reconnectPeriod: 0,
      })
      reader.on("error", () => {})
      await reader.subscribeAsync("uns/#", { qos: 1 })
      ;(reader.stream as unknown as Socket).pause()
      const names = Array.from({ length: crowd }, (_, i) => `crowd-${i + 1}`)
      const enrolments = await enrolStations(plant.hub, names)
      let connects = 0
      for (let wave = 0; wave < rounds * 3; wave++) {
        const devices = await Promise.allSettled(enrolments.map((one) => connectDevice(one)))
        for (const device of devices) {
          if (device.status === "rejected") continue
          connects += 1
          // Gone without a goodbye, as when a switch loses its power.
          device.value.client.stream.destroy()
        }
        if (!(await plant.moreAcks(20, 60_000)))
          plant.problems.push("stations were not served beside the crowd")
        await Bun.sleep(pauseMs)
      }
      if (connects < crowd * rounds) plant.problems.push(`only ${connects} connects were let in`)
      checkMemory(plant)
      await reader.endAsync(true)
      return `${connects} connects, ${crowd} at a time, each cut without a goodbye, beside a frozen reader of all results`
    })
  },
}

export const floodFaults: readonly Fault[] = [
  secondHub,
  sentAgain,
  outOfOrder,
  malformed,
  strangers,
  frozen,
  storm,
  away,
  takenOver,
]
