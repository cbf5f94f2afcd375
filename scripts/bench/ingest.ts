import { createHash, randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { createServer } from "node:net"
import type { Packet } from "mqtt-packet"
import { uuidv7 } from "uuidv7"
import { encodeFrame } from "#contract/cxf1"
import { topicOf } from "#contract/topics"
import { withChild } from "./child.ts"
import type { BenchHub } from "./hub.child.ts"
import { type BenchRow, inTurns, type Rounds, row } from "./row.ts"
import { openWire, publishPacket } from "./wire.ts"

const connections = 20
/** Frames a station keeps in flight; the hub grants 2 to 32. */
const window = 8

const rounds = 3

/**
 * Durable ingest over MQTT (image and row on disk before PUBACK) at 2 KB and 200 KB, as a share of what the same disk
 * takes without MQTT; and at 50 KB against mosquitto, where it is installed, which stores nothing.
 */
export async function benchIngest(): Promise<BenchRow[]> {
  const disk = "the disk alone: images and rows synced, no MQTT"
  const [small, middle, large] = [2048, 50_000, 200_000]
  const beside: Beside = { answers: { idle: [], loaded: [] }, memory: 0 }
  const rows = [
    row("durable ingest, 2 KB images", "inspections/s", await againstDisk(small, 6000, beside), disk),
    row("durable ingest, 50 KB images", "inspections/s", await againstDisk(middle, 3000, beside), disk),
    row(
      "durable ingest, 200 KB images",
      "MB/s",
      inMegabytes(await againstDisk(large, 1800, beside), large),
      disk,
    ),
    ...besideRows(beside),
    await overTls(),
  ]
  const mosquitto = mosquittoBinary()
  if (!mosquitto) return rows
  const stored = await inTurns(rounds, {
    reference: () => throughMosquitto(mosquitto, 50_000, 1600),
    ours: () => throughHub(50_000, 1600),
  })
  return [
    ...rows,
    row(
      "durable ingest, 50 KB images, as a broker",
      "inspections/s",
      stored,
      "mosquitto, which stores nothing",
    ),
  ]
}

/** What encryption costs, both ends of it on this machine. */
async function overTls(): Promise<BenchRow> {
  const seen = await inTurns(rounds, {
    reference: () => throughHub(50_000, 1600),
    ours: () => throughHub(50_000, 1600, undefined, true),
  })
  const name = "durable ingest, 50 KB images, over TLS 1.3"
  return row(name, "inspections/s", seen, "the same hub without TLS")
}

export function mosquittoBinary(): string | undefined {
  return ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"].find((path) =>
    existsSync(path),
  )
}

function againstDisk(size: number, count: number, beside: Beside): Promise<Rounds> {
  return inTurns(rounds, {
    reference: () => diskAlone(size, count),
    ours: () => throughHub(size, count, beside),
  })
}

/** What else was seen of the hub: how long its API took, idle and under load, in ms, and its most memory in bytes. */
type Beside = { answers: { idle: number[]; loaded: number[] }; memory: number }

function besideRows({ answers, memory }: Beside): BenchRow[] {
  const p99 = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0
  const [idle, loaded] = [p99(answers.idle), p99(answers.loaded)]
  const megabytes = memory / 1e6
  return [
    {
      name: "a list page during durable ingest, p99",
      value: loaded,
      unit: "ms",
      reference: idle,
      ratio: idle / loaded,
      against: "the same page from an idle hub",
    },
    {
      name: "memory of the hub at its most",
      value: megabytes,
      unit: "MB",
      reference: 400,
      ratio: 400 / megabytes,
      against: "400 MB, what a small hub may spend",
    },
  ]
}

