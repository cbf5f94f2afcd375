import { type FileHandle, open, rm } from "node:fs/promises"
import { type ChunkIndex, decodeChunkIndex } from "#contract/chunk-index"
import type { ObjectRef } from "#contract/release"
import { type ChunkRequest, chunkSize } from "#contract/topics"
import { digestOf, digestOfFile, type Objects } from "./objects.ts"
import { onChunk, onTimeout, openingWindow, rangesOf, timeoutOf } from "./window.rules.ts"

/** What was fetched cannot be what was signed, or there is no room for it. `code` is the reported reason. */
export class FetchFailed extends Error {
  readonly code: "source_corrupt" | "no_space"
  constructor(code: "source_corrupt" | "no_space", message: string) {
    super(message)
    this.code = code
  }
}

export type TransferDeps = {
  objects: Objects
  /** Sends a request; false when there is no connection, then `resume` is called once there is. */
  ask: (request: ChunkRequest) => boolean
  /** Random lower-case hex. */
  random: (bytes: number) => string
}

export type FetchOptions = {
  index?: ObjectRef | undefined
  signal: AbortSignal
  /** Bytes that have become present since the last call. */
  onBytes?: (bytes: number) => void
  /** Objects on disk whose chunks may be reused. */
  donors?: readonly { path: string; index: ChunkIndex }[]
}

/** Times the same chunk may arrive wrong before its source counts as corrupt. */
const maxStrikes = 3

type Chunk = { offset: number; length: number; digest: string | undefined }
type Running = {
  receive: (i: number, bytes: Uint8Array) => void
  restart: () => void
}

export type Transfer = ReturnType<typeof createTransfer>

/**
 * Pulls objects from the hub chunk by chunk. Nothing unverified is kept: with an index each chunk is checked before
 * it is written, and every object is checked as a whole. What a cut-off fetch left behind is used by the next one.
 */
