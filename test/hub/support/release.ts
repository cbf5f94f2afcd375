import { type Manifest, payloadTypes } from "#contract/release"
import { buildIndex } from "../../../hub/delivery/chunk-index.service.ts"
import { contractFor } from "../../models/kit.ts"
import type { TestHub } from "./hub.ts"

/** Signs a release of this model with the hub's own keys and puts all of it into the hub's store. */
export async function release({ hub }: TestHub, model: Uint8Array) {
  const put = async (bytes: Uint8Array) => ({ sha256: await hub.blobs.put(bytes), size: bytes.length })
  const whole = await put(model)
  const index = await buildIndex({ blobs: hub.blobs }, whole.sha256)
  const manifest: Manifest = {
    v: 1,
    line: "main",
    release: 1,
    model: { ...whole, ...(index && { index }) },
    contract: contractFor(),
    checks: [],
    requires: { ram_mb: 1, disk_mb: 1 },
    budget: { p99_ms: 10_000 },
    floor: 1,
    provenance: {},
    created: Date.now(),
  }
  const signed = hub.keys.release.sign(payloadTypes.manifest, Buffer.from(JSON.stringify(manifest)))
  return put(Buffer.from(JSON.stringify(signed)))
}
