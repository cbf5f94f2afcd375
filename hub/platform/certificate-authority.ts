import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from "node:crypto"
import { chmod, link, mkdir, open, readFile, rm } from "node:fs/promises"
import { isIP } from "node:net"
import { join } from "node:path"
import type * as X509 from "@peculiar/x509"
import { Problem } from "#contract/problem"
import { syncDirectory } from "./blobs.files.ts"

/** A certificate with its private key, both PEM, as `node:tls` takes them. */
export type KeyedCertificate = { cert: string; key: string; expiresAt: number }

/** One device's certificate; `fingerprint` is the SHA-256 of its DER form, `serial` its number, in lower-case hex. */
export type DeviceCertificate = { pem: string; fingerprint: string; serial: string; expiresAt: number }

/** The hub's own certificate authority. Its key never leaves this closure. */
export type CertificateAuthority = {
  readonly pem: string
  /** SHA-256 of the certificate's DER form, in lower-case hex: what a station pins at enrolment. */
  readonly fingerprint: string
  /** A certificate for servers that answer to these names and addresses, with a key made for it. */
  readonly issueServer: (names: readonly string[], from: number, to: number) => Promise<KeyedCertificate>
  /** Throws `invalid` unless it is a request for a P-256 key, signed by it. */
  readonly checkRequest: (csrPem: string) => Promise<void>
  /** Signs a device's request; whatever name it asks for, it gets its own. Throws `invalid` on a bad request. */
  readonly signDevice: (csrPem: string, device: string, to: number) => Promise<DeviceCertificate>
  /** A list of revoked certificates (CRL, PEM), for servers that check certificates without asking the hub. */
  readonly revocationList: (revoked: readonly { serial: string; at: number }[]) => Promise<string>
}

/**
 * Loaded when there is something to issue or to check, which is not at every start. In this order: the library needs the metadata interface when it is evaluated, and a
 * bundle would reorder plain imports.
 */
async function library(): Promise<typeof X509> {
  await import("reflect-metadata")
  return import("@peculiar/x509")
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const
/** RFC 5280 §4.1.2.5: "no well-defined expiration date". A plant must not stop because an anniversary has come. */
const never = new Date("9999-12-31T23:59:59Z")
/**
 * Certificates of devices and of the broker are valid from the beginning of time: a station whose clock lost its
 * battery wakes up in 1970 and must still reach its hub.
 */
const alwaysBefore = new Date(0)

/** Opens the authority under `dataDir/keys`, creating it at first start; the key is readable by its owner only. */
export async function openCertificateAuthority({
  dataDir,
}: {
  dataDir: string
}): Promise<CertificateAuthority> {
  const directory = join(dataDir, "keys")
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const keyPath = join(directory, "ca.key")
  const certificatePath = join(directory, "ca.pem")

  const keyPem = (await readIfThere(keyPath)) ?? (await keep(keyPath, newKeyPem(), 0o600))
  // A restore from backup may have widened the rights.
  await chmod(keyPath, 0o600)
  const keys = await keysOf(createPrivateKey(keyPem))
  // A lost certificate is made again from the key: stations that pinned the old one accept what either has signed.
  const pem =
    (await readIfThere(certificatePath)) ?? (await keep(certificatePath, await selfSigned(keys), 0o644))

  const issue = async (options: {
    name: string
    names: readonly string[]
    use: "serverAuth" | "clientAuth"
    publicKey: X509.X509CertificateCreateParams["publicKey"]
    from: Date
    to: Date
  }) => {
    const x509 = await library()
    const ca = new x509.X509Certificate(pem)
    return x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: [{ CN: [options.name] }],
      issuer: ca.subjectName,
      notBefore: options.from,
      notAfter: options.to,
      publicKey: options.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        // One use each: a station's certificate must not pass for the hub's.
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage[options.use]], true),
        new x509.SubjectAlternativeNameExtension(
          options.names.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value })),
        ),
        await x509.AuthorityKeyIdentifierExtension.create(ca),
      ],
    })
  }

  return {
    pem,
    fingerprint: fingerprintOf(pem),
    issueServer: async (names, from, to) => {
      const key = newKeyPem()
      const { publicKey } = await keysOf(createPrivateKey(key))
      const use = "serverAuth"
      const name = names[0] ?? "crux"
      const cert = await issue({ name, names, use, publicKey, from: new Date(from), to: new Date(to) })
      return { cert: `${cert.toString("pem")}\n${pem}`, key, expiresAt: to }
    },
    checkRequest: async (csrPem) => void (await parseRequest(csrPem)),
    signDevice: async (csrPem, device, to) => {
      const request = await parseRequest(csrPem)
      const use = "clientAuth"
      const { publicKey } = request
      const cert = await issue({
        name: device,
        names: [device],
        use,
        publicKey,
        from: alwaysBefore,
        to: new Date(to),
      })
      const signed = cert.toString("pem")
      return { pem: signed, fingerprint: fingerprintOf(signed), serial: cert.serialNumber, expiresAt: to }
    },
    revocationList: async (revoked) => {
      const x509 = await library()
      const list = await x509.X509CrlGenerator.create({
        issuer: new x509.X509Certificate(pem).subjectName,
        // No end: a list that runs out while the hub is away would stop every station of the plant.
        thisUpdate: alwaysBefore,
        nextUpdate: never,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        entries: revoked.map(({ serial, at }) => ({ serialNumber: serial, revocationDate: new Date(at) })),
      })
      const text = Buffer.from(list.rawData)
        .toString("base64")
        .replace(/(.{64})/g, "$1\n")
      // RFC 7468 §6; the library's own label is one that OpenSSL does not know.
      return `-----BEGIN X509 CRL-----\n${text.trim()}\n-----END X509 CRL-----\n`
    },
  }
}

