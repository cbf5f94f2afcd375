import * as v from "valibot"
import { Count, Instant } from "./ids.ts"

/** Why the broker turned something away or slowed it down. */
export const doorReasons = [
  "connections",
  "connections_per_address",
  "connects_per_second",
  "handshake",
  "no_connect",
  "packet_too_long",
  "malformed",
  "wrong_secret",
  "wrong_certificate",
  "bad_connect",
  "publish_not_allowed",
  "subscribe_not_allowed",
  "too_fast",
] as const
export const DoorReason = v.picklist(doorReasons)
export type DoorReason = v.InferOutput<typeof DoorReason>

export const DoorCount = v.object({
  reason: DoorReason,
  /** Since the hub started. */
  count: Count,
  last_at: Instant,
  /** Device id or address of the last one. */
  last_from: v.string(),
})
export type DoorCount = v.InferOutput<typeof DoorCount>

/** GET /api/security (engineer): how the hub's doors are locked, and what they turned away. */
export const Security = v.object({
  /** SHA-256 (hex) of the certificate that stations pin and tablets trust. */
  ca: v.string(),
  own_certificate: v.boolean(),
  certificate_expires_at: Instant,
  plain: v.picklist(["off", "loopback", "network-unencrypted"]),
  connections: Count,
  turned_away: v.array(DoorCount),
})
export type Security = v.InferOutput<typeof Security>
