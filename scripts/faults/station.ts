import { createHash } from "node:crypto"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import type { Enrolment } from "#contract/fleet"
import { systemIds } from "#platform/ids"
import { createLog } from "#platform/log"
import { openSqlite } from "#platform/sqlite.bun"
import { type Draft, openOutbox } from "../../edge/outbox/outbox.ts"
import { prepareSchema } from "../../edge/schema.ts"
import type { Random } from "../../edge/simulator/random.ts"
import { createLink } from "../../edge/uplink/link.ts"
import { createSender } from "../../edge/uplink/sender.ts"
import type { Ledger } from "./ledger.ts"

/** The head of a PNG says type and size; the rest is noise, as neither outbox nor hub decodes what it keeps. */
const pngHead = Buffer.from("89504e470d0a1a0a0000000d4948445200000280000001e00800000000", "hex")

export function pictureOf(random: Random, size: number): Uint8Array {
  const bytes = Buffer.alloc(size)
  pngHead.copy(bytes)
  for (let at = pngHead.length; at + 4 <= size; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at)
  return bytes
}

export type Station = Awaited<ReturnType<typeof openStation>>

/**
 * The part of a station that must lose nothing: the real outbox on its disk, the real sender, the real connection. What
 * a camera and a model would do is `inspect`.
 */
export async function openStation(options: {
  folder: string
  enrolment: Enrolment
  ledger: Ledger
  random: Random
  /** Another door than the hub's own, such as a proxy. */
  port?: number
  quota?: number
  now?: () => number
  /** Called when an answer has been acted on. */
  onAck?: (id: string) => void
}) {
  const { folder, ledger, random, now = Date.now, quota = 1e9, onAck = () => {} } = options
  const said = options.enrolment
  const identity = options.port === undefined ? said : { ...said, mqtt: { ...said.mqtt, port: options.port } }
  const { device } = identity
  await mkdir(folder, { recursive: true })
  const sqlite = openSqlite(join(folder, "edge.db"))
  prepareSchema(sqlite)
  const boot = systemIds.random(8)
  const log = createLog({ level: "error", subject: device, write: () => {}, now })
  const outbox = await openOutbox({ sqlite, folder: join(folder, "outbox"), boot, quota, now })
  let count = 0

  const link = createLink({
    identity,
    boot,
    software: "faults",
    slots: () => ({}),
    randomHex: systemIds.random,
    // The shortest waits: a fault lasts seconds here, not hours.
    random: () => 0,
    now,
    log,
    handlers: {
      onUp: () => sender.onUp(),
      onDown: () => sender.onDown(),
      onDesired: () => {},
      onAck: (message) => {
        for (const ack of message.acks) ledger.answered(ack)
        sender.onAck(message)
        for (const { id } of message.acks) onAck(id)
      },
      onSegmentAnswer: (answer) => sender.onSegmentAnswer(answer),
      onTrigger: () => {},
      onChunk: () => {},
      onHubState: (state) => sender.onHubState(state),
    },
  })
  const sender = createSender({
    outbox,
    send: (message) => link.post("inspection", message),
    deliverSegment: (xfer, i, message) => link.deliver("segment", message, { xfer, i: String(i) }),
    onRefused: () => {},
    onDrained: () => {},
    log,
  })

  return {
    device,
    outbox,
    link,
    /** A part has been looked at: on this station's disk when the promise resolves, under the id it gives. */
    inspect: async (bytes = 400 + random.below(4000)): Promise<string> => {
      const id = systemIds.uuid()
      const partId = `${device}-${boot}-${++count}`
      const image = pictureOf(random, bytes)
      const draft: Draft = {
        v: 1,
        id,
        ts: now(),
        part_id: partId,
        verdict: { eval: "ng", score: 0.9, t_low: 0.4, t_high: 0.6 },
        findings: [],
        policy: { why_sent: "ng", image: "full" },
      }
      outbox.add([{ draft, awaitsImage: true }])
      await outbox.attach(id, [{ name: "image", mime: "image/png", bytes: image, w: 640, h: 480 }])
      ledger.produced(id, { device, partId, image: createHash("sha256").update(image).digest("hex") })
      sender.wake()
      return id
    },
    /** Ids that lie in the outbox, dead letters among them. */
    held: (): string[] =>
      sqlite
        .prepare<{ id: string }>("SELECT id FROM outbox")
        .all()
        .map(({ id }) => id),
    /** Ends as a process does that is told to; the outbox stays on its disk. */
    close: async (): Promise<void> => {
      sender.onDown()
      await link.stop()
      sqlite.close()
    },
  }
}

/** Waits until a condition holds; false when it has not after `ms`. */
export async function holds(look: () => boolean, ms = 20_000, everyMs = 10): Promise<boolean> {
  const deadline = performance.now() + ms
  while (!look()) {
    if (performance.now() > deadline) return false
    await Bun.sleep(everyMs)
  }
  return true
}
