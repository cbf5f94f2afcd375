import { randomBytes } from "node:crypto"
import { uuidv7 } from "uuidv7"

/** New identifiers. Injected, so tests can count them. */
export type Ids = {
  /** Time-ordered UUIDv7 (RFC 9562). */
  uuid(): string
  /** Random lower-case hex of `bytes` bytes from the system's CSPRNG. */
  random(bytes: number): string
}

export const systemIds: Ids = { uuid: uuidv7, random: (bytes) => randomBytes(bytes).toString("hex") }
