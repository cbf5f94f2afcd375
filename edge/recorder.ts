import type { InspectionHeader } from "#contract/inspection"
import type { Log } from "#platform/log"
import { encodeImage } from "./encode.ts"
import type { Picture } from "./inspector.ts"
import type { Draft, Outbox } from "./outbox/outbox.ts"
import { policyFor, type Sampling } from "./sampling.rules.ts"

export type RecorderDeps = {
  outbox: Outbox
  sampling: () => Sampling
  /** Uniform in [0, 1). */
  random: () => number
  log: Log
  /** Something new lies in the outbox. */
  onStored: () => void
}

/** Pictures waiting for the encoder at most; more would be memory without end when the line outruns it. */
const maxEncoding = 8

export type Recorder = ReturnType<typeof createRecorder>

/**
 * Takes parts from the inspection loop and puts them into the outbox beside it: the row is committed right after
 * the verdict went out, images are encoded while the next part is inspected.
 */
export function createRecorder({ outbox, sampling, random, log, onStored }: RecorderDeps) {
  let waiting: { draft: Draft; awaitsImage: boolean; picture: Picture }[] = []
  let flushing = false
  const encoding = new Set<Promise<void>>()

  /** One transaction for all parts since the last: an fsync a part would be the slowest step at high rates. */
  function flush() {
    flushing = false
    const batch = waiting
    waiting = []
    try {
      outbox.add(batch)
    } catch (error) {
      // A full disk must not stop the line; the gap in `seq`-less records is the count and the alarm.
      log.error("records_lost", { parts: batch.length, why: String(error) })
      return
    }
    for (const { draft, picture, awaitsImage } of batch) {
      if (awaitsImage) startEncoding(draft, picture)
    }
    onStored()
  }

  function startEncoding(draft: Draft, picture: Picture) {
    if (encoding.size >= maxEncoding) return outbox.attachNone(draft.id, "encoder_busy")
    const work = encode(draft, picture).finally(() => encoding.delete(work))
    encoding.add(work)
  }

  async function encode(draft: Draft, picture: Picture) {
    try {
      await outbox.attach(draft.id, await encodeImage(picture, draft.policy.image))
    } catch (error) {
      log.error("image_lost", { id: draft.id, why: String(error) })
      outbox.attachNone(draft.id, "unreadable_image")
    }
    onStored()
  }

  return {
    /** Returns at once; the record is on disk by the next turn of the event loop. */
    record: (part: Omit<InspectionHeader, "boot" | "seq" | "parts" | "policy">, picture: Picture): void => {
      const policy = policyFor(part.verdict.eval, sampling(), random())
      waiting.push({ draft: { ...part, policy }, awaitsImage: policy.image !== "none", picture })
      if (flushing) return
      flushing = true
      setImmediate(flush)
    },
    /** Resolves when everything recorded so far is on disk. */
    drain: async (): Promise<void> => {
      while (waiting.length > 0 || encoding.size > 0) {
        if (waiting.length > 0) flush()
        await Promise.all(encoding)
      }
    },
  }
}
