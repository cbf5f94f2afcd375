import { randomBytes } from "node:crypto"
import type { BrokerCheck } from "#contract/broker"
import { StartFailure } from "#platform/start-failure"
import { connectFailure, connectOnce } from "./broker-connection.ts"
import { probeBroker } from "./broker-probe.ts"
import { addressOf, type BrokerSettings, type Credentials, connectionOptions } from "./broker-settings.ts"

/** The hub's start-up probe by itself. Throws StartFailure when there is no connection to ask over. */
export async function checkBroker(settings: BrokerSettings, device?: Credentials): Promise<BrokerCheck[]> {
  const client = await connectOnce(connectionOptions(settings)).catch((error: unknown) => {
    throw connectFailure(addressOf(settings), error)
  })
  client.on("error", () => {})
  try {
    const { checks } = await probeBroker({
      client,
      settings,
      now: Date.now,
      nonce: randomBytes(16).toString("hex"),
      ...(device && { device }),
    })
    return checks
  } finally {
    await client.endAsync(true)
  }
}

/** What makes a broker unfit, with an exit code of its own: lacking ability is a setting, open doors are a finding. */
export function probeFailure(address: string, checks: readonly BrokerCheck[]): StartFailure | undefined {
  const failed = checks.filter(({ state }) => state === "failed")
  if (failed.length === 0) return undefined
  const open = failed.every(({ check }) => check === "anonymous" || check === "device_rights")
  const clock = failed.some(({ check }) => check === "clock")
  return new StartFailure(
    open ? "verification" : clock ? "certificate" : "config",
    `The broker at ${address} is not fit: ${failed.map(({ check, detail }) => `${check}: ${detail}`).join("; ")}.`,
    "Nothing was changed. docs/external-broker.md shows a setup that passes.",
  )
}
