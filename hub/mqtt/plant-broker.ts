import type { BrokerStatus } from "#contract/broker"
import type { BrokerAddress } from "#contract/fleet"
import { type CertificateAuthority, makeRequest, newKeyPem } from "#platform/certificate-authority"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import { StartFailure } from "#platform/start-failure"
import { type AccessFacts, createBrokerAccess } from "./broker-access.ts"
import { createBrokerClient } from "./broker-client.ts"
import { connectOnce } from "./broker-connection.ts"
import {
  addressForDevices,
  type BrokerFiles,
  type BrokerSettings,
  connectionOptions,
  readBrokerSettings,
  readCredentials,
} from "./broker-settings.ts"
import { createGateway, type GatewayPorts } from "./gateway.ts"

type Config = BrokerFiles & {
  device_url: string
  passwords: string
  reload: string
  certificate_url: string
  certificates: string
  probe: string
}

/** A certificate for the moment in which a connection is taken over to end it. */
const momentMs = 60 * 60_000

/** What the hub does instead of being the broker; undefined without the address of one. Throws StartFailure `config`. */
export function createPlantBroker({
  config,
  clock,
  ids,
  epoch,
  log,
}: {
  config: Config
  clock: Clock
  ids: Ids
  epoch: string
  log: Log
}) {
  if (config.url === "") return undefined
  const settings = readBrokerSettings(config)
  const address: BrokerAddress = addressForDevices(settings, config.device_url)
  const certificateAddress = certificateAddressOf(config, settings)
  const probeDevice = config.probe === "" ? undefined : readCredentials(config.probe, "--broker-probe")
  let status: (() => BrokerStatus) | undefined

  return {
    /** Where stations come in; undefined when this broker takes no certificates. */
    address: (byCertificate: boolean): BrokerAddress | undefined =>
      byCertificate ? certificateAddress : address,
    status: () => status?.(),
    /** Opens a connection beside the hub's own, as another user. Rejects when the broker does not let it in. */
    connectAs: (credentialsFile: string) => {
      const own = readCredentials(credentialsFile, "--sparkplug-credentials")
      return (will: { topic: string; payload: Buffer }) =>
        connectOnce({
          ...connectionOptions({ ...settings, ...own }),
          will: { ...will, qos: 1, retain: false },
        })
    },
    /** Connects, asks the broker for what is needed, and listens. Throws StartFailure when it is not fit. */
    start: async (
      behind: GatewayPorts & { clock: Clock; log: Log },
      fleet: AccessFacts & {
        isInService: (device: string) => boolean
        attach: (wire: { onAccess: () => void; disconnect: (device: string) => void }) => void
      },
      authority: CertificateAuthority,
    ) => {
      const access = config.passwords === "" ? undefined : openAccess(fleet, authority)
      access?.change()
      if (access) fleet.attach({ onAccess: access.change, disconnect: access.disconnect })
      const gateway = await createGateway({
        ...behind,
        openTransport: (handlers) =>
          createBrokerClient({
            settings,
            ...(probeDevice && { probeDevice }),
            handlers,
            isInService: fleet.isInService,
            epoch,
            clock,
            randomHex: ids.random,
            log,
          }),
      })
      status = () => ({ ...gateway.transport.status(), ...(access && { access: access.status() }) })
      await gateway.transport.open()
      return {
        ...gateway,
        close: async () => {
          await access?.close()
          await gateway.close()
        },
      }
    },
  }

  function openAccess(fleet: AccessFacts, authority: CertificateAuthority) {
    const { cert, key: _key, username: hubUser } = settings
    return createBrokerAccess({
      passwords: config.passwords,
      certificates: config.certificates,
      reload: config.reload.split(/\s+/).filter((word) => word !== ""),
      fleet,
      authority,
      hubUser,
      // A broker that asks the hub for a certificate may not ask for passwords at all.
      knock:
        cert === undefined
          ? async (witness) => {
              const client = await connectOnce(connectionOptions({ ...settings, ...witness }))
              await client.endAsync(true)
              return true
            }
          : undefined,
      // Whoever holds the authority may speak for every station: for a moment, to take its place at the broker.
      cut: async (device) => {
        if (!certificateAddress) return
        const { host, port } = certificateAddress
        const key = newKeyPem()
        const { pem } = await authority.signDevice(
          await makeRequest(key, device),
          device,
          clock.now() + momentMs,
        )
        const { username: _u, password: _p, ...nameless } = settings
        const options = connectionOptions({ ...nameless, host, port, tls: true, cert: pem, key })
        await (await connectOnce({ ...options, clientId: device })).endAsync()
      },
      clock,
      log,
    })
  }
}

/** All of it or none: without the list of revoked certificates nobody could be taken out of service. */
function certificateAddressOf(
  { certificate_url, certificates, passwords }: Config,
  settings: BrokerSettings,
): BrokerAddress | undefined {
  if (certificate_url === "" && certificates === "") return undefined
  const address = certificate_url === "" ? undefined : addressForDevices(settings, certificate_url)
  if (address?.tls && certificates !== "" && passwords !== "") return address
  throw new StartFailure(
    "config",
    "Stations with certificates need --broker-certificate-url mqtts://..., --broker-certificates and --broker-passwords.",
    "docs/external-broker.md shows a complete setup.",
  )
}