export function createTransfer({ objects, ask, random }: TransferDeps) {
  const running = new Map<string, Running>()

  /** Small objects go straight into the store. */
  async function fetchSmall(ref: ObjectRef, options: FetchOptions): Promise<void> {
    if (!(await objects.has(ref)) || !(await objects.intact(ref.sha256))) {
      await fetchPartial(ref, options)
      await objects.adopt(ref.sha256)
    } else options.onBytes?.(ref.size)
  }

  async function chunksOf(ref: ObjectRef, options: FetchOptions): Promise<Chunk[]> {
    if (!options.index) {
      const count = Math.max(1, Math.ceil(ref.size / chunkSize))
      return Array.from({ length: count }, (_, i) => ({
        offset: i * chunkSize,
        length: Math.min(chunkSize, ref.size - i * chunkSize),
        // One chunk: the object's own name proves it. More, without an index: only the whole can be proven.
        digest: count === 1 ? ref.sha256 : undefined,
      }))
    }
    const { index: indexRef, onBytes: _, ...rest } = options
    await fetchSmall(indexRef, rest)
    const bytes = await objects.read(indexRef.sha256)
    const index = bytes && decodeChunkIndex(bytes)
    if (index?.total !== ref.size) {
      throw new FetchFailed("source_corrupt", "the index does not belong to the object")
    }
    return index.chunks.map((chunk, i) => ({
      offset: i * chunkSize,
      length: chunk.length,
      digest: Buffer.from(chunk.digest).toString("hex"),
    }))
  }

  /** Brings the complete object to its partial file, checked as a whole. */
  async function fetchPartial(ref: ObjectRef, options: FetchOptions): Promise<void> {
    const chunks = await chunksOf(ref, options)
    const path = objects.partialOf(ref.sha256)
    for (let strike = 1; ; strike++) {
      const file = await openPartial(path, ref.size)
      try {
        const missing = await stillMissing(file, chunks, options)
        await pull(ref, file, chunks, missing, options)
      } finally {
        await file.close()
      }
      if ((await digestOfFile(path)) === ref.sha256) return
      await rm(path, { force: true })
      if (strike === maxStrikes) {
        throw new FetchFailed("source_corrupt", "the object does not match its digest")
      }
    }
  }

  /** Chunks that neither an earlier attempt nor another object on this disk holds. Copies what others hold. */
  async function stillMissing(file: FileHandle, chunks: readonly Chunk[], options: FetchOptions) {
    const donors = donorChunks(options.donors ?? [])
    const missing: number[] = []
    const buffer = new Uint8Array(chunkSize)
    for (const [i, { offset, length, digest }] of chunks.entries()) {
      options.signal.throwIfAborted()
      if (digest !== undefined) {
        const held = buffer.subarray(0, length)
        const { bytesRead } = await file.read(held, 0, length, offset)
        const here = bytesRead === length && digestOf(held) === digest
        if (here || (await copyChunk(donors.get(digest), held, digest, file, offset))) {
          options.onBytes?.(length)
          continue
        }
      }
      missing.push(i)
    }
    return missing
  }

  function pull(
    ref: ObjectRef,
    file: FileHandle,
    chunks: readonly Chunk[],
    missingAtStart: readonly number[],
    { signal, onBytes }: FetchOptions,
  ): Promise<void> {
    if (missingAtStart.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const missing = new Set(missingAtStart)
      const outstanding = new Map<number, number>()
      const strikes = new Map<number, number>()
      const writes = new Set<Promise<unknown>>()
      let window = openingWindow
      let xfer = random(6)
      let ended = false

      const finish = (error?: unknown) => {
        if (ended) return
        ended = true
        clearInterval(timer)
        signal.removeEventListener("abort", onAbort)
        running.delete(xfer)
        // The file is closed by the caller: no write may still be on its way.
        void Promise.allSettled(writes).then(() => (error === undefined ? resolve() : reject(error)))
      }
      const onAbort = () => finish(signal.reason)

      const pump = () => {
        const room = window.size - outstanding.size
        // Half a window at a time: one request per chunk would double the messages on the wire.
        if (ended || room < Math.max(1, window.size >> 1)) return
        const wanted: number[] = []
        for (const i of missing) {
          if (wanted.length === room) break
          if (!outstanding.has(i)) wanted.push(i)
        }
        const ranges = rangesOf(wanted)
        if (ranges.length === 0 || !ask({ v: 1, xfer, object: ref.sha256, ranges })) return
        const now = performance.now()
        for (const [first, count] of ranges) {
          for (let i = first; i < first + count; i++) outstanding.set(i, now)
        }
      }

      const timer = setInterval(() => {
        const limit = performance.now() - timeoutOf(window)
        const late = [...outstanding].filter(([, askedAt]) => askedAt < limit)
        if (late.length > 0) window = onTimeout(window)
        for (const [i] of late) outstanding.delete(i)
        pump()
      }, 100)

      const receive = (i: number, bytes: Uint8Array) => {
        const chunk = chunks[i]
        if (ended || !chunk || !missing.has(i)) return
        const askedAt = outstanding.get(i)
        outstanding.delete(i)
        if (
          bytes.length !== chunk.length ||
          (chunk.digest !== undefined && digestOf(bytes) !== chunk.digest)
        ) {
          const count = (strikes.get(i) ?? 0) + 1
          strikes.set(i, count)
          if (count >= maxStrikes)
            finish(new FetchFailed("source_corrupt", `chunk ${i} arrived wrong ${count} times`))
          else pump()
          return
        }
        if (askedAt !== undefined) window = onChunk(window, performance.now() - askedAt)
        missing.delete(i)
        const write = file.write(bytes, 0, bytes.length, chunk.offset).then(
          () => {
            writes.delete(write)
            onBytes?.(bytes.length)
            if (missing.size === 0 && writes.size === 0) finish()
          },
          (error: unknown) =>
            finish(isNoSpace(error) ? new FetchFailed("no_space", "the disk is full") : error),
        )
        writes.add(write)
        pump()
      }

      const restart = () => {
        // A new name: late chunks of the old connection must not be taken for answers on this one.
        running.delete(xfer)
        xfer = random(6)
        running.set(xfer, { receive, restart })
        outstanding.clear()
        window = openingWindow
        pump()
      }

      if (signal.aborted) return onAbort()
      signal.addEventListener("abort", onAbort, { once: true })
      running.set(xfer, { receive, restart })
      pump()
    })
  }

  return {
    /** Brings one small object (a manifest, an index, a check image) into the store. */
    fetch: fetchSmall,
    /** Brings a large object to its partial file, verified; `objects.adopt` then stages it. */
    fetchPartial,
    receive: (xfer: string, i: number, bytes: Uint8Array): void => running.get(xfer)?.receive(i, bytes),
    /** The connection is back: everything under way is asked for again. */
    resume: (): void => {
      for (const one of [...running.values()]) one.restart()
    },
  }
}

async function openPartial(path: string, size: number): Promise<FileHandle> {
  const file = await open(path, "r+").catch(() => open(path, "w+"))
  await file.truncate(size)
  return file
}

type Donated = { path: string; offset: number }

function donorChunks(donors: NonNullable<FetchOptions["donors"]>): Map<string, Donated> {
  const found = new Map<string, Donated>()
  for (const { path, index } of donors) {
    for (const [i, { digest }] of index.chunks.entries()) {
      found.set(Buffer.from(digest).toString("hex"), { path, offset: i * chunkSize })
    }
  }
  return found
}

async function copyChunk(
  donated: Donated | undefined,
  into: Uint8Array,
  digest: string,
  file: FileHandle,
  offset: number,
): Promise<boolean> {
  if (!donated) return false
  const source = await open(donated.path, "r").catch(() => undefined)
  if (!source) return false
  try {
    const { bytesRead } = await source.read(into, 0, into.length, donated.offset)
    if (bytesRead !== into.length || digestOf(into) !== digest) return false
    await file.write(into, 0, into.length, offset)
    return true
  } finally {
    await source.close()
  }
}

function isNoSpace(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT")
}
