import { decodeChunkIndex } from "#contract/chunk-index"
import { parseEnvelope } from "#contract/dsse"
import { Problem } from "#contract/problem"
import type { Manifest, Slot, TrustedKeys } from "#contract/release"
import type { Inspector, OpenInspector } from "../inspector.ts"
import { reasonOf } from "../inspector.ts"
import type { Objects } from "../objects/objects.ts"
import type { FetchOptions, Transfer } from "../objects/transfer.ts"
import { refusalOfManifest, type Target } from "./activation.rules.ts"
import type { ActivationStore } from "./activation.store.ts"
import type { Journal } from "./journal.ts"
import { preflight } from "./preflight.ts"
import { openManifest, SchemaMismatch } from "./signed.ts"

export type CandidateDeps = {
  store: ActivationStore
  journal: Journal
  objects: Objects
  transfer: Transfer
  openInspector: OpenInspector
  keys: TrustedKeys
  /** Free memory and disk of this machine in MiB. */
  room: () => Promise<{ ram_mb: number; disk_mb: number }>
  /** 0..1 of the bytes to fetch. */
  onProgress: (progress: number) => void
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

export type Candidates = ReturnType<typeof createCandidates>

/** Fetches, proves and loads models: everything that happens before the line is touched. */
export function createCandidates(deps: CandidateDeps) {
  const { store, journal, objects, transfer, openInspector, keys } = deps

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
  async function open(manifest: Manifest): Promise<Inspector> {
    return await openInspector(objects.pathOf(manifest.model.sha256), {
      timeoutMs: Math.max(1_000, 2 * manifest.budget.p99_ms),
      thresholds: manifest.contract.thresholds,
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

  async function fetchAll(manifest: Manifest, signal: AbortSignal): Promise<void> {
    const { model, checks } = manifest
    const total = model.size + checks.reduce((sum, check) => sum + check.image.size, 0)
    let here = 0
    const onBytes = (bytes: number) => {
      here += bytes
      deps.onProgress(Math.min(1, here / total))
    }
    for (const { image } of checks) await transfer.fetch(image, { signal, onBytes })
    if ((await objects.has(model)) && (await objects.intact(model.sha256))) onBytes(model.size)
    else {
      await transfer.fetchPartial(model, { index: model.index, signal, onBytes, donors: await donors() })
    }
  }

  /** Deletes what neither slot nor the coming release needs: room for the download. */
  async function sweep(coming: string): Promise<void> {
    const manifests = [coming, store.slot("current")?.manifest, store.slot("previous")?.manifest]
    await objects.sweep(new Set((await Promise.all(manifests.map(objectsOf))).flat()))
  }

  async function tested(manifest: Manifest, proven: boolean): Promise<Inspector> {
    const images = await Promise.all(
      manifest.checks.map(async (check) => {
        const bytes = await objects.read(check.image.sha256)
        if (!bytes) throw new Refused("failed", "source_corrupt", "a check image is damaged")
        return { check, bytes }
      }),
    )
    let inspector: Inspector | undefined
    try {
      inspector = await open(manifest)
      const finding = await preflight(inspector, manifest, images, { latency: !proven })
      if (finding) throw new Refused("failed", finding.reason, finding.detail)
      return inspector
    } catch (error) {
      await inspector?.close()
      if (error instanceof Refused) throw error
      throw new Refused("failed", reasonOf(error), error instanceof Error ? error.message : String(error))
    }
  }

  return {
    /**
     * Takes a target from `offered` to `armed`. Resolves with a loaded, tested model that nobody uses yet; rejects
     * with `Refused`, `FetchFailed`, or the signal's reason.
     */
    prepare: async (
      target: Target,
      signal: AbortSignal,
    ): Promise<{ manifest: Manifest; inspector: Inspector }> => {
      const { sha256 } = target.wanted.manifest
      const proven = store.slot("previous")?.manifest === sha256
      journal.advance("offered", target)
      await transfer.fetch(target.wanted.manifest, { signal })
      const manifest = await heldManifest(sha256)
      const floor = Math.max(store.floor(target.line), 0)
      const refusal = refusalOfManifest(manifest, target, { floor, ...(await deps.room()) })
      if (refusal) throw new Refused("rejected", refusal, `release ${manifest.release} of ${manifest.line}`)

      journal.advance("fetching", target)
      await sweep(sha256)
      await fetchAll(manifest, signal)

      journal.advance("verified", target)
      if (!(await objects.has(manifest.model))) await objects.adopt(manifest.model.sha256)
      journal.advance("staged", target)
      signal.throwIfAborted()

      journal.advance("preflight", target)
      const inspector = await tested(manifest, proven)
      if (signal.aborted) {
        await inspector.close()
        throw signal.reason
      }
      journal.advance("armed", target)
      return { manifest, inspector }
    },

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
