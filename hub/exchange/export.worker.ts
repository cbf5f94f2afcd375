import { setTimeout } from "node:timers/promises"
import type { ExportPreview } from "#contract/exchange"
import { answerParent } from "#models/infer/answerer"
import type { BundleTask, BundleText } from "../training/bundle-texts.ts"
import type { Errand, Exporter, ExportTask } from "./export-order.ts"
import { zipStream } from "./zip.writer.ts"

/** How far an export is: parts it holds as far as that is known, pictures written, and the next bytes; null at the end. */
export type ExportStep = { parts: number | null; pictures: number; bytes: Uint8Array | null }

export type ExportOperations = {
  begin: { ask: { task: Errand }; answer: null }
  next: { ask: object; answer: ExportStep }
  preview: { ask: { task: ExportTask }; answer: ExportPreview }
  /** Writes the texts of a training's bundle into a folder. */
  bundle: { ask: { task: BundleTask; folder: string }; answer: BundleText }
}

/** The hub hears at least this often that there is one. */
const answerMs = 250

/**
 * Entry of `crux worker export`: reads the database and the pictures by itself, and makes the archive as fast as the hub asks
 * for it. What nobody asks for any more ends with the process.
 */
export async function runExportWorker(
  exporter: Exporter,
  bundle: (task: BundleTask, folder: string) => Promise<BundleText>,
): Promise<void> {
  let work: { next: () => Promise<ExportStep> } | undefined
  await answerParent<ExportOperations>("export", async (ask) => {
    if (ask.op === "preview") return await exporter.preview(ask.task)
    if (ask.op === "bundle") return await bundle(ask.task, ask.folder)
    if (ask.op === "begin") {
      work = stepsOf(exporter, ask.task)
      return null
    }
    if (!work) throw new Error("there is no export under way in this process")
    return await work.next()
  })
}

/** An archive, a text or a tar piece by piece; a step without bytes only says that it goes on. */
export function stepsOf(exporter: Exporter, task: Errand) {
  let parts: number | null = null
  let pictures = 0
  async function* archive(of: ExportTask) {
    for await (const entry of exporter.entries(of, (count) => {
      parts = count
    })) {
      yield entry
      if (typeof entry.content === "function") pictures++
    }
  }
  const source = (): AsyncIterable<Uint8Array> => {
    if ("form" in task) return exporter.text(task)
    if ("job" in task) return exporter.tar(task, () => pictures++)
    return zipStream(archive(task))
  }
  const pieces = source()[Symbol.asyncIterator]()
  let pending: Promise<IteratorResult<Uint8Array>> | undefined
  return {
    async next(): Promise<ExportStep> {
      pending ??= pieces.next()
      const waiting = new AbortController()
      const piece = await Promise.race([
        pending,
        setTimeout(answerMs, null, { signal: waiting.signal }).catch(() => null),
      ])
      waiting.abort()
      if (piece === null) return { parts, pictures, bytes: new Uint8Array() }
      pending = undefined
      return { parts, pictures, bytes: piece.done ? null : piece.value }
    },
    end: async (): Promise<void> => void (await pieces.return?.(undefined)),
  }
}
