import { createHash, randomBytes, timingSafeEqual } from "node:crypto"
import { Problem } from "#contract/problem"
import { type Actor, type Audit, theHub } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { Fleet } from "./fleet.service.ts"
import type { FleetStore } from "./fleet.store.ts"
import { mosquittoEntry } from "./mosquitto-entry.ts"

const codeLifeMs = 15 * 60_000
/** Wrong codes taken per address and minute: 100-bit codes cannot be guessed, this keeps the noise down. */
const wrongCodesPerMinute = 10
/** Crockford's base32: no I, L, O or U to misread from a sheet of paper. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/** How a station becomes known: a one-time code from an admin, exchanged for a secret of its own. */
export function createEnrolment({
  sqlite,
  store,
  fleet,
  audit,
  clock,
}: {
  sqlite: Sqlite
  store: FleetStore
  fleet: Pick<Fleet, "replaced">
  audit: Audit
  clock: Clock
}) {
  const wrong = new Map<string, number[]>()

  return {
    /** A code for exactly this device: shown once, stored hashed. */
    createCode: (by: Actor, device: string, name: string) => {
      if (store.kindOf(device) === "source")
        throw new Problem("conflict", "device_name", `the name ${device} is taken; choose another`, {
          device,
        })
      const code = newCode()
      const expires = clock.now() + codeLifeMs
      sqlite.transaction(() => {
        store.insertCode({ hash: hashOf(normal(code)), device, name, by: by.id, expires })
        const after = { name, expires_at: expires }
        audit.record({ by, action: "device.invite", subject: `device:${device}`, before: null, after })
      })
      return { code, device, expires_at: expires }
    },

    /** Exchanges a code for the device's secret. Throws `forbidden` (wrong, used, expired) and `rate_limited`. */
    enrol: (code: string, device: string, address: string): { secret: string } => {
      const now = clock.now()
      for (const [key, times] of wrong) if (times.every((at) => at <= now - 60_000)) wrong.delete(key)
      const recent = (wrong.get(address) ?? []).filter((at) => at > now - 60_000)
      if (recent.length >= wrongCodesPerMinute)
        throw new Problem("rate_limited", "enrolment", "too many wrong codes; try again in a minute")
      const secret = randomBytes(32).toString("base64url")
      const enrolled = sqlite.transaction(() => {
        const name = store.useCode(hashOf(normal(code)), device, now)
        // Since the code was made the name may have been given to a camera of another maker.
        if (name === undefined || store.kindOf(device) === "source") return false
        store.enrol({ id: device, name, at: now, hash: hashOf(secret) })
        store.setBrokerEntry(device, mosquittoEntry(device, secret))
        const subject = `device:${device}`
        audit.record({ by: theHub, action: "device.enrol", subject, before: null, after: { name, address } })
        return true
      })
      if (!enrolled) {
        wrong.set(address, [...recent, now])
        throw new Problem(
          "forbidden",
          "enrolment_code",
          "this code is wrong, used or expired; ask for a new one",
        )
      }
      fleet.replaced(device)
      return { secret }
    },

    /** Whether this secret is the device's own. Unknown and revoked devices take the same time and fail. */
    isSecretOf: (device: string, secret: Uint8Array): boolean => {
      const expected = store.secretHash(device)
      const equal = timingSafeEqual(
        createHash("sha256").update(secret).digest(),
        Buffer.from(expected ?? "0".repeat(64), "hex"),
      )
      return equal && expected !== undefined
    },
  }
}
export type Enrolment = ReturnType<typeof createEnrolment>

/**
 * Plain SHA-256: code and secret are 100 and 256 random bits, so there is no dictionary to slow down, and a slow hash
 * would turn a reconnect storm of a thousand stations into minutes.
 */
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex")

function newCode(): string {
  const symbols = [...randomBytes(20)].map((byte) => alphabet[byte % 32]).join("")
  return symbols.replace(/(.{5})(?=.)/g, "$1-")
}

/** As people type it: any case, with or without dashes and blanks, O for 0, I and L for 1. */
function normal(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1")
}
