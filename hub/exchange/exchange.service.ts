import { createWriteStream } from "node:fs"
import { mkdir, rm } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { DefectClass } from "#contract/catalogue"
import type { ExchangeFormat, ImportReport, ImportView } from "#contract/exchange"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Asker } from "#models/infer/asker"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import { createExchangeStore } from "./exchange.store.ts"
import { type ImportOperations, openInChild } from "./import.worker.ts"
import { type OpenedImport, openImport } from "./import-reader.ts"
import { addRemark, createTaking, type TakingDeps } from "./taking.ts"

export type ExchangeDeps = TakingDeps & {
  db: Sqlite
  ids: Ids
  log: Log
  classes: () => DefectClass[]
  addClass: (by: User, names: { key: string; name: string }) => void
  /** Starts a process that reads one upload; without it the hub does. */
  reader?: (() => Asker<ImportOperations>) | undefined
  /** For uploads and what is unpacked of them. */
  folder: string
}

export type ImportRequest = { name: string; format?: ExchangeFormat | undefined; newClasses: boolean }

/** Labelled parts of other programs for us; ours for them are made by `exports.service`. */
export function createExchange(deps: ExchangeDeps) {
  const { db, ids, clock, log, classes, addClass, folder, sniff } = deps
  const store = createExchangeStore(db)
  const taking = createTaking(deps)
  /** The import under way and those behind it: one at a time, so that labelling people hardly notice. */
  let queue: Promise<void> = Promise.resolve()
  const cancelled = new Set<string>()
  /** The process that reads the one under way. */
  let reading: { id: string; end: () => Promise<void> } | undefined
  let stopping = false

  /** Classes by their keys and by their names in every language. */
  function wordsOf(): [string, string][] {
    const words: [string, string][] = []
    for (const { key, names } of classes()) {
      for (const name of Object.values(names)) words.push([name.toLowerCase(), key])
      words.push([key, key])
    }
    return [...words, ["unknown", "unknown"]]
  }

  async function run(
    job: ImportView,
    user: User,
    path: string,
    { name, format: asked, newClasses }: ImportRequest,
  ) {
    const scratch = join(folder, job.id)
    let opened: OpenedImport | undefined
    try {
      const source = { path, name, scratch, format: asked, words: wordsOf(), newClasses }
      const child = deps.reader?.()
      if (child) reading = { id: job.id, end: child.close }
      opened = child ? await openInChild(child, source) : await openImport(source, sniff)
      const { format, total, refused, takeMade, items } = opened
      for (const remark of refused) {
        job.report.refused++
        addRemark(job.report, remark)
      }
      job.report.format = format
      job.total = total
      async function* known() {
        for await (const item of items) {
          for (const made of takeMade()) addClass(user, made)
          yield item
        }
      }
      await taking.take(user, opened, known(), job.report, (seen) => {
        job.seen = seen
        store.put(job)
        return !cancelled.has(job.id) && !stopping
      })
      if (stopping) throw stopped()
      job.state = cancelled.has(job.id) ? "cancelled" : "done"
    } catch (thrown) {
      // A child that was ended by us has nothing to say.
      const error = stopping ? stopped() : thrown
      job.state = cancelled.has(job.id) ? "cancelled" : "failed"
      if (job.state === "cancelled") return
      const told = error instanceof Problem || error instanceof SyntaxError
      job.error = told ? error.message : "the hub could not go on; what was stored so far stays"
      if (!told) log.error("import_failed", { import: job.id, error: String(error) })
    } finally {
      reading = undefined
      await opened?.close()
      await rm(scratch, { recursive: true, force: true })
      job.finished_at = clock.now()
      store.put(job)
    }
  }

  return {
    /** Takes an upload to disk, then works through it. Resolves when it is on disk. */
    async import(user: User, request: ImportRequest, body: AsyncIterable<Uint8Array>): Promise<ImportView> {
      const id = ids.uuid()
      const scratch = join(folder, id)
      await mkdir(scratch, { recursive: true, mode: 0o700 })
      const path = join(scratch, "upload")
      try {
        await pipeline(Readable.from(body), createWriteStream(path, { mode: 0o600 }))
      } catch (error) {
        await rm(scratch, { recursive: true, force: true })
        throw error
      }
      const job: ImportView = {
        id,
        name: request.name,
        state: "running",
        seen: 0,
        total: null,
        report: emptyReport(request.format ?? "crux-jsonl"),
        error: null,
        started_by: user.name,
        started_at: clock.now(),
        finished_at: null,
      }
      store.put(job)
      queue = queue.then(() => (stopping ? undefined : run(job, user, path, request)))
      return job
    },
    /** The newest first. */
    imports: (limit: number): ImportView[] => store.list(limit),
    /** Throws `not_found`. */
    get(id: string): ImportView {
      const job = store.get(id)
      if (!job) throw new Problem("not_found", "import", "there is no such import")
      return job
    },
    /** Ends an import after the pictures in hand; what is stored stays. */
    cancel(id: string): ImportView {
      const job = this.get(id)
      if (job.state === "running") cancelled.add(id)
      // It may be looking through a file of gigabytes before its first picture.
      if (job.state === "running" && job.seen === 0 && reading?.id === id) void reading.end()
      return job
    },
    start: async (): Promise<void> => {
      store.abandon(clock.now())
      await rm(folder, { recursive: true, force: true })
    },
    stop: async (): Promise<void> => {
      stopping = true
      await reading?.end()
      await queue
    },
  }
}
export type Exchange = ReturnType<typeof createExchange>

const stopped = () =>
  new Problem("unavailable", "stopped", "the hub was stopped; import it again, nothing comes twice")

const emptyReport = (format: ExchangeFormat): ImportReport => ({
  format,
  new_parts: 0,
  known_parts: 0,
  new_labels: 0,
  known_labels: 0,
  unlabelled: 0,
  refused: 0,
  remarks: [],
  by_code: {},
})
