import type { Manifest } from "#contract/release"
import type { Inspector } from "../inspector.ts"
import { refusalOfManifest, type Target } from "./activation.rules.ts"
import type { ActivationStore } from "./activation.store.ts"
import type { Journal } from "./journal.ts"
import { Refused, type Releases } from "./releases.ts"

export type CandidateDeps = {
  store: ActivationStore
  journal: Journal
  releases: Releases
  /** Free memory and disk of this machine in MiB. */
  room: () => Promise<{ ram_mb: number; disk_mb: number }>
  /** 0..1 of the bytes to fetch. */
  onProgress: (progress: number) => void
}

export type Candidates = ReturnType<typeof createCandidates>

/** Makes the model of a wish ready to take the line: everything that happens before the line is touched. */
export function createCandidates(deps: CandidateDeps) {
  const { store, journal, releases } = deps

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
      const manifest = await releases.manifest(target.wanted.manifest, signal)
      const floor = Math.max(store.floor(target.line), 0)
      const refusal = refusalOfManifest(manifest, target, { floor, ...(await deps.room()) })
      if (refusal) throw new Refused("rejected", refusal, `release ${manifest.release} of ${manifest.line}`)

      journal.advance("fetching", target)
      await releases.sweep(sha256, target.wanted.shadow?.manifest.sha256)
      await releases.fetchAll(manifest, { signal, onProgress: deps.onProgress })

      journal.advance("verified", target)
      await releases.adopt(manifest)
      journal.advance("staged", target)
      signal.throwIfAborted()

      journal.advance("preflight", target)
      const inspector = await releases.tested(manifest, { latency: !proven })
      if (signal.aborted) {
        await inspector.close()
        throw signal.reason
      }
      journal.advance("armed", target)
      return { manifest, inspector }
    },
  }
}
