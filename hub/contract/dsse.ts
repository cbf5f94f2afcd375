import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto"
import * as v from "valibot"
import { Problem } from "./problem.ts"
import { Envelope } from "./release.ts"

/**
 * The bytes a DSSE signature covers: PAE(type, body) = "DSSEv1" SP len(type) SP type SP len(body) SP body.
 * The type is inside, so an envelope of one kind never passes as another.
 * https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = new TextEncoder().encode(payloadType)
  const head = new TextEncoder().encode(`DSSEv1 ${type.length} ${payloadType} ${payload.length} `)
  const out = new Uint8Array(head.length + payload.length)
  out.set(head)
  out.set(payload, head.length)
  return out
}

/** Name of a public key: the first 16 hex digits of the SHA-256 of its 32 raw bytes. */
export function keyIdOf(rawPublicKey: Uint8Array): string {
  return createHash("sha256").update(rawPublicKey).digest("hex").slice(0, 16)
}

/** SubjectPublicKeyInfo of an Ed25519 key is this fixed head and the 32 raw bytes. RFC 8410 §4. */
const spkiHead = Buffer.from("302a300506032b6570032100", "hex")

/** An Ed25519 public key from its 32 raw bytes. */
export function publicKeyOf(raw: Uint8Array): KeyObject {
  if (raw.length !== 32) throw new Problem("invalid", "public_key", "an Ed25519 public key has 32 bytes")
  return createPublicKey({ key: Buffer.concat([spkiHead, raw]), format: "der", type: "spki" })
}

/** Reads an envelope from its JSON bytes. Throws `invalid`. */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new Problem("invalid", "envelope", "the envelope is not JSON in UTF-8", {}, cause)
  }
  const parsed = v.safeParse(Envelope, json)
  if (!parsed.success) throw new Problem("invalid", "envelope", "this is not a DSSE envelope")
  return parsed.output
}

/**
 * The payload bytes, if `trusted` (base64 of the raw public key) signed exactly these bytes as `payloadType`.
 * Parse only what this returns. Throws `forbidden` with key `signature`.
 */
export function openEnvelope(envelope: Envelope, payloadType: string, trusted: string): Uint8Array {
  const refuse = (why: string) => new Problem("forbidden", "signature", `the signature does not hold: ${why}`)
  if (envelope.payloadType !== payloadType) throw refuse(`this is not a ${payloadType}`)
  const raw = Buffer.from(trusted, "base64")
  const key = publicKeyOf(raw)
  const keyid = keyIdOf(raw)
  const payload = Buffer.from(envelope.payload, "base64")
  const signed = preAuthEncoding(payloadType, payload)
  // The keyid is a hint only (DSSE §"keyid"): it picks the signature to try, trust comes from the key.
  const held = envelope.signatures.some(
    (s) => s.keyid === keyid && verify(null, signed, key, Buffer.from(s.sig, "base64")),
  )
  if (!held) throw refuse("no signature of the trusted key")
  return payload
}
