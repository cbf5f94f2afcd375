import { createHash, createPrivateKey, sign, X509Certificate } from "node:crypto"
import { chmod, readFile } from "node:fs/promises"
import { isIP } from "node:net"
import * as v from "valibot"
import { Enrolment, EnrolmentWaiting, RenewedCertificate } from "#contract/fleet"
import { ProblemBody } from "#contract/problem"
import { writeDurably } from "./files.ts"

/**
 * What enrolment leaves on a station. `key` is its own and never leaves it; `hub` is where it enrolled, and `hub_ca` the
 * SHA-256 of the authority it was held to there, which is not the one of a broker of the plant.
 */
const Identity = v.object({
  ...Enrolment.entries,
  key: v.optional(v.string()),
  hub: v.optional(v.string()),
  hub_ca: v.optional(v.string()),
})
export type Identity = v.InferOutput<typeof Identity>

/** The station cannot know who it is. Ends the program with the config exit code. */
class IdentityFailure extends Error {
  readonly exit = "config"
  readonly remedy: string
  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.remedy = remedy
  }
}

/** Who this station is and whom it trusts, as enrolment has left it; undefined before. Throws `IdentityFailure`. */
export async function readIdentity(path: string): Promise<Identity | undefined> {
  let text: string
  try {
    text = await readFile(path, "utf8")
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
  // A copy from elsewhere may have widened the rights; the secret is in there.
  await chmod(path, 0o600)
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Identity), text)
  if (parsed.success) return parsed.output
  throw new IdentityFailure(
    `${path} is damaged.`,
    "Restore it from a backup, or remove it and enrol this station with a new code.",
  )
}

/** What the person at the station was given: typed one by one, or all in one ticket. */
export type Invitation = {
  hub: string
  code: string
  device: string
  /** SHA-256 (hex) of the authority's certificate; nothing else is trusted. */
  ca?: string | undefined
}

/** Reads a ticket (`crux://enrol?...`); undefined when it is none. */
export function readTicket(text: string): Invitation | undefined {
  if (!text.startsWith("crux://enrol?")) return undefined
  const parts = new URLSearchParams(text.slice("crux://enrol?".length))
  const [hub, code, device, ca] = ["hub", "code", "device", "ca"].map((key) => parts.get(key) ?? undefined)
  if (hub === undefined || code === undefined || device === undefined) return undefined
  return { hub, code, device, ca }
}

/** Makes keys and requests for certificates; handed in, because stations with a secret never need it. */
export type KeyMaker = {
  newKeyPem: () => string
  makeRequest: (keyPem: string, device: string) => Promise<string>
}

const askAgainMs = 2_000

/**
 * Redeems a one-time code at the hub and keeps the answer, readable by its owner alone. Waits while a person has to
 * approve. With `keys` the station proves itself by a key of its own instead of a secret. Throws `IdentityFailure`.
 */
export async function enrol(
  path: string,
  invitation: Invitation,
  options: {
    keys?: KeyMaker | undefined
    /** A person has accepted that the network between here and the hub may read the secret. */
    unencrypted?: boolean
    onWaiting?: (fingerprint: string) => void
    signal?: AbortSignal
  } = {},
): Promise<Identity> {
  const { hub, code, device } = invitation
  const call = await openHub(invitation, options.unencrypted ?? false)
  const key = options.keys?.newKeyPem()
  const csr = key === undefined ? undefined : await options.keys?.makeRequest(key, device)
  let answer = await call("/api/enrol", { code, device, ...(csr !== undefined && { csr }) })
  if (answer.status === 202) {
    const { token, fingerprint } = understand(EnrolmentWaiting, answer.body, hub)
    options.onWaiting?.(fingerprint)
    while (answer.status === 202) {
      await Bun.sleep(askAgainMs)
      options.signal?.throwIfAborted()
      answer = await call("/api/enrol/collect", { token })
    }
  }
  const enrolment = understand(Enrolment, answer.body, hub)
  const { ca } = enrolment.mqtt
  // Over TLS the hub has been held to the pin. A broker of the plant has an authority of its own, which only a hub that
  // is known may name: one that was reached over TLS, or on this machine.
  const { protocol, hostname } = new URL(hub)
  const known = protocol === "https:" || (isLoopback(hostname) && enrolment.mqtt.tls === true)
  if (invitation.ca !== undefined && !known && (ca === undefined || fingerprintOf(ca) !== invitation.ca)) {
    throw new IdentityFailure(
      `The hub at ${hub} is not the one that made the code: its certificate is another.`,
      "Ask for a new code, and check that nobody stands between this station and the hub.",
    )
  }
  const identity: Identity = {
    ...enrolment,
    hub,
    ...(invitation.ca !== undefined && { hub_ca: invitation.ca }),
    ...(key !== undefined && { key }),
  }
  await keep(path, identity)
  return identity
}

