import type { ExchangeFormat, ExchangeRemark } from "#contract/exchange"
import { Problem } from "#contract/problem"
import { answerParent } from "#models/infer/answerer"
import type { Asker } from "#models/infer/asker"
import type { ReadItem, SizeOf } from "./entry.format.ts"
import { type ImportSource, type MadeClass, type OpenedImport, openImport } from "./import-reader.ts"

/** What people are told of an upload that cannot be read. */
type Refused = { refusal: string }
type Opened = { format: ExchangeFormat; total: number | null; refused: ExchangeRemark[] }

export type ImportOperations = {
  open: { ask: { source: ImportSource }; answer: Opened | Refused }
  next: { ask: object; answer: { items: ReadItem[]; made: MadeClass[]; done: boolean } | Refused }
  read: { ask: { path: string }; answer: { bytes: Uint8Array } | Refused }
}

/** Items of one answer: enough that the way between the processes does not count, few enough for any memory. */
const together = 200
/** A file of any length is looked through before its first item. */
const stepMs = 10 * 60_000

/** Entry of `crux worker import`: opens and understands what somebody sent. */
export async function runImportWorker(sizeOf: SizeOf): Promise<void> {
  let opened: OpenedImport | undefined
  await answerParent<ImportOperations>("import", async (ask) => {
    try {
      if (ask.op === "open") {
        opened = await openImport(ask.source, sizeOf)
        const { format, total, refused } = opened
        return { format, total, refused }
      }
      if (!opened) throw new Error("there is no upload open in this process")
      if (ask.op === "read") return { bytes: new Uint8Array(await opened.read(ask.path)) }
      const items: ReadItem[] = []
      let done = false
      while (items.length < together && !done) {
        const next = await opened.items.next()
        if (next.done) done = true
        else items.push(next.value)
      }
      return { items, made: opened.takeMade(), done }
    } catch (error) {
      if (error instanceof Problem || error instanceof SyntaxError) return { refusal: error.message }
      throw error
    }
  })
}

/** The same upload as the hub sees it through a child, which ends with it. */
export async function openInChild(
  child: Asker<ImportOperations>,
  source: ImportSource,
): Promise<OpenedImport> {
  const checked = <T extends object>(answer: T | Refused): T => {
    if ("refusal" in answer) throw new Problem("invalid", "import", answer.refusal)
    return answer
  }
  try {
    const { format, total, refused } = checked(await child.ask({ op: "open", source }, stepMs))
    const made: MadeClass[] = []
    async function* items(): AsyncGenerator<ReadItem> {
      for (;;) {
        const some = checked(await child.ask({ op: "next" }, stepMs))
        made.push(...some.made)
        yield* some.items
        if (some.done) return
      }
    }
    return {
      format,
      total,
      refused,
      read: async (path) => checked(await child.ask({ op: "read", path }, stepMs)).bytes,
      items: items(),
      takeMade: () => made.splice(0),
      close: child.close,
    }
  } catch (error) {
    await child.close()
    throw error
  }
}
