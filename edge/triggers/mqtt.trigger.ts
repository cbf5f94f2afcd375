import mqtt from "mqtt"
import type { HubWire } from "../hub-wire.ts"
import { type MqttPeer, mqttOptions } from "../mqtt-peer.ts"
import { readTrigger, type Trigger, type TriggerSink, triggerBytes } from "./trigger.ts"

/** Triggers on the station's own topic of the hub's broker, over the connection the station has anyway. */
export function createHubTrigger(wire: HubWire): Trigger {
  return {
    listen: async (sink, signal) => {
      const off = wire.onTrigger((payload) => take(payload, sink))
      signal.addEventListener("abort", off, { once: true })
    },
  }
}

/**
 * Triggers on a topic of another broker of the machine network. QoS 0 and nothing retained: a trigger that comes late
 * or twice would take a picture of another part.
 */
export function createMqttTrigger(peer: MqttPeer): Trigger {
  return {
    listen: async (sink, signal) => {
      const client = mqtt.connect(peer.url, mqttOptions(peer))
      client.on("connect", () => {
        client.subscribe(peer.topic, { qos: 0 }, (error, granted) => {
          if (error || granted?.some(({ qos }) => qos > 2)) {
            sink.lost(`the broker does not allow to listen on ${peer.topic}`)
          }
        })
      })
      client.on("message", (_topic, payload, packet) => {
        if (!packet.retain && !packet.dup) take(payload, sink)
      })
      let told = false
      client.on("error", (error) => {
        if (!told) sink.lost(`the broker of the triggers: ${error.message}`)
        told = true
      })
      client.on("connect", () => {
        told = false
      })
      signal.addEventListener("abort", () => void client.end(true), { once: true })
    },
  }
}

function take(payload: Uint8Array, sink: TriggerSink) {
  try {
    if (payload.length > triggerBytes) throw new Error("the message is too long")
    sink.fire(readTrigger(new TextDecoder("utf-8", { fatal: true }).decode(payload)))
  } catch (error) {
    sink.refuse(error instanceof Error ? error.message : String(error))
  }
}
