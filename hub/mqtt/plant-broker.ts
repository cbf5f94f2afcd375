import type { BrokerStatus } from "#contract/broker"
import type { BrokerAddress } from "#contract/fleet"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import { createBrokerClient } from "./broker-client.ts"
import { connectOnce } from "./broker-connection.ts"
import {
  addressForDevices,
  type BrokerFiles,
  connectionOptions,
  readBrokerSettings,
  readCredentials,
} from "./broker-settings.ts"
import { createGateway, type GatewayPorts } from "./gateway.ts"
import { createPasswordFile } from "./password-file.ts"

type Config = BrokerFiles & { device_url: string; passwords: string; probe: string }

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
  const probeDevice = config.probe === "" ? undefined : readCredentials(config.probe, "--broker-probe")
  let status: (() => BrokerStatus) | undefined

  return {
    address,
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
      fleet: {
        isInService: (device: string) => boolean
        brokerEntries: () => { id: string; entry: string | null }[]
        attach: (wire: { onAccess: () => void }) => void
      },
    ) => {
      if (config.passwords !== "") {
        const file = createPasswordFile({
          path: config.passwords,
          entries: fleet.brokerEntries,
          onFailure: (error) =>
            log.error("password_file_not_written", { path: config.passwords, error: String(error) }),
        })
        file.write()
        fleet.attach({ onAccess: file.write })
      }
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
      status = gateway.transport.status
      await gateway.transport.open()
      return gateway
    },
  }
}
