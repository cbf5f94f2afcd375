import * as v from "valibot"
import { Instant } from "./ids.ts"

/** What a hub asks of a broker it is a client of, in the order it asks. */
export const brokerChecks = [
  "connect",
  "clock",
  "qos1",
  "retained",
  "max_packet",
  "anonymous",
  "device_rights",
] as const

/**
 * `warn` is worth a look and no reason to stop; `failed` keeps the hub from working with this broker; `skipped` could
 * not be asked. `detail` is an English sentence for the log and the terminal, `value` the number behind it.
 */
export const BrokerCheck = v.object({
  check: v.picklist(brokerChecks),
  state: v.picklist(["ok", "warn", "failed", "skipped"]),
  detail: v.string(),
  value: v.optional(v.number()),
})
export type BrokerCheck = v.InferOutput<typeof BrokerCheck>

/** GET /api/broker: which broker carries `crux/v1`, and what the last probe found. The address holds no credentials. */
export const BrokerStatus = v.object({
  kind: v.picklist(["embedded", "external"]),
  connected: v.boolean(),
  /** Since when it is so. */
  since: Instant,
  /** Devices whose session is open now. */
  sessions: v.number(),
  address: v.optional(v.string()),
  /** Why the last attempt failed, while there is no connection. */
  trouble: v.optional(v.string()),
  /** Connections lost since the hub started. */
  losses: v.optional(v.number()),
  probe: v.optional(v.object({ at: Instant, checks: v.array(BrokerCheck) })),
  /**
   * Files from which that broker learns who may come in. `read`: the broker has proved that it knows them as they are
   * now; `waiting`: it has not, so whoever was enrolled last is not let in yet, and whoever was removed last may still be
   * connected, although the hub does not listen to it; `failed`: they could not be written.
   */
  access: v.optional(
    v.object({
      files: v.array(v.string()),
      state: v.picklist(["read", "waiting", "failed"]),
      changed_at: Instant,
      read_at: v.optional(Instant),
      /** What the system said to the last attempt to write them, or to tell the broker. */
      trouble: v.optional(v.string()),
    }),
  ),
})
export type BrokerStatus = v.InferOutput<typeof BrokerStatus>
