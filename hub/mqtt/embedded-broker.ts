import type { BrokerStatus } from "#contract/broker"
import type { DoorCount } from "#contract/security"
import type { CertificateAuthority } from "#platform/certificate-authority"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import { StartFailure } from "#platform/start-failure"
import type { TlsIdentity } from "#platform/tls-identity"
import type { HubConfig } from "../config.ts"
import { createBroker } from "./broker.ts"
import { createGateway, type GatewayPorts } from "./gateway.ts"
import type { SourceHandlers } from "./source-clients.ts"

/** The hub's own broker with its two doors: without encryption, where that is wanted, and with TLS. */
export function createEmbeddedBroker({
  config,
  isReader,
  clock,
  log,
}: {
  config: HubConfig["mqtt"]
  isReader: (name: string, password: Uint8Array) => boolean
  clock: Clock
  log: Log
}) {
  const since = clock.now()
  let { port, tls_port: tlsPort } = config
  let [turnedAway, sessions]: [() => DoorCount[], () => number] = [() => [], () => 0]

  return {
    /** The ports it listens on, once started. */
    port: () => port,
    tlsPort: () => tlsPort,
    /** What was turned away or slowed down since the start. */
    turnedAway: () => turnedAway(),
    status: (): BrokerStatus => ({ kind: "embedded", connected: true, since, sessions: sessions() }),
    /** Opens the doors. Throws StartFailure for a port that is taken, and leaves none open then. */
    async start(
      behind: GatewayPorts & { clock: Clock; log: Log },
      {
        sources,
        tls,
        authority,
      }: {
        sources: SourceHandlers & { attach: (disconnect: (source: string) => void) => void }
        tls: Pick<TlsIdentity, "broker" | "onRenewed">
        authority: Pick<CertificateAuthority, "pem">
      },
    ) {
      const gateway = await createGateway({
        ...behind,
        openTransport: (handlers) =>
          createBroker({
            handlers,
            clock,
            log,
            isReader,
            sources,
            limits: {
              connections: config.max_connections,
              connectionsPerAddress: config.max_connections_per_address,
              connectsPerSecond: config.max_connects_per_second,
            },
          }),
      })
      try {
        const { transport } = gateway
        sources.attach(transport.disconnectSource)
        turnedAway = transport.turnedAway
        sessions = () => gateway.load().sessions
        const { host, plain } = config
        // Whoever lets the system choose the one port runs beside other hubs, and wants the same for the other.
        const wanted = { plain: config.port, tls: config.port === 0 ? 0 : config.tls_port }
        if (plain !== "off") {
          const where = plain === "loopback" ? "127.0.0.1" : host
          if (plain === "network-unencrypted")
            log.warn("mqtt_unencrypted_on_network", { host, port: wanted.plain })
          port = (await listening(transport.listen(wanted.plain, where), wanted.plain, "mqtt-port")).port
        }
        const credentials = () => ({ ...tls.broker(), clientCa: authority.pem })
        const opened = transport.listenTls(wanted.tls, host, credentials)
        tlsPort = (await listening(opened, wanted.tls, "mqtt-tls-port")).port
        tls.onRenewed(() => transport.renewTls())
        return gateway
      } catch (error) {
        await gateway.close()
        throw error
      }
    },
  }
}

/** Says which port is taken, in the one error type that reaches people. */
async function listening<T>(opening: Promise<T>, port: number, flag: string): Promise<T> {
  try {
    return await opening
  } catch (cause) {
    const taken = cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE"
    if (!taken) throw cause
    throw new StartFailure(
      "failure",
      `Port ${port} is already in use by another program.`,
      `Stop that program, or choose another port with --${flag}.`,
      cause,
    )
  }
}
