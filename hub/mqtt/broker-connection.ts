import type { TLSSocket } from "node:tls"
import mqtt, { type IClientOptions, type MqttClient } from "mqtt"
import { StartFailure } from "#platform/start-failure"

/** One connection attempt: resolves when the broker has let us in; rejects with what it or the network said. */
export function connectOnce(options: IClientOptions): Promise<MqttClient> {
  const client = mqtt.connect(options)
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      client.end(true)
      // MQTT.js may still fail a socket that is being torn down; without a listener that would end the program.
      client.on("error", () => {})
      reject(error)
    }
    const close = () => fail(new Error("the connection was closed"))
    client.once("error", fail)
    client.once("close", close)
    client.once("connect", () => {
      client.off("error", fail)
      client.off("close", close)
      resolve(client)
    })
  })
}

/** When a TLS connection's server certificate is valid, in milliseconds; undefined without TLS. */
export function certificateTimes(client: MqttClient): { from: number; to: number } | undefined {
  const socket = client.stream as Partial<TLSSocket>
  const certificate = socket.getPeerCertificate?.()
  if (!certificate?.valid_from) return undefined
  return { from: Date.parse(certificate.valid_from), to: Date.parse(certificate.valid_to) }
}

export type ConnectTrouble = "refused" | "certificate" | "unreachable"

/** What kind of failure: only the last may pass by itself. */
export function troubleOf(error: unknown): ConnectTrouble {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined
  // MQTT.js gives the return code of CONNACK: 4 bad user name or password, 5 not authorized, 2 identifier rejected.
  if (code === 4 || code === 5 || code === 2 || code === 1) return "refused"
  const text = `${String(code)} ${String(error)}`
  if (/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|SSL|certificate/i.test(text)) return "certificate"
  return "unreachable"
}

/** The failure that ends a program, with an exit code of its own per kind. */
export function connectFailure(address: string, error: unknown): StartFailure {
  const why = error instanceof Error ? error.message : String(error)
  switch (troubleOf(error)) {
    case "refused":
      return new StartFailure(
        "permission",
        `The broker at ${address} does not let the hub in: ${why}.`,
        "Check --broker-credentials (or the client certificate) against the broker's users.",
        error,
      )
    case "certificate":
      return new StartFailure(
        "certificate",
        `The hub and the broker at ${address} do not trust each other: ${why}.`,
        "Check --broker-ca, the name in the broker's certificate, and this machine's clock.",
        error,
      )
    default:
      return new StartFailure(
        "failure",
        `The broker at ${address} cannot be reached: ${why}.`,
        "Check that it runs and that nothing between it and this machine blocks the port.",
        error,
      )
  }
}
