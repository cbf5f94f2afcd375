import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Packet } from "mqtt-packet"
import { topicOf } from "#contract/topics"
import { createRandom } from "../../edge/simulator/random.ts"
import { frameOf } from "../../test/hub/support/device.ts"
import { createLedger } from "../faults/ledger.ts"
import { enrolStations, freePort, readyHub } from "../faults/plant.ts"
import { holds, openStation } from "../faults/station.ts"
import { type BenchRow, inTurns, median } from "./row.ts"
import { openWire, publishPacket } from "./wire.ts"

/** What many stations do to a hub at one time, against the limits that a plant can bear. */
export async function benchCrowd(): Promise<BenchRow[]> {
  return [...(await frozenSubscriber()), ...(await outage())]
}

const senders = 8
const framesEach = 250

/** Others' acknowledgements while one station that is owed much does not read. */
async function frozenSubscriber(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  const hub = await readyHub(join(folder, "hub"))
  try {
    const names = Array.from({ length: senders + 1 }, (_, i) => `bench-${i}`)
    const enrolments = await enrolStations(hub, names)
    const wire = (i: number, onPacket: (packet: Packet) => void, subscribe: string[] = []) =>
      openWire({
        port: hub.mqtt,
        clientId: names[i]!,
        username: names[i]!,
        password: enrolments[i]!.secret,
        subscribe,
        onPacket,
      })
    let seq = 0
    const p99 = async () => {
      const times: number[] = []
      await Promise.all(
        Array.from({ length: senders }, async (_, i) => {
          const topic = topicOf("inspection", { d: names[i]! })
          let told: () => void = () => {}
          const connection = await wire(i, ({ cmd }) => cmd === "puback" && told())
          for (let n = 1; n <= framesEach; n++) {
            const packet = publishPacket(topic, frameOf(++seq).bytes, n)
            const begin = performance.now()
            await new Promise<void>((resolve) => {
              told = resolve
              connection.send(packet)
            })
            times.push(performance.now() - begin)
          }
          connection.close()
        }),
      )
      return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!
    }
    const withFrozen = async () => {
      const frozen = names[senders]!
      const connection = await wire(senders, () => {}, [`crux/v1/d/${frozen}/down/#`])
      connection.freeze()
      const topic = topicOf("inspection", { d: frozen })
      let id = 0
      // One frame again and again: each is owed an answer, and nothing new is stored for it.
      const { bytes } = frameOf(++seq)
      const flood = setInterval(() => {
        for (let i = 0; i < 20; i++) connection.send(publishPacket(topic, bytes, (id++ % 60_000) + 1))
      }, 10)
      try {
        return await p99()
      } finally {
        clearInterval(flood)
        connection.close()
      }
    }
    const rounds = await inTurns(3, { reference: p99, ours: withFrozen })
    const [value, reference] = [median(rounds.ours), median(rounds.reference)]
    return [
      {
        name: "a frozen subscriber: others' acknowledgement, p99",
        value,
        unit: "ms",
        reference,
        ratio: reference / value,
        against: "the same without it; 0.5 is the least allowed",
      },
    ]
  } finally {
    await hub.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

const stationCount = 50
const partsPerSecond = 2
/** Ten minutes of outage, scaled 1:10: a minute's worth of parts of every station, made as fast as their disk allows. */
const outageSeconds = 60

/** A hub comes back to stations that have inspected all the while, and go on. */
async function outage(): Promise<BenchRow[]> {
  const folder = await mkdtemp(join(tmpdir(), "crux-bench-"))
  const mqtt = await freePort()
  const data = join(folder, "hub")
  let hub = await readyHub(data, { mqtt })
  const names = Array.from({ length: stationCount }, (_, i) => `bench-${i}`)
  const enrolments = await enrolStations(hub, names)
  await hub.stop()
  const ledger = createLedger()
  const madeAt = new Map<string, number>()
  const live: number[] = []
  const stations = await Promise.all(
    enrolments.map((enrolment, i) =>
      openStation({
        folder: join(folder, names[i]!),
        enrolment,
        ledger,
        random: createRandom(`outage-${i}`),
        onAck: (id) => {
          const at = madeAt.get(id)
          if (at !== undefined) live.push(performance.now() - at)
          madeAt.delete(id)
        },
      }),
    ),
  )
  try {
    await Promise.all(
      stations.map(async (station) => {
        for (let part = 0; part < outageSeconds * partsPerSecond; part++) await station.inspect(2048)
      }),
    )
    const backlog = [...ledger.entries.values()]
    hub = await readyHub(data, { mqtt })
    for (const { link } of stations) link.start()
    let inspecting = true
    const connected = await holds(() => stations.every(({ link }) => link.connected()), 60_000)
    if (!connected) throw new Error("not all stations came back")
    const begin = performance.now()
    const lines = stations.map(async (station, i) => {
      await Bun.sleep((i * 1000) / partsPerSecond / stationCount)
      while (inspecting) {
        madeAt.set(await station.inspect(2048), performance.now())
        await Bun.sleep(1000 / partsPerSecond)
      }
    })
    const drained = await holds(
      () => backlog.every(({ acknowledged }) => acknowledged),
      4 * outageSeconds * 1000,
    )
    const seconds = (performance.now() - begin) / 1000
    inspecting = false
    await Promise.all(lines)
    if (!drained) throw new Error("the backlog did not drain in four times the outage")
    const p99 = live.toSorted((a, b) => a - b)[Math.floor(live.length * 0.99)]! / 1000
    return [
      {
        name: `outage of ${stationCount} stations × ${partsPerSecond}/s: backlog drained`,
        value: seconds,
        unit: "s",
        reference: 2 * outageSeconds,
        ratio: (2 * outageSeconds) / seconds,
        against: "twice the outage, the most allowed",
      },
      {
        name: "meanwhile, from a part to its acknowledgement, p99",
        value: p99,
        unit: "s",
        reference: 2,
        ratio: 2 / p99,
        against: "2 s, the most allowed",
      },
    ]
  } finally {
    for (const station of stations) await station.close()
    await hub.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) console.table(await benchCrowd())
