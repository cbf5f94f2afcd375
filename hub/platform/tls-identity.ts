import { createPrivateKey, X509Certificate } from "node:crypto"
import { chmod, readFile, rename, writeFile } from "node:fs/promises"
import { hostname, networkInterfaces } from "node:os"
import { join } from "node:path"
import { domainToASCII } from "node:url"
import * as v from "valibot"
import { type CertificateAuthority, fingerprintOf, type KeyedCertificate } from "./certificate-authority.ts"
import type { Clock } from "./clock.ts"
import type { Log } from "./log.ts"
import { StartFailure } from "./start-failure.ts"

/** A site's own certificate instead of the hub's; paths to PEM files, `ca` is what stations and tablets trust. */
export type OwnCertificate = { certificate: string; key: string; ca: string }

/** What the hub's doors show, and what whoever knocks must trust. */
export type TlsIdentity = {
  /** The authority's certificate(s), PEM, and the SHA-256 of the first: stations pin it. */
  readonly trust: { pem: string; fingerprint: string; expiresAt: number }
  /** For the broker: valid also for a station whose clock has stopped. */
  readonly broker: () => KeyedCertificate
  /** For browsers, which distrust certificates that are valid for long. */
  readonly web: () => KeyedCertificate
  /** Days left at which `check` renews them; undefined for a site's own, which people replace. */
  readonly renewedWithDays: number | undefined
  /** Calls back whenever the certificates have been renewed. */
  readonly onRenewed: (listener: () => void) => void
  /** Renews what has used up two thirds of its life, and reads a site's own files again when they have changed. */
  readonly check: () => Promise<void>
}

const day = 86_400_000
const lifeMs = 90 * day

/**
 * The hub's own certificates are made for the names this machine has now, kept under `dataDir/keys` so that the next
 * start is quick, and renewed while it runs. Throws StartFailure `config` when a site's own files do not fit.
 */
export async function openTlsIdentity({
  dataDir,
  authority,
  publicHost,
  own,
  clock,
  log,
}: {
  dataDir: string
  authority: CertificateAuthority
  publicHost: string
  own?: OwnCertificate
  clock: Clock
  log: Log
}): Promise<TlsIdentity> {
  const listeners: (() => void)[] = []
  const path = join(dataDir, "keys", "doors.json")
  const names = namesOfThisMachine(publicHost)
  const issue = async (): Promise<Doors> => {
    const now = clock.now()
    const to = now + lifeMs
    const doors = {
      ca: authority.fingerprint,
      names,
      broker: await authority.issueServer(names, 0, to),
      web: await authority.issueServer(names, now - day, to),
    }
    await writeFile(`${path}.new`, JSON.stringify(doors), { mode: 0o600 })
    await rename(`${path}.new`, path)
    return doors
  }
  /** Not due for renewal; a clock that was wrong when it was made may have been put right by years. */
  const isFresh = ({ expiresAt }: KeyedCertificate) => {
    const left = expiresAt - clock.now()
    return left > lifeMs / 3 && left <= lifeMs
  }
  const kept = async (): Promise<Doors | undefined> => {
    const doors = await readDoors(path)
    const same = doors?.ca === authority.fingerprint && doors.names.join() === names.join()
    return same && isFresh(doors.broker) ? doors : undefined
  }
  let site = own && (await readOwn(own))
  let current = site ? { broker: site, web: site } : ((await kept()) ?? (await issue()))
  const trust = own
    ? await readTrust(own.ca)
    : {
        pem: authority.pem,
        fingerprint: authority.fingerprint,
        expiresAt: Date.parse(new X509Certificate(authority.pem).validTo),
      }

  return {
    trust,
    broker: () => current.broker,
    web: () => current.web,
    renewedWithDays: own ? undefined : lifeMs / 3 / day,
    onRenewed: (listener) => void listeners.push(listener),
    check: async () => {
      if (own && site) {
        const fresh = await readOwn(own)
        if (fresh.cert === site.cert) return
        site = fresh
        current = { broker: fresh, web: fresh }
        log.info("certificate_replaced", { expires: new Date(fresh.expiresAt).toISOString() })
        for (const listener of listeners) listener()
        return
      }
      if (isFresh(current.broker)) return
      current = await issue()
      log.info("certificate_renewed", { expires: new Date(current.broker.expiresAt).toISOString() })
      for (const listener of listeners) listener()
    },
  }
}

const Doors = v.object({
  ca: v.string(),
  names: v.array(v.string()),
  broker: v.object({ cert: v.string(), key: v.string(), expiresAt: v.number() }),
  web: v.object({ cert: v.string(), key: v.string(), expiresAt: v.number() }),
})
type Doors = v.InferOutput<typeof Doors>

async function readDoors(path: string): Promise<Doors | undefined> {
  try {
    await chmod(path, 0o600)
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Doors), await readFile(path, "utf8"))
    return parsed.success ? parsed.output : undefined
  } catch {
    // Not there, or not readable: they are made anew, and nobody has pinned them.
    return undefined
  }
}

/** Every name and address this machine may be reached by; what people were told comes first. */
function namesOfThisMachine(publicHost: string): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map((one) => one.address),
  )
  const host = hostname()
  const names = [
    domainToASCII(publicHost) || publicHost,
    domainToASCII(host),
    "localhost",
    "127.0.0.1",
    "::1",
  ]
  return [...new Set([...names, ...addresses].filter((name) => name !== "" && !name.includes("%")))]
}

async function readOwn({ certificate, key }: OwnCertificate): Promise<KeyedCertificate> {
  try {
    const [cert, keyPem] = await Promise.all([readFile(certificate, "utf8"), readFile(key, "utf8")])
    const leaf = new X509Certificate(cert)
    if (!leaf.checkPrivateKey(createPrivateKey(keyPem))) throw new Error("the key is not the certificate's")
    return { cert, key: keyPem, expiresAt: Date.parse(leaf.validTo) }
  } catch (cause) {
    throw new StartFailure(
      "config",
      `The certificate ${certificate} with the key ${key} cannot be used.`,
      "Give PEM files that belong together, readable by the user that runs the hub.",
      cause,
    )
  }
}

async function readTrust(path: string) {
  try {
    const pem = await readFile(path, "utf8")
    return { pem, fingerprint: fingerprintOf(pem), expiresAt: Date.parse(new X509Certificate(pem).validTo) }
  } catch (cause) {
    throw new StartFailure(
      "config",
      `The authority's certificate ${path} cannot be used.`,
      "Give the PEM file of the authority that signed the hub's certificate.",
      cause,
    )
  }
}
