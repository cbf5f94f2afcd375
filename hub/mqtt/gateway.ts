import type * as v from "valibot"
import { DeviceState, type HubState } from "#contract/fleet"
import { Problem } from "#contract/problem"
import { Reported } from "#contract/release"
import { cxs1, decodeSegment, type Segment, transferOf } from "#contract/segment"
import {
  type AckMessage,
  ChunkRequest,
  chunkSize,
  type DeviceError,
  DeviceEvent,
  type InspectionAck,
  type SegmentAnswer,
  type TopicName,
  topicOf,
  VerdictMessage,
} from "#contract/topics"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { creditFor, isTooLong, maxFrame, maxInspection, parseJson, segmentSize } from "./mqtt.rules.ts"
import { createPatience } from "./patience.ts"
import { createReassembly } from "./reassembly.ts"
import type { Session, Transport, TransportHandlers } from "./transport.ts"

/** What the gateway needs of the domains behind it. */
export type GatewayPorts = {
  readonly fleet: {
    readonly epoch: string
    readonly attach: (wire: {
      publishDesired: (device: string, envelope: string) => void
      disconnect: (device: string) => void
      trigger: (device: string, facts: string) => boolean
    }) => void
    readonly allDesired: () => { id: string; desired: string }[]
    readonly onConnected: (device: string, address: string) => void
    readonly onTakenOver: (device: string) => void
    readonly onDisconnected: (device: string) => Promise<void>
    readonly onState: (device: string, state: DeviceState) => Promise<boolean>
    readonly onReported: (device: string, reported: Reported) => Promise<void>
    readonly onEvent: (device: string, event: DeviceEvent) => Promise<void>
  }
  readonly enrolment: {
    readonly isSecretOf: (device: string, secret: Uint8Array) => boolean
    readonly isCertificateOf: (device: string, fingerprint: string) => boolean
  }
  readonly ingest: {
    readonly receive: (device: string, topic: string, bytes: Uint8Array) => Promise<InspectionAck | undefined>
    readonly refuse: (
      device: string,
      topic: string,
      bytes: Uint8Array,
      refusal: { id: undefined; code: string; detail: string },
    ) => Promise<boolean>
    readonly onRefusal: (
      listener: (
        device: string,
        refusal: { topic: string; at: number; code: string; detail: string; id: string | undefined },
      ) => void,
    ) => void
  }
  readonly delivery: { readonly request: (session: Session, request: ChunkRequest) => Promise<void> }
}

const maxAcksPerMessage = 256
/** How often unfinished frames are looked through. */
const tidyMs = 60_000
const retryWhenBusyMs = 5_000

