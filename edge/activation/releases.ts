import { decodeChunkIndex } from "#contract/chunk-index"
import { parseEnvelope } from "#contract/dsse"
import { Problem } from "#contract/problem"
import type { Manifest, ObjectRef, Slot, TrustedKeys } from "#contract/release"
import type { Inspector, OpenInspector } from "../inspector.ts"
import { reasonOf } from "../inspector.ts"
import type { Objects } from "../objects/objects.ts"
import { FetchFailed, type FetchOptions, type Transfer } from "../objects/transfer.ts"
import type { ActivationStore } from "./activation.store.ts"
import { preflight } from "./preflight.ts"
import { openManifest, SchemaMismatch } from "./signed.ts"

export type ReleaseDeps = {
  store: ActivationStore
  objects: Objects
  transfer: Transfer
  openInspector: OpenInspector
  keys: TrustedKeys
}

/** The candidate will not run; the model on the line was not touched. */
export class Refused extends Error {
  readonly state: "rejected" | "failed"
  readonly reason: string
  constructor(state: "rejected" | "failed", reason: string, detail: string) {
    super(detail)
    this.state = state
    this.reason = reason
  }
}

export function refusalFrom(error: unknown): {
  state: "rejected" | "failed"
  reason: string
  detail: string
} {
  if (error instanceof Refused) return { state: error.state, reason: error.reason, detail: error.message }
  if (error instanceof FetchFailed) return { state: "failed", reason: error.code, detail: error.message }
  throw error
}

export type Releases = ReturnType<typeof createReleases>

/** Signed releases on this disk: fetched, proven, loaded, and swept when nobody needs them any more. */
export function createReleases({ store, objects, transfer, openInspector, keys }: ReleaseDeps) {
  /** The proven manifest of a release on this disk. Rejects with `Refused`. */
  async function heldManifest(sha256: string): Promise<Manifest> {
    const bytes = await objects.read(sha256)
    if (!bytes) throw new Refused("failed", "model_missing", "the manifest is not on this disk")
    return verifiedManifest(bytes)
  }

  function verifiedManifest(bytes: Uint8Array): Manifest {
    try {
      return openManifest(parseEnvelope(bytes), keys)
    } catch (error) {
      if (error instanceof SchemaMismatch) throw new Refused("rejected", error.code, error.message)
      if (error instanceof Problem) throw new Refused("rejected", "signature", error.message)
      throw error
    }
  }

  /** Loads the model of a signed, complete release. */
  async function open(manifest: Manifest, background = false): Promise<Inspector> {
    return await openInspector(objects.pathOf(manifest.model.sha256), {
      // In the background it gets what is left of the machine: slow is not hung.
      timeoutMs: background
        ? Math.max(5_000, 10 * manifest.budget.p99_ms)
        : Math.max(1_000, 2 * manifest.budget.p99_ms),
      ...limitsOf(manifest),
      background,
    })
  }

  /** Names of all objects a release consists of; nothing for one that cannot be read. */
  async function objectsOf(manifestSha: string | undefined): Promise<string[]> {
    if (manifestSha === undefined) return []
    const manifest = await heldManifest(manifestSha).catch(() => undefined)
    if (!manifest) return [manifestSha]
    const { model, checks } = manifest
    const index = model.index ? [model.index.sha256] : []
    return [manifestSha, model.sha256, ...index, ...checks.map((check) => check.image.sha256)]
  }

  async function donors(): Promise<NonNullable<FetchOptions["donors"]>> {
    const found: { path: string; index: ReturnType<typeof decodeChunkIndex> }[] = []
    for (const name of ["current", "previous"] as const) {
      const slot = store.slot(name)
      const manifest = slot && (await heldManifest(slot.manifest).catch(() => undefined))
      const bytes = manifest?.model.index && (await objects.read(manifest.model.index.sha256))
      if (bytes) found.push({ path: objects.pathOf(manifest.model.sha256), index: decodeChunkIndex(bytes) })
    }
    return found
  }

  /** Brings model and check images to this disk; `onProgress` is told 0..1 of the bytes. */
  async function fetchAll(
    manifest: Manifest,
    { signal, onProgress = () => {} }: { signal: AbortSignal; onProgress?: (progress: number) => void },
  ): Promise<void> {
    const { model, checks } = manifest
    const total = model.size + checks.reduce((sum, check) => sum + check.image.size, 0)
    let here = 0
    const counted = (bytes: number) => {
      here += bytes
      onProgress(Math.min(1, here / total))
    }
    for (const { image } of checks) await transfer.fetch(image, { signal, onBytes: counted })
    if ((await objects.has(model)) && (await objects.intact(model.sha256))) counted(model.size)
    else {
      await transfer.fetchPartial(model, {
        index: model.index,
        signal,
        onBytes: counted,
        donors: await donors(),
      })
    }
  }

  /** Deletes what neither a slot nor the coming releases need. */
  async function sweep(...coming: (string | undefined)[]): Promise<void> {
    const manifests = [...coming, store.slot("current")?.manifest, store.slot("previous")?.manifest]
    await objects.sweep(new Set((await Promise.all(manifests.map(objectsOf))).flat()))
  }

  /** Loads a release that is here and runs its check images. Rejects with `Refused`. */
  async function tested(
    manifest: Manifest,
    options: { latency: boolean; background?: boolean },
  ): Promise<Inspector> {
    const images = await Promise.all(
      manifest.checks.map(async (check) => {
        const bytes = await objects.read(check.image.sha256)
        if (!bytes) throw new Refused("failed", "source_corrupt", "a check image is damaged")
        return { check, bytes }
      }),
    )
    let inspector: Inspector | undefined
    try {
      inspector = await open(manifest, options.background)
      const finding = await preflight(inspector, manifest, images, options)
      if (finding) throw new Refused("failed", finding.reason, finding.detail)
      return inspector
    } catch (error) {
      await inspector?.close()
      if (error instanceof Refused) throw error
      throw new Refused("failed", reasonOf(error), error instanceof Error ? error.message : String(error))
    }
  }

  return {
    /** Fetches and proves a manifest. Rejects with `Refused`, `FetchFailed`, or the signal's reason. */
    manifest: async (ref: ObjectRef, signal: AbortSignal): Promise<Manifest> => {
      await transfer.fetch(ref, { signal })
      return await heldManifest(ref.sha256)
    },
    fetchAll,
    /** The complete, verified model file gets its name. */
    adopt: async ({ model }: Manifest): Promise<void> => {
      if (!(await objects.has(model))) await objects.adopt(model.sha256)
    },
    tested,
    sweep,
    /** Loads what a slot names, checking signature and file again: disks rot. Rejects with `Refused`. */
    load: async (slot: Slot): Promise<{ manifest: Manifest; inspector: Inspector }> => {
      const manifest = await heldManifest(slot.manifest)
      if (manifest.model.sha256 !== slot.digest || !(await objects.intact(slot.digest))) {
        throw new Refused("failed", "model_corrupt", "the model file is not what was signed")
      }
      try {
        return { manifest, inspector: await open(manifest) }
      } catch (error) {
        throw new Refused("failed", reasonOf(error), error instanceof Error ? error.message : String(error))
      }
    },
  }
}

const limitsOf = ({ contract: { thresholds, products } }: Manifest) => ({
  thresholds,
  ...(products && { products }),
})
