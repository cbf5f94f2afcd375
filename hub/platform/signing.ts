import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto"
import { chmod, link, mkdir, open, readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import { keyIdOf, preAuthEncoding } from "#contract/dsse"
import type { Envelope, TrustedKeys } from "#contract/release"
import { syncDirectory } from "./blobs.files.ts"

/** One signing key. The private half never leaves this closure. */
export type Signer = {
  readonly keyid: string
  /** Raw Ed25519 public key, 32 bytes in base64, as devices pin it. */
  readonly publicKey: string
  /** DSSE envelope over exactly these bytes. */
  readonly sign: (payloadType: string, payload: Uint8Array) => Envelope
}

/**
 * The hub key says what a device should run, the release key which models exist (Uptane's director and image roles).
 * A site that keeps the release key elsewhere gives that file only to the machine that releases.
 */
export type SigningKeys = { readonly hub: Signer; readonly release: Signer; readonly trusted: TrustedKeys }

/** Opens both keys under `dataDir/keys`, creating each at first start; files are readable by their owner only. */
export async function openSigningKeys({ dataDir }: { dataDir: string }): Promise<SigningKeys> {
  const directory = join(dataDir, "keys")
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const hub = createSigner(await openKey(directory, "hub.key"))
  const release = createSigner(await openKey(directory, "release.key"))
  return { hub, release, trusted: { hub: hub.publicKey, release: release.publicKey } }
}

/** A signer over an Ed25519 private key. */
export function createSigner(key: KeyObject): Signer {
  const spki = createPublicKey(key).export({ format: "der", type: "spki" })
  const raw = spki.subarray(spki.length - 32)
  const keyid = keyIdOf(raw)
  return {
    keyid,
    publicKey: raw.toString("base64"),
    sign: (payloadType, payload) => ({
      payloadType,
      payload: Buffer.from(payload).toString("base64"),
      signatures: [{ keyid, sig: sign(null, preAuthEncoding(payloadType, payload), key).toString("base64") }],
    }),
  }
}

async function openKey(directory: string, name: string): Promise<KeyObject> {
  const path = join(directory, name)
  const found = await readKey(path)
  if (found) return found
  const { privateKey } = generateKeyPairSync("ed25519")
  const temporary = join(directory, `.${name}.new`)
  await rm(temporary, { force: true })
  const file = await open(temporary, "wx", 0o600)
  try {
    await file.writeFile(privateKey.export({ format: "pem", type: "pkcs8" }))
    await file.sync()
  } finally {
    await file.close()
  }
  // A link, unlike a rename, never replaces a key that devices may already have pinned.
  await link(temporary, path)
  await rm(temporary)
  await syncDirectory(directory)
  return privateKey
}

async function readKey(path: string): Promise<KeyObject | undefined> {
  let pem: Buffer
  try {
    pem = await readFile(path)
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined
    throw cause
  }
  // A restore from backup may have widened the rights.
  await chmod(path, 0o600)
  return createPrivateKey({ key: pem, format: "pem", type: "pkcs8" })
}
