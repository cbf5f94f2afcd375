import { constants, copyFile, mkdir, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import { ParityFile, ResultManifest } from "#contract/trainer"
import type { Blobs } from "#platform/blobs"
import type { LeasesStore } from "./leases.store.ts"
import type { TrainingJob } from "./training.store.ts"
import { createTurns } from "./turns.ts"

const Manifest = v.pipe(v.string(), v.parseJson(), ResultManifest)
const Parity = v.pipe(v.string(), v.parseJson(), ParityFile)
const demanded = ["model.onnx", "crux.json", "metrics.json", "parity.json"]
/** Of everything but the model and a checkpoint: what the hub reads whole. */
const mostRead = 4 * 1024 * 1024

export type ResultsDeps = {
  leases: Pick<LeasesStore, "fileSize">
  blobs: Pick<Blobs, "read" | "file">
  /** Folder results are laid out in, one a job. */
  folder: string
  /** Reads the model and its contract; throws `invalid` with what does not fit. */
  check: (dir: string) => Promise<unknown>
}

/** Results of trainers on other machines: files by their digest, believed only as far as they can be checked. */
export function createResults({ leases, blobs, folder, check }: ResultsDeps) {
  // The same call may come twice at once, when the first one's answer took too long.
  const inTurn = createTurns()
  const read = async (job: string, sha256: string): Promise<string> => {
    const size = leases.fileSize(job, sha256)
    if (size === undefined) throw missing(sha256)
    if (size > mostRead) throw refuse(`a file of ${size} bytes is no text`)
    return new TextDecoder().decode(await blobs.read(sha256))
  }

  /** What the manifest says, once all that it names is there. */
  const manifestOf = async (job: TrainingJob, sha256: string) => {
    const parsed = v.safeParse(Manifest, await read(job.id, sha256))
    if (!parsed.success) throw refuse(`manifest.json: ${v.summarize(parsed.issues)}`)
    const manifest = parsed.output
    if (manifest.job_id !== job.id) throw refuse("manifest.json is of another job")
    if (manifest.bundle !== job.bundle) throw refuse("the result was made from another job bundle")
    const byPath = new Map(manifest.files.map((file) => [file.path, file]))
    if (byPath.size !== manifest.files.length || byPath.has("manifest.json"))
      throw refuse("manifest.json names a path twice, or itself")
    for (const path of demanded) if (!byPath.has(path)) throw refuse(`the result has no ${path}`)
    for (const { path, sha256, size } of manifest.files) {
      const there = leases.fileSize(job.id, sha256)
      if (there === undefined) throw missing(sha256)
      if (there !== size) throw refuse(`${path} has ${there} bytes, not ${size}`)
    }
    if (byPath.get("model.onnx")?.sha256 !== manifest.model.sha256)
      throw refuse("model.onnx is not the file the manifest names")
    return { manifest, byPath }
  }

  return {
    /**
     * Lays a result out as a folder {manifest.json, model.onnx, crux.json, parity.json, …} and checks it. Throws
     * `artifact_missing` for what has not been uploaded, `invalid` for what is wrong; then nothing is left of it.
     */
    layOut: (job: TrainingJob, manifestSha256: string): Promise<string> =>
      inTurn(job.id, async () => {
        const { manifest, byPath } = await manifestOf(job, manifestSha256)
        const parity = v.safeParse(Parity, await read(job.id, byPath.get("parity.json")!.sha256))
        if (!parity.success) throw refuse(`parity.json: ${v.summarize(parity.issues)}`)
        for (const { image } of parity.output.samples)
          if (!byPath.has(image)) throw refuse(`parity.json names ${image}, which is not in the result`)
        const dir = join(folder, job.id)
        const building = `${dir}.new`
        try {
          await rm(building, { recursive: true, force: true })
          await mkdir(building, { recursive: true, mode: 0o700 })
          const files = [...manifest.files, { path: "manifest.json", sha256: manifestSha256 }]
          for (const { path, sha256 } of files) {
            // Paths are of the contract's plain form: nothing of them leads out of the folder.
            const target = join(building, path)
            await mkdir(dirname(target), { recursive: true })
            await copyFile(await blobs.file(sha256), target, constants.COPYFILE_FICLONE)
          }
          await check(building)
          await rm(dir, { recursive: true, force: true })
          await rename(building, dir)
          return dir
        } catch (error) {
          await rm(building, { recursive: true, force: true })
          throw error
        }
      }),
  }
}
export type Results = ReturnType<typeof createResults>

const refuse = (why: string) => new Problem("invalid", "model_invalid", why, { why })
const missing = (sha256: string) =>
  new Problem("conflict", "artifact_missing", `the artefact ${sha256} has not been uploaded whole`, {
    sha256,
  })
