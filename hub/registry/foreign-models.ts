import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ModelContract } from "#contract/model"
import { Problem } from "#contract/problem"
import type { ModelLook, ModelTrial, TrialResult } from "#contract/registry"
import { ModelError } from "#models/model-error"
import type { Blobs } from "#platform/blobs"
import type { Shelf } from "#platform/shelf"
import { createOneByOne } from "./one-by-one.ts"
import { blanks, type Prover } from "./prover.ts"
import { doubtsOfTrial } from "./trial.rules.ts"

export type ForeignModelsDeps = {
  blobs: Pick<Blobs, "has" | "file">
  /** Files that were sent to be looked at. */
  shelf: Shelf
  prover: Prover
  /** Digest of a part's picture; undefined without one. */
  pictureOf: (inspection: string) => string | undefined
}

/** ONNX files of other makers, before they are models of this hub. */
export function createForeignModels({ blobs, shelf, prover, pictureOf }: ForeignModelsDeps) {
  /** Opened one at a time: each may take the memory that one is given. */
  const opening = createOneByOne()
  const stopping = new AbortController()

  /** Files from elsewhere are read and opened by a child; what it says of them is the engineer's to mend. */
  const asSent = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await opening(work)
    } catch (cause) {
      if (!(cause instanceof ModelError)) throw cause
      throw new Problem("invalid", cause.code, cause.message, { why: cause.message }, cause)
    }
  }
  const fileOf = async (sha256: string): Promise<string> => {
    const lying = await shelf.path(sha256)
    if (lying !== undefined) return lying
    if (!(await blobs.has(sha256)))
      throw new Problem("not_found", "model_file", "this file is not on the hub; send it again")
    return await blobs.file(sha256)
  }
  /** With a stamped copy of a file for as long as the work takes. */
  const withStamped = async <T>(
    sha256: string,
    given: ModelContract | undefined,
    work: (path: string, contract: ModelContract) => Promise<T>,
  ): Promise<T> => {
    const file = await fileOf(sha256)
    const folder = await mkdtemp(join(tmpdir(), "crux-model-"))
    try {
      const into = join(folder, "model.onnx")
      const { contract, stamped } = await asSent(() => prover.stamp(file, given, into))
      return await work(stamped ? into : file, contract)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  return {
    withStamped,

    /** What an ONNX file is taken for, without keeping it as a model. Throws `invalid`. */
    async look(source: AsyncIterable<Uint8Array>): Promise<ModelLook> {
      const { sha256, size } = await shelf.put(source)
      const file = await fileOf(sha256)
      return { file: sha256, size, ...(await asSent(() => prover.look(file))) }
    },

    /**
     * What a file that was looked at finds on parts of this hub, and on pictures of nothing, under this contract. Nothing is
     * kept. Throws `invalid` for what cannot be opened.
     */
    try: (file: string, { contract, parts }: ModelTrial): Promise<TrialResult> =>
      withStamped(file, contract, async (path, read) => {
        const seen = parts.flatMap((part) => {
          const image = pictureOf(part)
          return image === undefined ? [] : [{ part, image }]
        })
        const paths = await Promise.all(seen.map(({ image }) => blobs.file(image)))
        const shown = await asSent(() => prover.show(path, paths, stopping.signal))
        const pictures = shown.map(({ code, ...said }, i) => ({
          part: seen[i - blanks]?.part ?? null,
          code: code ?? null,
          ...said,
        }))
        return { pictures, doubts: doubtsOfTrial(read.task, pictures) }
      }),

    /** Ends the trial under way. */
    stop: (): void => stopping.abort(),
  }
}