/** Most memory a process has held, as Linux counts it; 0 elsewhere. */
async function mostMemory(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`)
    .text()
    .catch(() => "")
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024
}

function inMegabytes({ reference, ours }: Rounds, size: number): Rounds {
  const megabytes = (perSecond: number) => (perSecond * size) / 1e6
  return { reference: reference.map(megabytes), ours: ours.map(megabytes) }
}

const diskAlone = (size: number, count: number) =>
  withChild<{ seconds: number }, number>(
    "disk.child.ts",
    [String(size), String(count), String(connections * window)],
    async ({ seconds }) => count / seconds,
  )

const throughHub = (size: number, count: number, beside?: Beside, encrypted = false) =>
  withChild<BenchHub, number>("hub.child.ts", [String(connections), "0"], async (hub) => {
    const { enrolments, http } = hub
    const senders = enrolments.map(({ device, secret, mqtt }) => ({
      ...(encrypted ? hub.tls : { port: mqtt.port }),
      clientId: device,
      username: device,
      password: secret,
      topic: topicOf("inspection", { d: device }),
    }))
    if (!beside) return await send(senders, size, count)
    const perSecond = await withChild<unknown, number>(
      "asker.child.ts",
      [http.url, http.cookie],
      async (_, ask) => {
        await Bun.sleep(500)
        beside.answers.idle.push(...(await ask<number[]>()))
        // Until the first frame leaves, the hub is still idle.
        const perSecond = await send(senders, size, count, async () => void (await ask()))
        beside.answers.loaded.push(...(await ask<number[]>()))
        return perSecond
      },
    )
    beside.memory = Math.max(beside.memory, await mostMemory(http.pid))
    return perSecond
  })

async function throughMosquitto(binary: string, size: number, count: number): Promise<number> {
  const port = await freePort()
  const broker = Bun.spawn([binary, "-p", String(port)], { stdout: "ignore", stderr: "ignore" })
  try {
    await listening(port)
    const senders = Array.from({ length: connections }, (_, i) => ({
      port,
      clientId: `bench-${i}`,
      topic: topicOf("inspection", { d: `bench-${i}` }),
    }))
    return await send(senders, size, count)
  } finally {
    broker.kill()
    await broker.exited
  }
}

type Sender = {
  port: number
  ca?: string
  clientId: string
  username?: string
  password?: string
  topic: string
}

/**
 * Sends frames, each connection keeping `window` in flight until PUBACK; `ready` is awaited right before the first.
 * Returns acknowledged frames per second.
 */
async function send(
  senders: Sender[],
  size: number,
  count: number,
  ready?: () => Promise<void>,
): Promise<number> {
  const each = Math.floor(count / senders.length)
  // Made before the clock starts: the generator shares the machine with what it measures.
  const queues = senders.map(({ topic }) =>
    Array.from({ length: each }, (_, i) => publishPacket(topic, frame(size, i + 1), (i % 60_000) + 1)),
  )
  const wires = await Promise.all(
    senders.map(async ({ topic: _, ...options }, i) => {
      const finished = Promise.withResolvers<void>()
      let sent = 0
      let acknowledged = 0
      const onPacket = (packet: Packet) => {
        if (packet.cmd !== "puback") return
        acknowledged += 1
        if (acknowledged === each) return finished.resolve()
        const next = queues[i]![sent++]
        if (next) wire.send(next)
      }
      const wire = await openWire({ ...options, onPacket })
      const start = () => {
        for (; sent < Math.min(window, each); sent++) wire.send(queues[i]![sent]!)
      }
      return { start, finished: finished.promise, close: wire.close }
    }),
  )
  await ready?.()
  const begin = performance.now()
  for (const { start } of wires) start()
  await Promise.all(wires.map(({ finished }) => finished))
  const seconds = (performance.now() - begin) / 1000
  for (const { close } of wires) close()
  return (each * senders.length) / seconds
}

/** The head of a PNG says type and size; the rest is noise, as the hub never decodes what it stores. */
const pngHead = Buffer.from("89504e470d0a1a0a0000000d4948445200000280000001e00800000000", "hex")

function frame(size: number, seq: number): Uint8Array {
  const image = Buffer.concat([pngHead, randomBytes(size - pngHead.length)])
  const sha256 = createHash("sha256").update(image).digest("hex")
  return encodeFrame({
    header: {
      v: 1,
      id: uuidv7(),
      boot: "benchmark1",
      seq,
      ts: Date.now(),
      part_id: `part-${seq}`,
      product_id: "bench",
      verdict: { eval: "ng", score: 0.9, t_low: 0.4, t_high: 0.6 },
      findings: [{ kind: "scratch", score: 0.9, box: [10, 10, 40, 20] }],
      policy: { why_sent: "ng", image: "full" },
      parts: [{ name: "image", mime: "image/png", len: image.length, sha256, w: 640, h: 480 }],
    },
    parts: [image],
  })
}

/** A port that is free now. */
function freePort(): Promise<number> {
  const probe = createServer()
  return new Promise((resolve) => {
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      const port = typeof address === "object" && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

/** Waits until something accepts connections there, at most 5 s. */
async function listening(port: number): Promise<void> {
  const deadline = performance.now() + 5000
  for (;;) {
    try {
      const wire = await openWire({ port, clientId: "probe", onPacket: () => {} })
      return wire.close()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await Bun.sleep(20)
    }
  }
}

if (import.meta.main) console.table(await benchIngest())
