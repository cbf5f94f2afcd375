import * as v from "valibot"
import { Count, DeviceId, Instant } from "./ids.ts"

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

/** Days before its end at which people are told of a certificate, and the end itself. */
export const CertificateStep = v.picklist([0, 7, 30, 60])
export type CertificateStep = v.InferOutput<typeof CertificateStep>

export const DoorCount = v.object({
  reason: DoorReason,
  /** Since the hub started. */
  count: Count,
  last_at: Instant,
  /** Device id or address of the last one. */
  last_from: v.string(),
})
export type DoorCount = v.InferOutput<typeof DoorCount>

/**
 * A certificate that ends soon although it should have been replaced by now. `hub` and `station` renew themselves, so
 * something is in their way; `site` (the plant's own for the hub's doors) and `authority` are replaced by people.
 */
export const CertificateAlarm = v.object({
  of: v.picklist(["hub", "site", "authority", "station"]),
  /** The station, and what people call it. */
  device: v.optional(DeviceId),
  name: v.optional(v.string()),
  expires_at: Instant,
  /** It ends within so many days; 0: it has ended. */
  within_days: CertificateStep,
})
export type CertificateAlarm = v.InferOutput<typeof CertificateAlarm>

/** GET /api/security (engineer): how the hub's doors are locked, and what they turned away. */
export const Security = v.object({
  /** SHA-256 (hex) of the certificate that stations pin and tablets trust. */
  ca: v.string(),
  own_certificate: v.boolean(),
  certificate_expires_at: Instant,
  /** Certificates that people have to look after, the most urgent first. */
  certificates: v.array(CertificateAlarm),
  plain: v.picklist(["off", "loopback", "network-unencrypted"]),
  connections: Count,
  turned_away: v.array(DoorCount),
})
export type Security = v.InferOutput<typeof Security>