const renewFrom = 2 / 3

/**
 * Asks for a new certificate once two thirds of the present one's year are over, also when it has ended already. What
 * comes back is kept before it is used. Answers the present identity when there is nothing to do or the hub is away.
 */
export async function renewCertificate(
  path: string,
  identity: Identity,
  keys: KeyMaker,
  now: number,
): Promise<Identity> {
  const { certificate, key, hub, device } = identity
  if (certificate === undefined || key === undefined || hub === undefined) return identity
  const end = Date.parse(new X509Certificate(certificate).validTo)
  if (now < end - (1 - renewFrom) * 365 * 86_400_000) return identity
  const fresh = keys.newKeyPem()
  const csr = await keys.makeRequest(fresh, device)
  const proof = sign("sha256", Buffer.from(csr), createPrivateKey(key)).toString("base64")
  const { ca, tls } = identity.mqtt
  const pin = identity.hub_ca ?? (ca === undefined || tls === true ? undefined : fingerprintOf(ca))
  const call = await openHub({ hub, device, code: "", ca: pin }, true)
  const { body } = await call("/api/enrol/renew", { certificate, csr, proof })
  const renewed = {
    ...identity,
    certificate: understand(RenewedCertificate, body, hub).certificate,
    key: fresh,
  }
  await keep(path, renewed)
  return renewed
}

const keep = (path: string, identity: Identity) =>
  writeDurably(path, new TextEncoder().encode(JSON.stringify(identity, null, 2)), 0o600)

type Call = (path: string, body: object) => Promise<{ status: number; body: unknown }>

/** The hub's interface, over TLS with the pinned authority. Refuses to send a code where anybody may read the answer. */
async function openHub(invitation: Invitation, unencrypted: boolean): Promise<Call> {
  const { device } = invitation
  const origin = new URL(invitation.hub).origin
  const encrypted = origin.startsWith("https:")
  if (!encrypted && !unencrypted && !isLoopback(new URL(origin).hostname)) {
    throw new IdentityFailure(
      `${origin} is not encrypted: whoever listens on the network could take this station's place.`,
      "Start the hub with --http-tls true and use https, or accept the risk with --unencrypted-enrolment.",
    )
  }
  const request = async (path: string, init: BunFetchRequestInit) => {
    try {
      return await fetch(new URL(path, origin), { ...init, signal: AbortSignal.timeout(15_000) })
    } catch (cause) {
      throw new IdentityFailure(
        `The hub at ${origin} does not answer, or shows a certificate that is not trusted.`,
        "Check --hub, --ca and the network. The code was not used.",
        cause,
      )
    }
  }
  let tls: BunFetchRequestInit["tls"]
  if (encrypted && invitation.ca !== undefined) {
    // A certificate is public, so it may come from whoever answers: only the one with the right fingerprint counts.
    const answer = await request("/api/ca.pem", { tls: { rejectUnauthorized: false } })
    const pem = await answer.text()
    if (!answer.ok || fingerprintOf(pem) !== invitation.ca.toLowerCase().replaceAll(":", "")) {
      throw new IdentityFailure(
        `The hub at ${origin} is not the one that made the code: its certificate is another.`,
        "Check --hub and --ca. The code was not used.",
      )
    }
    tls = { ca: pem }
  }
  return async (path, body) => {
    const response = await request(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      ...(tls && { tls }),
    })
    const answer: unknown = await response.json().catch(() => undefined)
    if (response.ok) return { status: response.status, body: answer }
    const problem = v.safeParse(ProblemBody, answer)
    const why = problem.success ? problem.output.title : `it answered ${response.status}`
    throw new IdentityFailure(
      `The hub does not enrol ${device}: ${why}`,
      "A code works once and for 15 minutes, for the device it was made for. Ask for a new one.",
    )
  }
}

function understand<S extends v.GenericSchema>(schema: S, body: unknown, hub: string): v.InferOutput<S> {
  const parsed = v.safeParse(schema, body)
  if (parsed.success) return parsed.output
  throw new IdentityFailure(`What answers at ${hub} is not a CRUX hub.`, "Check --hub.")
}

/** SHA-256 of a PEM certificate in lower-case hex; empty for what is none, which equals no pin. */
function fingerprintOf(pem: string): string {
  try {
    return createHash("sha256").update(new X509Certificate(pem).raw).digest("hex")
  } catch {
    // The caller says what is wrong: this is not the certificate it was told.
    return ""
  }
}

function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, "")
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."))
}
