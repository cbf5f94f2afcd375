import { generateKeyPairSync } from "node:crypto"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Aedes } from "aedes"
import * as v from "valibot"
import { encodeChunkIndex } from "#contract/chunk-index"
import { decodeFrame } from "#contract/cxf1"
import { DeviceState, type Enrolment } from "#contract/fleet"
import type { InspectionHeader } from "#contract/inspection"
import { type Desired, type Envelope, type Manifest, payloadTypes, Reported } from "#contract/release"
import {
  type AckMessage,
  ChunkRequest,
  chunkSize,
  DeviceEvent,
  type InspectionAck,
  topicOf,
  VerdictMessage,
} from "#contract/topics"
import { createSigner } from "#platform/signing"
import { sha256 } from "./kit.ts"

const device = "line-1"
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))

/** Keys as a hub has them; `other` is somebody else's. */
export function keysOfHub() {
  const signer = () => createSigner(generateKeyPairSync("ed25519").privateKey)
  const [hub, release, other] = [signer(), signer(), signer()]
  return { hub, release, other, trusted: { hub: hub.publicKey, release: release.publicKey } }
}
export type HubKeys = ReturnType<typeof keysOfHub>

export type Peer = Awaited<ReturnType<typeof startPeer>>

/**
 * The other end of the wire: a real broker that stores objects, answers chunk requests and records what a device says,
 * with a hook wherever a test wants it to misbehave. It shares the contract with the hub, and no other code.
 */
export async function startPeer(keys: HubKeys, at: { port?: number } = {}) {
  const objects = new Map<string, Uint8Array>()
  const received: InspectionHeader[] = []
  const images = new Map<string, Uint8Array[]>()
  const states: DeviceState[] = []
  const reports: Reported[] = []
  const events: DeviceEvent[] = []
  const requests: ChunkRequest[] = []
  const verdicts: VerdictMessage[] = []
  let epoch = "epoch-1"
  const hooks = {
    /** What to send as chunk `i` of `object`; undefined sends nothing. */
    chunk: (_object: string, _i: number, bytes: Uint8Array): Uint8Array | undefined => bytes,
    /** The answer to a record; undefined answers nothing. */
    ack: (id: string): InspectionAck | undefined => ({ id, st: "stored" }),
    credit: { msgs: 4, bytes: 8 * 1024 * 1024 },
  }

  const aedes = await Aedes.createBroker()
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
    aedes.handle(socket)
  })
  const port = await new Promise<number>((resolve) =>
    server.listen(at.port ?? 0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
  )

  const publish = (topic: string, payload: Uint8Array | string, retain = false) =>
    new Promise<void>((resolve, reject) =>
      aedes.publish(
        { cmd: "publish", topic, payload: Buffer.from(payload), qos: 0, dup: false, retain },
        (error) => (error ? reject(error) : resolve()),
      ),
    )
  const publishHubState = () => {
    const state = {
      v: 1,
      online: true,
      epoch,
      ts: Date.now(),
      max_packet: 8 * 1024 * 1024 + 65_536,
      chunk: chunkSize,
    }
    return publish(topicOf("hubState"), JSON.stringify(state), true)
  }

  aedes.on("publish", (packet, client) => {
    if (!client) return
    const payload = packet.payload as Buffer
    const json = () => JSON.parse(payload.toString())
    const topic = (name: Parameters<typeof topicOf>[0]) => topicOf(name, { d: device })
    if (packet.topic === topic("state")) states.push(v.parse(DeviceState, json()))
    if (packet.topic === topic("reported")) reports.push(v.parse(Reported, json()))
    if (packet.topic === topic("event")) events.push(v.parse(DeviceEvent, json()))
    if (packet.topic === topic("verdict")) verdicts.push(v.parse(VerdictMessage, json()))
    if (packet.topic === topic("inspection")) void onInspection(payload)
    if (packet.topic === topic("chunkGet")) void onChunkGet(v.parse(ChunkRequest, json()))
  })

  async function onInspection(payload: Uint8Array) {
    const { header, parts } = decodeFrame(payload)
    received.push(header)
    images.set(
      header.id,
      parts.map((part) => part.slice()),
    )
    const ack = hooks.ack(header.id)
    if (!ack) return
    const message: AckMessage = { v: 1, acks: [ack], credit: hooks.credit, epoch }
    await publish(topicOf("ack", { d: device }), JSON.stringify(message))
  }

  async function onChunkGet(request: ChunkRequest) {
    requests.push(request)
    const bytes = objects.get(request.object)
    if (!bytes) return
    for (const [first, count] of request.ranges) {
      for (let i = first; i < first + count; i++) {
        const chunk = hooks.chunk(request.object, i, bytes.slice(i * chunkSize, (i + 1) * chunkSize))
        if (chunk) await publish(topicOf("chunk", { d: device, xfer: request.xfer, i: String(i) }), chunk)
      }
    }
  }

  function put(bytes: Uint8Array) {
    const name = sha256(bytes)
    objects.set(name, bytes)
    return { sha256: name, size: bytes.length }
  }

  await publishHubState()

  return {
    port,
    objects,
    received,
    images,
    states,
    reports,
    events,
    requests,
    verdicts,
    publish,
    hooks,
    put,
    identity: (): Enrolment => ({
      device,
      secret: "s3cret",
      mqtt: { host: "127.0.0.1", port },
      keys: keys.trusted,
    }),

    /** Stores a model and its signed manifest; answers what a desired document names. */
    release: (
      model: Uint8Array,
      manifest: Omit<Manifest, "v" | "line" | "model" | "provenance" | "created" | "requires" | "floor"> &
        Partial<Manifest>,
      by = keys.release,
    ) => {
      const whole = put(model)
      const index =
        model.length > chunkSize
          ? put(
              encodeChunkIndex({
                total: model.length,
                chunks: Array.from({ length: Math.ceil(model.length / chunkSize) }, (_, i) => {
                  const chunk = model.slice(i * chunkSize, (i + 1) * chunkSize)
                  return { length: chunk.length, digest: Buffer.from(sha256(chunk), "hex") }
                }),
              }),
            )
          : undefined
      const full: Manifest = {
        v: 1,
        line: "brightness",
        model: { ...whole, ...(index && { index }) },
        requires: { ram_mb: 1, disk_mb: 1 },
        floor: 1,
        provenance: {},
        created: Date.now(),
        ...manifest,
      }
      const envelope = text(by.sign(payloadTypes.manifest, text(full)))
      return { manifest: put(envelope), release: full.release, model: whole }
    },

    /** Signs and retains a wish. */
    wish: async (desired: Partial<Desired> & { rev: number }, by = keys.hub): Promise<Envelope> => {
      const full: Desired = {
        v: 1,
        device,
        epoch,
        lines: {},
        floor: {},
        sampling: { audit: 0, image_ok: "none" },
        ...desired,
      }
      const envelope = by.sign(payloadTypes.desired, text(full))
      await publish(topicOf("desired", { d: device }), JSON.stringify(envelope), true)
      return envelope
    },
    publishDesired: (envelope: Envelope) =>
      publish(topicOf("desired", { d: device }), JSON.stringify(envelope), true),
    newEpoch: async (name: string) => {
      epoch = name
      await publishHubState()
    },
    /** Cuts every connection; the door stays open. */
    cut: () => {
      for (const socket of sockets) socket.destroy()
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
    },
  }
}
