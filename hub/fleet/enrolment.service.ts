import { createHash, randomBytes, timingSafeEqual, verify, X509Certificate } from "node:crypto"
import type { EnrolmentRequest } from "#contract/fleet"
import { Problem } from "#contract/problem"
import { type Actor, type Audit, theHub } from "#platform/audit"
import type { CertificateAuthority } from "#platform/certificate-authority"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import { mosquittoEntry } from "#platform/mosquitto-entry"
import type { Sqlite } from "#platform/sqlite"
import type { Fleet } from "./fleet.service.ts"
import type { FleetStore } from "./fleet.store.ts"

const codeLifeMs = 15 * 60_000
/** How long a station that has shown its code waits for a person, and an approved one to be fetched. */
const requestLifeMs = 60 * 60_000
const certificateLifeMs = 365 * 86_400_000
/** Wrong codes taken per address and minute: 100-bit codes cannot be guessed, this keeps the noise down. */
const wrongCodesPerMinute = 10
/** Certificates a device may ask for in a day; a renewal is due every eight months. */
const renewalsPerDay = 10
/** Crockford's base32: no I, L, O or U to misread from a sheet of paper. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

/** What proves a device from now on: a secret it must keep, or a certificate for a key it has kept all along. */
export type Proof = { secret: string; certificate?: string }
type Waiting = { waiting: true; token: string; fingerprint: string; expires_at: number }

