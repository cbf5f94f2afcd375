import type { IClientOptions } from "mqtt"

/** A broker that is not the hub's, and a topic there. */
export type MqttPeer = {
  /** mqtt://host:port or mqtts://host:port, without a password. */
  url: string
  topic: string
  user?: string | undefined
  password?: string | undefined
}

/** Clean sessions, nothing queued while the connection is down: what is late is of no use to a line. */
export function mqttOptions({ user, password }: MqttPeer): IClientOptions {
  return {
    clean: true,
    keepalive: 15,
    connectTimeout: 5_000,
    reconnectPeriod: 2_000,
    reconnectOnConnackError: true,
    queueQoSZero: false,
    ...(user !== undefined && { username: user }),
    ...(password !== undefined && { password }),
  }
}