/** SHA-256 of the first certificate of a PEM file, in lower-case hex. Throws when there is none. */
export function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase()
}

/** A certificate request that is well-formed, made for a P-256 key and signed by it. Throws `invalid`. */
async function parseRequest(pem: string): Promise<X509.Pkcs10CertificateRequest> {
  const x509 = await library()
  try {
    const request = new x509.Pkcs10CertificateRequest(pem)
    const key = request.publicKey.algorithm as { name?: string; namedCurve?: string }
    if (key.namedCurve === "P-256" && (await request.verify())) return request
  } catch (cause) {
    throw new Problem(
      "invalid",
      "certificate_request",
      "this is not a certificate request (PKCS #10, PEM)",
      {},
      cause,
    )
  }
  throw new Problem(
    "invalid",
    "certificate_request",
    "the certificate request must be for a P-256 key and signed by it",
  )
}

/** A request for a certificate of this device, signed with its own key, for which only the device has the other half. */
export async function makeRequest(keyPem: string, device: string): Promise<string> {
  const x509 = await library()
  const keys = await keysOf(createPrivateKey(keyPem))
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [device] }],
    keys,
    signingAlgorithm: algorithm,
  })
  return request.toString("pem")
}

/** A fresh P-256 private key, PKCS #8 in PEM. */
export function newKeyPem(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString()
}

async function keysOf(key: KeyObject): Promise<CryptoKeyPair> {
  const pkcs8 = new Uint8Array(key.export({ format: "der", type: "pkcs8" }))
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"])
  const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", privateKey)
  const half = { crv, kty, x, y } as JsonWebKey
  return { privateKey, publicKey: await crypto.subtle.importKey("jwk", half, algorithm, true, ["verify"]) }
}

async function selfSigned(keys: CryptoKeyPair): Promise<string> {
  const x509 = await library()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    // Told apart by a random word: a tablet may trust the hubs of several halls.
    name: [{ CN: [`CRUX hub ${randomBytes(4).toString("hex")}`] }],
    notBefore: alwaysBefore,
    notAfter: never,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return `${certificate.toString("pem")}\n`
}

/** RFC 5280 §4.1.2.2: positive, at most 20 bytes. */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString("hex")
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8")
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined
    throw cause
  }
}

/** Writes a new file completely or not at all; never replaces one that stations may already have pinned. */
async function keep(path: string, text: string, mode: number): Promise<string> {
  const temporary = `${path}.new`
  await rm(temporary, { force: true })
  const file = await open(temporary, "wx", mode)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await link(temporary, path)
  await rm(temporary)
  await syncDirectory(join(path, ".."))
  return text
}
