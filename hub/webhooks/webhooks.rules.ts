import { createHmac } from "node:crypto"

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** Waits between tries; about three days in all, so that a weekend without the listener loses nothing. */
const waits = [
  second,
  5 * second,
  30 * second,
  2 * minute,
  10 * minute,
  30 * minute,
  ...Array.from({ length: 12 }, () => hour),
  ...Array.from({ length: 10 }, () => 6 * hour),
]

/** Milliseconds until the next try after so many that failed; null when it is given up. */
export const waitAfter = (attempts: number): number | null => waits[attempts - 1] ?? null

/**
 * The headers of a signed message as "Standard Webhooks" has them: the listener checks `v1,` and the base64 of
 * HMAC-SHA256 over `id.timestamp.body`, and refuses a timestamp that is minutes off.
 */
export function signatureHeaders(
  secret: string,
  message: { id: string; at: number; body: string },
): Record<string, string> {
  const timestamp = String(Math.floor(message.at / 1000))
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64")
  const signature = createHmac("sha256", key)
    .update(`${message.id}.${timestamp}.${message.body}`)
    .digest("base64")
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  }
}

/** Headers a listener may not set: they belong to the transport or to the signature. */
export const isForeignHeader = (name: string): boolean =>
  /^[a-z0-9-]{1,64}$/i.test(name) &&
  !/^(host|content-length|content-type|connection|transfer-encoding|expect|upgrade|webhook-.*)$/i.test(name)
