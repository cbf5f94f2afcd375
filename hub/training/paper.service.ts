import { createHash } from "node:crypto"
import { mkdir, mkdtemp, open, rm } from "node:fs/promises"
import { join } from "node:path"
import { createTarDecoder } from "modern-tar"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import { BundleFile, ResultManifest } from "#contract/trainer"
import type { User } from "#contract/users"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { Exports } from "../exchange/exports.service.ts"
import type { JobBundles } from "./job-bundle.ts"
import type { LeasesStore } from "./leases.store.ts"
import type { Results } from "./results.ts"
import type { Training } from "./training.service.ts"
import type { TrainingJob, TrainingStore } from "./training.store.ts"

/** Longest tar of a result that is read at all. */
export const maxResultTarBytes = 4 * 1024 ** 3
const mostEntries = 300
const mostManifest = 4 * 1024 * 1024

const Manifest = v.pipe(v.string(), v.parseJson(), ResultManifest)

/** A file out of a tar, under a name of ours: the one it came with is only compared. */
type Unpacked = { file: string; sha256: string; size: number }

export type PaperDeps = {
  db: Sqlite
  store: TrainingStore
  leases: LeasesStore
  bundles: JobBundles
  results: Results
  blobs: Pick<Blobs, "putFile" | "has">
  /** Where tars are made: beside everybody else's work. */
  exports: () => Pick<Exports, "tar">
  clock: Clock
  training: Pick<Training, "announce" | "settle">
  /** Tars are unpacked beneath it. */
  keepDir: string
}

/** Jobs that are carried to their trainer and back: the same bundles as over the network, in a tar. */
export function createPaper(deps: PaperDeps) {
  const { db, store, leases, bundles, results, blobs, exports, clock, training, keepDir } = deps

  const known = (id: string): TrainingJob => {
    const job = store.get(id)
    if (!job) throw new Problem("not_found", "job", `there is no training job ${id}`, { job: id })
    if (job.place === "hub")
      throw new Problem("conflict", "job_at_hub", "the hub makes this job by itself; no trainer can take it")
    return job
  }

  /** Writes a tar's files into a folder, by number. Throws `invalid` for what is no plain file. */
  const unpack = async (body: ReadableStream<Uint8Array>, into: string): Promise<Map<string, Unpacked>> => {
    const found = new Map<string, Unpacked>()
    try {
      for await (const { header, body: bytes } of body.pipeThrough(createTarDecoder({ strict: true }))) {
        const path = header.name.replace(/^\.\//, "").replace(/\/$/, "")
        if (header.type === "directory") {
          await bytes.cancel()
          continue
        }
        if ((header.type ?? "file") !== "file" || !v.is(BundleFile.entries.path, path))
          throw refuse(`the tar holds ${header.name.slice(0, 80)}, which is no plain file of a result`)
        if (found.has(path)) throw refuse(`the tar holds ${path} twice`)
        if (found.size >= mostEntries) throw refuse(`the tar holds more than ${mostEntries} files`)
        const file = join(into, String(found.size))
        const hash = createHash("sha256")
        let size = 0
        const out = await open(file, "wx", 0o600)
        try {
          for await (const piece of bytes) {
            hash.update(piece)
            size += piece.length
            await out.writeFile(piece)
          }
          await out.datasync()
        } finally {
          await out.close()
        }
        found.set(path, { file, sha256: hash.digest("hex"), size })
      }
    } catch (cause) {
      if (cause instanceof Problem) throw cause
      throw refuse("this is not a tar, or it is cut off", cause)
    }
    return found
  }

  /** Takes a result whose files lie in a folder. Returns the job. */
  const accept = async (found: ReadonlyMap<string, Unpacked>): Promise<string> => {
    const stated = found.get("manifest.json")
    if (!stated) throw refuse("the tar holds no manifest.json")
    if (stated.size > mostManifest) throw refuse("manifest.json is too long")
    const text = new TextDecoder().decode(await readWhole(stated.file))
    const parsed = v.safeParse(Manifest, text)
    if (!parsed.success) throw refuse(`manifest.json: ${v.summarize(parsed.issues)}`)
    const manifest = parsed.output
    const job = known(manifest.job_id)
    // Brought twice: the first time counts.
    if (job.result === stated.sha256) return job.id
    if (job.state !== "queued" && job.state !== "running")
      throw new Problem("conflict", "job_ended", "this job has ended already")
    for (const { path, sha256, size } of manifest.files) {
      const file = found.get(path)
      if (!file) throw refuse(`the tar holds no ${path}`)
      if (file.sha256 !== sha256 || file.size !== size)
        throw refuse(`${path} is not the file the manifest names`)
    }
    const named = [...manifest.files.map(({ path }) => found.get(path)!), stated]
    for (const { file, sha256, size } of named) {
      const fresh = !(await blobs.has(sha256))
      await blobs.putFile(file)
      leases.addFile(job.id, sha256, size, fresh)
    }
    await results.layOut(job, stated.sha256)
    const taken = db.transaction(() => {
      if (!leases.handIn(job.id, stated.sha256)) return false
      leases.endAttempt(job.id, "carried", null, clock.now())
      // Whoever had it over the network must not write to it any more.
      leases.fence(job.id)
      return true
    })
    if (!taken) throw new Problem("conflict", "job_ended", "this job has ended already")
    training.announce(job.id)
    training.settle(job.id)
    return job.id
  }

  return {
    /** The job bundle as a tar, made in a process of its own while it is read; equal bundles of one job are equal bytes. */
    async give(id: string, by: User): Promise<AsyncIterable<Uint8Array>> {
      const job = known(id)
      if (job.state !== "queued" && job.state !== "running")
        throw new Problem("conflict", "job_ended", "this job has ended already")
      const bundle = job.bundle ?? (await bundles.build(job))
      if (job.bundle === null) store.setBundle(id, bundle)
      return exports().tar({ job: id, bundle, dataset: job.dataset }, { name: `job-${id}.tar`, by })
    },

    /**
     * Takes the tar of a result. Nothing in it is believed: names are compared, never used as paths; digests and sizes are
     * those of what arrived. Returns the job's id.
     */
    async take(body: ReadableStream<Uint8Array> | null): Promise<string> {
      if (!body) throw refuse("the body is empty; send a tar")
      const incoming = join(keepDir, "incoming")
      await mkdir(incoming, { recursive: true, mode: 0o700 })
      const folder = await mkdtemp(join(incoming, "tar-"))
      try {
        return await accept(await unpack(body, folder))
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    },

    /** Forgets tars that a stopped hub had half unpacked. */
    sweep: (): Promise<void> => rm(join(keepDir, "incoming"), { recursive: true, force: true }),
  }
}
export type Paper = ReturnType<typeof createPaper>

const refuse = (why: string, cause?: unknown) => new Problem("invalid", "result_tar", why, { why }, cause)

async function readWhole(path: string): Promise<Uint8Array> {
  const file = await open(path, "r")
  try {
    return await file.readFile()
  } finally {
    await file.close()
  }
}
