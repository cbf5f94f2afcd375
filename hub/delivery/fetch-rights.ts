import * as v from "valibot"
import { type Desired, type Envelope, Manifest } from "#contract/release"
import type { Blobs } from "#platform/blobs"
import type { Log } from "#platform/log"

/**
 * A device may fetch what its signed wish leads to, and nothing else: the manifests it names, and of each the model,
 * the model's index and the check images.
 */
export function createFetchRights({
  desired,
  blobs,
  log,
}: {
  desired: (device: string) => Desired | undefined
  blobs: Pick<Blobs, "read">
  log: Log
}): (device: string, sha256: string) => Promise<boolean> {
  // A manifest never changes under its digest, so what it names is found out once.
  const named = new Map<string, Promise<ReadonlySet<string>>>()

  const objectsOf = (manifest: string): Promise<ReadonlySet<string>> => {
    const known = named.get(manifest)
    if (known) return known
    const reading = readObjects(blobs, manifest).catch((error: unknown) => {
      named.delete(manifest)
      log.error("manifest_unreadable", { manifest, error: String(error) })
      return new Set<string>()
    })
    named.set(manifest, reading)
    return reading
  }

  return async (device, sha256) => {
    for (const { manifest, shadow } of Object.values(desired(device)?.lines ?? {}))
      for (const named of shadow ? [manifest, shadow.manifest] : [manifest])
        if (named.sha256 === sha256 || (await objectsOf(named.sha256)).has(sha256)) return true
    return false
  }
}

async function readObjects(blobs: Pick<Blobs, "read">, manifest: string): Promise<ReadonlySet<string>> {
  const envelope = JSON.parse(new TextDecoder().decode(await blobs.read(manifest))) as Envelope
  const { model, checks } = v.parse(Manifest, JSON.parse(Buffer.from(envelope.payload, "base64").toString()))
  return new Set([
    model.sha256,
    ...(model.index ? [model.index.sha256] : []),
    ...checks.map((c) => c.image.sha256),
  ])
}
