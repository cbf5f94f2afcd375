import { createHash } from "node:crypto"
import { connect } from "node:net"
import type { Packet } from "mqtt-packet"
import { decodeChunkIndex } from "#contract/chunk-index"
import type { Enrolment } from "#contract/fleet"
import { chunkSize, topicOf } from "#contract/topics"
import { withChild } from "./child.ts"
import type { BenchHub } from "./hub.child.ts"
import { type BenchRow, inTurns, row } from "./row.ts"
import { openWire, requestPacket } from "./wire.ts"

const stations = 3
const modelBytes = 50 * 1024 * 1024
/** Chunks a station keeps asked for; the protocol's window. */
const window = 16
const rounds = 5

/** A 50 MB model pulled by three stations at once, every chunk's digest checked, as a share of bare TCP. */
export async function benchDelivery(): Promise<BenchRow[]> {
  const total = (stations * modelBytes) / 1e6
  const measured = await inTurns(rounds, {
    reference: async () => total / (await withRawSender()),
    ours: async () => total / (await withHub()),
  })
  return [
    row("model delivery, 50 MB to 3 stations, every chunk verified", "MB/s", measured, "bare TCP, unchecked"),
  ]
}

const withRawSender = () =>
  withChild<{ port: number }, number>("raw-sender.child.ts", [String(modelBytes)], ({ port }) =>
    seconds(() => Promise.all(Array.from({ length: stations }, () => receiveRaw(port)))),
  )

const withHub = () =>
  withChild<BenchHub, number>(
    "hub.child.ts",
    [String(stations), String(modelBytes)],
    ({ enrolments, model }) =>
      seconds(() => Promise.all(enrolments.map((enrolment) => pull(enrolment, model!.sha256, model!.index)))),
  )

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

function receiveRaw(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0
    const socket = connect(port, "127.0.0.1")
    socket.on("data", (bytes) => {
      received += bytes.length
    })
    socket.on("error", reject)
    socket.on("end", () => (received === modelBytes ? resolve() : reject(new Error("cut off"))))
  })
}

/** Pulls the index, then the object chunk by chunk, as a station does. */
async function pull({ device, secret, mqtt }: Enrolment, object: string, index: string): Promise<void> {
  const waiting = new Map<string, (chunk: Buffer) => void>()
  const wire = await openWire({
    port: mqtt.port,
    clientId: device,
    username: device,
    password: secret,
    subscribe: [`crux/v1/d/${device}/down/#`],
    onPacket: (packet: Packet) => {
      if (packet.cmd !== "publish") return
      waiting.get(packet.topic)?.(packet.payload as Buffer)
      waiting.delete(packet.topic)
    },
  })
  const fetch = (xfer: string, sha256: string, i: number) =>
    new Promise<Buffer>((resolve) => {
      waiting.set(topicOf("chunk", { d: device, xfer, i: String(i) }), resolve)
      const request = { v: 1, xfer, object: sha256, ranges: [[i, 1]] }
      wire.send(requestPacket(topicOf("chunkGet", { d: device }), JSON.stringify(request)))
    })
  const { chunks } = decodeChunkIndex(await fetch("index0001", index, 0))
  const left = chunks.entries()
  await Promise.all(
    Array.from({ length: window }, async () => {
      for (const [i, { digest }] of left) {
        const chunk = await fetch("model0001", object, i)
        if (chunk.length > chunkSize || !createHash("sha256").update(chunk).digest().equals(digest))
          throw new Error(`chunk ${i} is damaged`)
      }
    }),
  )
  wire.close()
}

if (import.meta.main) console.table(await benchDelivery())