/** How a station becomes known: a one-time code, a person's word, and a proof of its own in exchange. */
export function createEnrolment({
  sqlite,
  store,
  fleet,
  audit,
  clock,
  events,
  ids,
  authority,
}: {
  sqlite: Sqlite
  store: FleetStore
  fleet: Pick<Fleet, "replaced" | "renewed">
  audit: Audit
  clock: Clock
  events: Events
  ids: Ids
  authority: Pick<CertificateAuthority, "signDevice" | "checkRequest">
}) {
  const wrong = new Map<string, number[]>()
  const renewals = new Map<string, { day: number; count: number }>()

  /** Signs before the transaction: what cannot be signed changes nothing. */
  const admit = async (
    who: { device: string; name: string; csr: string | undefined; address: string },
    within: () => void = () => {},
  ): Promise<Proof> => {
    const { device, name, csr, address } = who
    const now = clock.now()
    const secret = randomBytes(32).toString("base64url")
    const signed =
      csr === undefined ? undefined : await authority.signDevice(csr, device, now + certificateLifeMs)
    sqlite.transaction(() => {
      within()
      // While the station waited, its name may have been given to a camera of another maker.
      if (store.kindOf(device) === "source") throw wrongCode()
      store.endCertificates(device, now)
      store.enrol({ id: device, name, at: now, hash: signed ? "" : hashOf(secret) })
      if (signed) {
        const { fingerprint, serial, expiresAt: expires } = signed
        store.insertCertificate({ fingerprint, serial, device, at: now, expires })
        store.clearBrokerEntry(device)
      } else store.setBrokerEntry(device, mosquittoEntry(device, secret))
      const after = { name, address, ...(signed && { certificate: signed.fingerprint }) }
      audit.record({ by: theHub, action: "device.enrol", subject: `device:${device}`, before: null, after })
    })
    fleet.replaced(device)
    return signed ? { secret: "", certificate: signed.pem } : { secret }
  }

  const decide = (by: Actor, id: string, state: "approved" | "refused"): void => {
    const device = sqlite.transaction(() => {
      const decided = store.decide(id, state, by.id, clock.now())
      if (!decided) throw new Problem("not_found", "enrolment_request", "this station does not wait any more")
      audit.record({
        by,
        action: state === "approved" ? "device.approve" : "device.refuse",
        subject: `device:${decided.device}`,
        before: null,
        after: { fingerprint: decided.fingerprint },
      })
      return decided.device
    })
    events.announce("device", { id: device })
  }

  return {
    /**
     * A code for exactly this device: shown once, stored hashed. Pre-approved ones let the station in at once; they are
     * for whoever stands beside it, and for scripts.
     */
    createCode: (by: Actor, device: string, name: string, { preApproved = false } = {}) => {
      if (store.kindOf(device) === "source")
        throw new Problem("conflict", "device_name", `the name ${device} is taken; choose another`, {
          device,
        })
      const code = newCode()
      const expires = clock.now() + codeLifeMs
      sqlite.transaction(() => {
        store.insertCode({ hash: hashOf(normal(code)), device, name, by: by.id, expires, preApproved })
        const after = { name, expires_at: expires, pre_approved: preApproved }
        audit.record({ by, action: "device.invite", subject: `device:${device}`, before: null, after })
      })
      return { code, device, expires_at: expires, pre_approved: preApproved }
    },

    /**
     * Exchanges a code for the device's proof, or for a place among those who wait for a person. Throws `forbidden`
     * (wrong, used, expired), `invalid` (a bad request for a certificate; the code stays good) and `rate_limited`.
     */
    enrol: async (code: string, device: string, address: string, csr?: string): Promise<Proof | Waiting> => {
      const now = clock.now()
      for (const [key, times] of wrong) if (times.every((at) => at <= now - 60_000)) wrong.delete(key)
      const recent = (wrong.get(address) ?? []).filter((at) => at > now - 60_000)
      if (recent.length >= wrongCodesPerMinute)
        throw new Problem("rate_limited", "enrolment", "too many wrong codes; try again in a minute")
      if (csr !== undefined) await authority.checkRequest(csr)

      const token = randomBytes(32).toString("base64url")
      const waiting = {
        waiting: true,
        token,
        fingerprint: shortFingerprint(csr ?? token),
        expires_at: now + requestLifeMs,
      } as const
      const used = sqlite.transaction(() => {
        const found = store.useCode(hashOf(normal(code)), device, now)
        // Since the code was made the name may have been given to a camera of another maker.
        if (!found || store.kindOf(device) === "source") return undefined
        if (found.preApproved) return found
        const { fingerprint, expires_at: expires } = waiting
        store.insertRequest({
          id: ids.uuid(),
          tokenHash: hashOf(token),
          device,
          name: found.name,
          csr: csr ?? null,
          fingerprint,
          address,
          at: now,
          expires,
        })
        const after = { name: found.name, address, fingerprint }
        audit.record({ by: theHub, action: "device.ask", subject: `device:${device}`, before: null, after })
        return found
      })
      if (!used) {
        wrong.set(address, [...recent, now])
        audit.record({
          by: theHub,
          action: "device.wrong_code",
          subject: `device:${device}`,
          before: null,
          after: { address },
        })
        throw wrongCode()
      }
      if (used.preApproved) return admit({ device, name: used.name, csr, address })
      events.announce("device", { id: device })
      return waiting
    },

    /** What waits for a person. */
    waiting: (): EnrolmentRequest[] =>
      store.waitingRequests(clock.now()).map((request) => ({
        id: request.id,
        device: request.device,
        name: request.name,
        fingerprint: request.fingerprint,
        proof: request.csr === undefined ? "secret" : "certificate",
        address: request.address,
        asked_at: request.askedAt,
        expires_at: request.expiresAt,
        replaces:
          store.get(request.device)?.revokedAt === undefined && store.get(request.device) !== undefined,
      })),
    /** Throws `not_found` when it does not wait any more. */
    approve: (by: Actor, id: string): void => decide(by, id, "approved"),
    refuse: (by: Actor, id: string): void => decide(by, id, "refused"),

    /** The proof of an approved station, once; undefined while it waits. Throws `forbidden`. */
    collect: async (
      token: string,
      address: string,
    ): Promise<{ device: string; proof: Proof } | undefined> => {
      const request = store.request(hashOf(token), clock.now())
      if (request?.state === "waiting") return undefined
      const gone = () =>
        new Problem("forbidden", "enrolment_refused", "this station was not let in; ask for a new code")
      if (request?.state !== "approved") throw gone()
      const { device, name, csr } = request
      const proof = await admit({ device, name, csr, address }, () => {
        if (!store.collect(request.id)) throw gone()
      })
      return { device, proof }
    },

    /**
     * A new certificate for a device that shows its present one and proves that it holds the key; one that has expired
     * will do, as long as the device is in service. The old one ends when the new one is first used. Throws `forbidden`.
     */
    renew: async (asked: { certificate: string; csr: string; proof: string }): Promise<string> => {
      const refused = () =>
        new Problem("forbidden", "certificate", "this certificate cannot be renewed; enrol the station anew")
      let fingerprint: string
      try {
        const present = new X509Certificate(asked.certificate)
        const proof = Buffer.from(asked.proof, "base64")
        if (!verify("sha256", Buffer.from(asked.csr), present.publicKey, proof)) throw refused()
        fingerprint = present.fingerprint256.replaceAll(":", "").toLowerCase()
      } catch {
        // What is no certificate, and what is not its key's proof, are the same to whoever asks.
        throw refused()
      }
      const device = store.certificateOf(fingerprint)
      if (device === undefined) throw refused()
      const now = clock.now()
      const day = Math.floor(now / 86_400_000)
      for (const [key, entry] of renewals) if (entry.day !== day) renewals.delete(key)
      const count = (renewals.get(device)?.count ?? 0) + 1
      if (count > renewalsPerDay)
        throw new Problem("rate_limited", "enrolment", "too many renewals today; try again tomorrow")
      renewals.set(device, { day, count })
      const signed = await authority.signDevice(asked.csr, device, now + certificateLifeMs)
      sqlite.transaction(() => {
        if (store.certificateOf(fingerprint) === undefined) throw refused()
        // A renewal whose answer was lost leaves no third one behind.
        store.endCertificates(device, now, fingerprint)
        store.insertCertificate({
          fingerprint: signed.fingerprint,
          serial: signed.serial,
          device,
          at: now,
          expires: signed.expiresAt,
        })
        audit.record({
          by: theHub,
          action: "device.renew",
          subject: `device:${device}`,
          before: { certificate: fingerprint },
          after: { certificate: signed.fingerprint },
        })
      })
      fleet.renewed()
      return signed.pem
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
    /**
     * Whether this is the device's certificate, by SHA-256 in hex; its older ones end here. A newer one does not: its
     * answer may be on the way to a station that has just come in with the old one.
     */
    isCertificateOf: (device: string, fingerprint: string): boolean => {
      if (store.certificateOf(fingerprint) !== device) return false
      store.endOlderCertificates(device, clock.now(), fingerprint)
      return true
    },
  }
}
export type Enrolment = ReturnType<typeof createEnrolment>

/**
 * Plain SHA-256: code, token and secret are 100 and 256 random bits, so there is no dictionary to slow down, and a slow
 * hash would turn a reconnect storm of a thousand stations into minutes.
 */
const hashOf = (text: string) => createHash("sha256").update(text).digest("hex")

const wrongCode = () =>
  new Problem("forbidden", "enrolment_code", "this code is wrong, used or expired; ask for a new one")

const symbolsOf = (bytes: Uint8Array) => [...bytes].map((byte) => alphabet[byte % 32]).join("")

function newCode(): string {
  return symbolsOf(randomBytes(20)).replace(/(.{5})(?=.)/g, "$1-")
}

/** 40 bits that a person compares between the station and the screen. */
function shortFingerprint(text: string): string {
  return symbolsOf(createHash("sha256").update(text).digest().subarray(0, 8)).replace(/(.{4})(?=.)/g, "$1-")
}

/** As people type it: any case, with or without dashes and blanks, O for 0, I and L for 1. */
function normal(code: string): string {
  return code.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1")
}
