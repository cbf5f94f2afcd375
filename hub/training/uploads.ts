import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { mkdir, open, readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import * as v from "valibot"
import { Sha256, Uuid } from "#contract/ids"
import { Problem } from "#contract/problem"

/** A piece of an artefact: bytes `from` to `to` (exclusive) of `total`. */
export type Piece = { from: number; to: number; total: number }

/**
 * Artefacts that are being uploaded, each in a file of its own until it is whole. What has arrived stays, however the
 * connection ended; a later call goes on from there. One call at a time writes to one artefact: a newer one ends an older
 * one, whose client has most likely given it up.
 */
export function createUploads({ folder }: { folder: string }) {
  const writing = new Map<string, { abort: AbortController; done: Promise<unknown> }>()
  const pathOf = (job: string, sha256: string) => join(folder, v.parse(Uuid, job), v.parse(Sha256, sha256))

  const sizeOf = async (path: string): Promise<number> =>
    await stat(path).then(
      ({ size }) => size,
      (cause: unknown) => {
        if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return 0
        throw cause
      },
    )

  const write = async (
    path: string,
    piece: Piece,
    body: ReadableStream<Uint8Array> | null,
    ended: AbortSignal,
  ) => {
    await mkdir(join(path, ".."), { recursive: true, mode: 0o700 })
    const file = await open(path, "a", 0o600)
    try {
      let at = (await file.stat()).size
      if (piece.from > at) throw behind(at)
      // What is there already is not written again: the whole is compared with its name in the end.
      let skip = at - piece.from
      const most = piece.to - piece.from
      let read = 0
      const reader = body?.getReader()
      const stop = () => void reader?.cancel().catch(() => undefined)
      ended.addEventListener("abort", stop)
      try {
        while (reader) {
          // A connection that broke off is nobody's mistake: what came in is there, and the rest may follow.
          const { done, value } = await reader.read().catch(() => Promise.reject(behind(at)))
          if (done) break
          read += value.length
          if (read > most) throw new Problem("invalid", "artifact_range", "the body is longer than its range")
          const fresh = skip >= value.length ? new Uint8Array() : value.subarray(skip)
          skip -= value.length - fresh.length
          for (let done = 0; done < fresh.length; )
            done += (await file.write(fresh, done, fresh.length - done)).bytesWritten
          at += fresh.length
        }
      } finally {
        ended.removeEventListener("abort", stop)
        await file.datasync()
      }
      return at
    } finally {
      await file.close()
    }
  }

  return {
    /** Bytes of all artefacts of a job that have not arrived whole. */
    async pending(job: string): Promise<number> {
      const folderOf = join(folder, v.parse(Uuid, job))
      let sum = 0
      for (const name of await readdir(folderOf).catch(() => [])) sum += await sizeOf(join(folderOf, name))
      return sum
    },

    /** Bytes of an artefact that have arrived. */
    arrived: (job: string, sha256: string): Promise<number> => sizeOf(pathOf(job, sha256)),

    /**
     * Writes a piece and returns how much is there. Throws `artifact_offset` for one that begins behind the end. A body
     * that breaks off leaves what had arrived.
     */
    async take(
      job: string,
      sha256: string,
      piece: Piece,
      body: ReadableStream<Uint8Array> | null,
    ): Promise<number> {
      const path = pathOf(job, sha256)
      for (let older = writing.get(path); older; older = writing.get(path)) {
        older.abort.abort()
        await older.done.catch(() => undefined)
      }
      const abort = new AbortController()
      const done = write(path, piece, body, abort.signal)
      const entry = { abort, done }
      writing.set(path, entry)
      try {
        return await done
      } finally {
        if (writing.get(path) === entry) writing.delete(path)
      }
    },

    /** Path of an artefact that has arrived whole and is what its name says. Throws `artifact_hash`, and forgets it. */
    async whole(job: string, sha256: string): Promise<string> {
      const path = pathOf(job, sha256)
      const hash = createHash("sha256")
      for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array)
      if (hash.digest("hex") === sha256) return path
      await rm(path, { force: true })
      throw new Problem(
        "invalid",
        "artifact_hash",
        "the bytes that arrived are not those of this SHA-256; they were thrown away, send them again",
        { offset: 0 },
      )
    },

    drop: (job: string, sha256: string): Promise<void> => rm(pathOf(job, sha256), { force: true }),
    /** Forgets what a job has not handed in whole. */
    dropAll: (job: string): Promise<void> =>
      rm(join(folder, v.parse(Uuid, job)), { recursive: true, force: true }),
  }
}
export type Uploads = ReturnType<typeof createUploads>

const behind = (offset: number) =>
  new Problem("conflict", "artifact_offset", `the hub has ${offset} bytes of it: go on from there`, {
    offset,
  })

/** The range of a piece; without the header the body is the whole. Throws `invalid`. */
export function pieceOf(range: string | undefined, length: string | undefined): Piece {
  if (range === undefined) {
    const total = Number(length ?? Number.NaN)
    if (!Number.isSafeInteger(total) || total < 0) throw badRange()
    return { from: 0, to: total, total }
  }
  const [, first, last, all] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(range) ?? []
  const [from, to, total] = [Number(first), Number(last) + 1, Number(all)]
  if (first === undefined || from >= to || to > total) throw badRange()
  return { from, to, total }
}

const badRange = () =>
  new Problem("invalid", "artifact_range", "say Content-Range: bytes FIRST-LAST/TOTAL, or Content-Length")
