import type * as v from "valibot"
import { DeviceState, type HubState } from "#contract/fleet"
import { Reported } from "#contract/release"
import {
  type AckMessage,
  ChunkRequest,
  chunkSize,
  DeviceEvent,
  type InspectionAck,
  type TopicName,
  topicOf,
} from "#contract/topics"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { creditFor, parseJson } from "./mqtt.rules.ts"
import type { Session, Transport, TransportHandlers } from "./transport.ts"

/** What the gateway needs of the domains behind it. */
export type GatewayPorts = {
  readonly fleet: {
    readonly epoch: string
    readonly attach: (wire: {
      publishDesired: (device: string, envelope: string) => void
      disconnect: (device: string) => void
    }) => void
    readonly allDesired: () => { id: string; desired: string }[]
    readonly onConnected: (device: string) => void
    readonly onDisconnected: (device: string) => Promise<void>
    readonly onState: (device: string, state: DeviceState) => Promise<boolean>
    readonly onReported: (device: string, reported: Reported) => Promise<void>
    readonly onEvent: (device: string, event: DeviceEvent) => Promise<void>
  }
  readonly enrolment: { readonly isSecretOf: (device: string, secret: Uint8Array) => boolean }
  readonly ingest: {
    readonly receive: (device: string, topic: string, bytes: Uint8Array) => Promise<InspectionAck | undefined>
    readonly refuse: (
      device: string,
      topic: string,
      bytes: Uint8Array,
      refusal: { id: undefined; code: string; detail: string },
    ) => Promise<boolean>
  }
  readonly delivery: { readonly request: (session: Session, request: ChunkRequest) => Promise<void> }
}

const maxAcksPerMessage = 256

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
  let broker: T

  /** Acks of one turn of the event loop travel together: a commit of 40 frames answers in a few messages. */
  const acknowledge = (session: Session, ack: InspectionAck) => {
    const pending = pendingAcks.get(session)
    if (pending) return void pending.push(ack)
    pendingAcks.set(session, [ack])
    // After this turn: the PUBACK of the same message goes first.
    setImmediate(() => {
      const acks = pendingAcks.get(session) ?? []
      pendingAcks.delete(session)
      const { bytes, limit } = broker.inFlight()
      const credit = creditFor(bytes, limit)
      for (let at = 0; at < acks.length; at += maxAcksPerMessage) {
        const message: AckMessage = {
          v: 1,
          acks: acks.slice(at, at + maxAcksPerMessage),
          credit,
          epoch: fleet.epoch,
        }
        void session.send(topicOf("ack", { d: session.device }), JSON.stringify(message))
      }
    })
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
    switch (name) {
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
    onMessage,
    onConnected: (session) => fleet.onConnected(session.device),
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
      max_packet: broker.maxPayload(),
      chunk: chunkSize,
    }
    return publish(topicOf("hubState"), JSON.stringify(state))
  }

  fleet.attach({
    publishDesired: (device, envelope) => publish(topicOf("desired", { d: device }), envelope),
    disconnect: (device) => {
      broker.disconnect(device)
      // The wish for one box must not greet the next one of that name.
      void publish(topicOf("desired", { d: device }), "")
    },
  })
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
      await publishHubState(false)
      await broker.close()
    },
  }
}
