import mqtt from "mqtt"
import type { HubWire } from "../hub-wire.ts"
import { type MqttPeer, mqttOptions } from "../mqtt-peer.ts"
import { placeOf } from "../place.ts"
import type { OutputDriver } from "./output.ts"

/** Verdicts on the station's topic of the hub's broker, over the connection the station has anyway. */
export function createHubOutput(name: string, wire: HubWire): OutputDriver {
  return {
    name,
    limit_ms: 1_000,
    atOnce: 1,
    send: async (message) => {
      if (!wire.publish(message)) throw new Error("the hub is not connected")
    },
  }
}

/** Verdicts on a topic of another broker of the machine network, QoS 1; sent only while it is connected. */
export function createMqttOutput(name: string, peer: MqttPeer): OutputDriver {
  const client = mqtt.connect(peer.url, mqttOptions(peer))
  let why = "is not connected"
  client.on("error", (error) => {
    why = error.message
  })
  client.on("connect", () => {
    why = "is not connected"
  })
  return {
    name,
    limit_ms: 2_000,
    atOnce: 8,
    send: async (message) => {
      if (!client.connected) throw new Error(`the broker ${placeOf(peer.url)}: ${why}`)
      await client.publishAsync(peer.topic, JSON.stringify(message), { qos: 1 })
    },
    close: async () => {
      await client.endAsync(!client.connected)
    },
  }
}
