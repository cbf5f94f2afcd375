import { rmSync } from "node:fs"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import type { GatePolicy } from "#contract/registry"
import { BundleManifest } from "#contract/trainer"
import type { Blobs } from "#platform/blobs"
import type { Dataset } from "../dataset/dataset.service.ts"
import { type BundleTarget, type BundleTexts, canonical } from "./bundle-texts.ts"
import type { TrainingJob } from "./training.store.ts"

const Manifest = v.pipe(v.string(), v.parseJson(), BundleManifest)

export type JobBundlesDeps = {
  dataset: Pick<Dataset, "version" | "picture">
  blobs: Pick<Blobs, "put" | "putFile" | "read">
  /** Writes the texts of a bundle into a folder: a process of its own does. */
  texts: BundleTexts
  target: BundleTarget
  policy: GatePolicy
  /** Bundles are put together beneath it. */
  folder: string
}

/**
 * Job bundles: what a trainer is given, named by its content. Nothing in one names the job or the time, so the same task
 * is the same bundle. The golden set is in none.
 */
export function createJobBundles({ dataset, blobs, texts, target, policy, folder }: JobBundlesDeps) {
  /** Manifests by their digest: every picture that is fetched asks for one. */
  const known = new Map<string, BundleManifest>()

  const manifestOf = async (digest: string): Promise<BundleManifest> => {
    const before = known.get(digest)
    if (before) return before
    const manifest = v.parse(Manifest, new TextDecoder().decode(await blobs.read(digest)))
    if (known.size > 32) known.clear()
    known.set(digest, manifest)
    return manifest
  }

  return {
    /** Puts a job's bundle together and stores it. Returns its digest: that of `bundle.json`. */
    async build({ recipe, seed, dataset: digest }: TrainingJob): Promise<string> {
      const frozenAt = dataset.version(digest).created_at
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const building = await mkdtemp(join(folder, "bundle-"))
      try {
        const task = { recipe, seed, dataset: digest, frozenAt, target, policy }
        const { files, pictures } = await texts(task, building)
        for (const { path, sha256 } of files) {
          const kept = await blobs.putFile(join(building, path))
          if (kept.sha256 !== sha256)
            throw new Problem("internal", "internal", `${path} of a bundle is not what was written`)
        }
        const manifest: BundleManifest = { v: 1, files, blobs: pictures }
        return await blobs.put(new TextEncoder().encode(canonical(manifest)))
      } finally {
        await rm(building, { recursive: true, force: true })
      }
    },

    manifest: manifestOf,

    /** Bytes of `bundle.json`. */
    read: (digest: string): Promise<Uint8Array> => blobs.read(digest),

    /** Whether an object is part of a job's bundle: one of its files, or a picture of its training set. */
    async holds(job: Pick<TrainingJob, "bundle" | "dataset">, sha256: string): Promise<boolean> {
      if (job.bundle === null) return false
      const { files } = await manifestOf(job.bundle)
      if (files.some((file) => file.sha256 === sha256)) return true
      const picture = dataset.picture(job.dataset, sha256)
      return picture !== undefined && picture.split !== "golden"
    },

    /** Forgets what a stopped hub had half put together. */
    sweep: (): void => rmSync(folder, { recursive: true, force: true }),
  }
}
export type JobBundles = ReturnType<typeof createJobBundles>