/** Connects the transport's messages to the domains and their answers to the devices: protocol `crux/v1`. */
export async function createGateway<T extends Transport>({
  fleet,
  enrolment,
  ingest,
  delivery,
  clock,
  log,
  openTransport,
}: GatewayPorts & {
  clock: Clock
  log: Log
  /** Opens what carries the messages: the embedded broker, or a connection to one of the plant. */
  openTransport: (handlers: TransportHandlers) => Promise<T>
}) {
  const pendingAcks = new Map<Session, InspectionAck[]>()
  const reassembly = createReassembly({ clock, maxFrame })
  const patience = createPatience({ clock })
  let broker: T

  /** The reason goes to the device; one that goes on and on is cut off, and may come back and behave. */
  ingest.onRefusal((device, { topic, at, code, detail, id }) => {
    const error: DeviceError = { v: 1, ts: at, topic, code, detail, ...(id !== undefined && { id }) }
    const session = broker.session(device)
    void session?.send(topicOf("error", { d: device }), JSON.stringify(error))
    if (!patience.isOver(device)) return
    log.warn("too_many_refusals", { device, code })
    setImmediate(() => broker.disconnect(device))
  })

  /** Acks of one turn of the event loop travel together: a commit of 40 frames answers in a few messages. */
  const acknowledge = (session: Session, ack: InspectionAck) => {
    const pending = pendingAcks.get(session)
    if (pending) return void pending.push(ack)
    pendingAcks.set(session, [ack])
    // After this turn: the PUBACK of the same message goes first.
    setImmediate(() => {
      const acks = pendingAcks.get(session) ?? []
      pendingAcks.delete(session)
      const { limit, ...inFlight } = broker.inFlight()
      const credit = creditFor(inFlight, limit)
      for (let at = 0; at < acks.length; at += maxAcksPerMessage) {
        const message: AckMessage = {
          v: 1,
          acks: acks.slice(at, at + maxAcksPerMessage),
          credit,
          epoch: fleet.epoch,
          ts: clock.now(),
        }
        void session.send(topicOf("ack", { d: session.device }), JSON.stringify(message))
      }
    })
  }

  const tellSegments = (session: Session, answer: Omit<SegmentAnswer, "v">) => {
    const message: SegmentAnswer = { v: 1, ...answer }
    void session.send(topicOf("segmentAnswer", { d: session.device }), JSON.stringify(message))
  }

  /** A piece of a long frame; the last one that was missing makes it a frame like any other. */
  const onSegment = async (device: string, topic: string, payload: Buffer, session: Session | null) => {
    let segment: Segment | undefined
    try {
      segment = decodeSegment(payload)
      const progress = reassembly.take(device, segment)
      if ("missing" in progress) {
        if (session && segment.index === cxs1.question)
          tellSegments(session, { xfer: transferOf(segment), missing: progress.missing })
        return
      }
      let keep = false
      try {
        const ack = await ingest.receive(device, topicOf("inspection", { d: device }), progress.frame)
        keep = ack?.st === "later"
        if (session && ack) acknowledge(session, ack)
        if (session && !ack)
          tellSegments(session, { xfer: transferOf(segment), missing: [], st: "bad", code: "frame" })
      } finally {
        progress.done(keep)
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      const answer = segment && { xfer: transferOf(segment), missing: [], code: error.key }
      if (error.code === "unavailable") {
        if (session && answer) tellSegments(session, { ...answer, st: "later", retry_ms: retryWhenBusyMs })
        return
      }
      await ingest.refuse(device, topic, payload, { id: undefined, code: error.key, detail: error.message })
      if (session && answer) tellSegments(session, { ...answer, st: "bad" })
    }
  }

  /** What is not understood is kept and shown, and acknowledged: refused, a 3.1.1 client would send it for ever. */
  const understand = async <S extends v.GenericSchema>(
    schema: S,
    device: string,
    name: TopicName,
    payload: Buffer,
  ): Promise<v.InferOutput<S> | undefined> => {
    const message = parseJson(schema, payload)
    if (message !== undefined) return message
    const detail = `the message on ${name} does not fit its schema`
    await ingest.refuse(device, topicOf(name, { d: device }), payload, {
      id: undefined,
      code: "schema",
      detail,
    })
    return undefined
  }

  const onMessage: TransportHandlers["onMessage"] = async (device, name, payload, session) => {
    if (isTooLong(name, payload.length)) {
      const detail = `${payload.length} bytes are too long for ${name}`
      await ingest.refuse(device, topicOf(name, { d: device, xfer: "", i: "" }), payload, {
        id: undefined,
        code: "too_long",
        detail,
      })
      return null
    }
    switch (name) {
      case "segment":
        await onSegment(device, topicOf(name, { d: device, xfer: "", i: "" }), payload, session)
        return null
      case "inspection": {
        const ack = await ingest.receive(device, topicOf(name, { d: device }), payload)
        if (ack && session) acknowledge(session, ack)
        return null
      }
      case "chunkGet": {
        const request = await understand(ChunkRequest, device, name, payload)
        if (request && session) await delivery.request(session, request)
        return null
      }
      case "event": {
        const event = await understand(DeviceEvent, device, name, payload)
        if (event) await fleet.onEvent(device, event)
        return null
      }
      case "verdict": {
        const verdict = await understand(VerdictMessage, device, name, payload)
        return verdict ? payload : null
      }
      case "state": {
        const state = await understand(DeviceState, device, name, payload)
        return state && (await fleet.onState(device, state)) ? payload : null
      }
      case "reported": {
        const reported = await understand(Reported, device, name, payload)
        if (!reported) return null
        await fleet.onReported(device, reported)
        return payload
      }
      default:
        throw new Error(`nothing takes ${name} from a device`)
    }
  }

  broker = await openTransport({
    isSecretOf: enrolment.isSecretOf,
    isCertificateOf: enrolment.isCertificateOf,
    onMessage,
    onConnected: (session) => fleet.onConnected(session.device, session.address),
    onTakenOver: fleet.onTakenOver,
    onDisconnected: (session) => {
      pendingAcks.delete(session)
      fleet
        .onDisconnected(session.device)
        .catch((error) => log.warn("last_seen_not_stored", { error: String(error) }))
    },
    onReturned: () => greet(),
  })

  const publish = (topic: string, payload: string): Promise<void> =>
    broker
      .publishRetained(topic, payload)
      .catch((error) => log.error("publish_failed", { topic, error: String(error) }))
  const publishHubState = (online: boolean): Promise<void> => {
    const state: HubState = {
      v: 1,
      online,
      epoch: fleet.epoch,
      ts: clock.now(),
      max_packet: Math.min(maxInspection, broker.maxPayload()),
      segment: segmentSize,
      max_frame: maxFrame,
      chunk: chunkSize,
    }
    return publish(topicOf("hubState"), JSON.stringify(state))
  }

  fleet.attach({
    trigger: (device, facts) => {
      const session = broker.session(device)
      if (!session || session.closed()) return false
      void session.send(topicOf("trigger", { d: device }), facts)
      return true
    },
    publishDesired: (device, envelope) => publish(topicOf("desired", { d: device }), envelope),
    disconnect: (device) => {
      broker.disconnect(device)
      // The wish for one box must not greet the next one of that name, nor what it said outlive it.
      for (const name of ["desired", "state", "reported"] as const)
        void publish(topicOf(name, { d: device }), "")
    },
  })
  const tidying = setInterval(reassembly.dropIdle, tidyMs)
  /** Everything retained, for a broker that has none of it: ours at start, another one when it is back. */
  const greet = async (): Promise<void> => {
    for (const { id, desired } of fleet.allDesired()) await publish(topicOf("desired", { d: id }), desired)
    await publishHubState(true)
  }
  await greet()

  return {
    transport: broker,
    /** Devices connected now, and bytes being committed. */
    load: () => ({ sessions: broker.sessions().length, ...broker.inFlight() }),
    /** Says goodbye and closes every connection. */
    close: async (): Promise<void> => {
      clearInterval(tidying)
      await publishHubState(false)
      await broker.close()
    },
  }
}
