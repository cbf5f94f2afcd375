import { createWriteStream } from "node:fs"
import { mkdir, open, rm } from "node:fs/promises"
import { join } from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { DefectClass } from "#contract/catalogue"
import type { ExchangeFormat, ImportReport, ImportView } from "#contract/exchange"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { ReadItem, ReadOptions, Tree } from "./entry.format.ts"
import { createExchangeStore } from "./exchange.store.ts"
import { treeOfFile } from "./folder.ts"
import { formats, recogniseFormat } from "./formats.ts"
import { addRemark, createTaking, type TakingDeps } from "./taking.ts"
import { openZip } from "./zip.reader.ts"

export type ExchangeDeps = TakingDeps & {
  db: Sqlite
  ids: Ids
  log: Log
  classes: () => DefectClass[]
  addClass: (by: User, names: { key: string; name: string }) => void
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
  let stopping = false

  /** The class a foreign word means: its key, or its name in any language. */
  const createKindOf = (user: User, newClasses: boolean): ReadOptions["kindOf"] => {
    const byWord = new Map<string, string>()
    for (const { key, names } of classes()) {
      for (const name of Object.values(names)) byWord.set(name.toLowerCase(), key)
      byWord.set(key, key)
    }
    byWord.set("unknown", "unknown")
    return (label) => {
      const known = byWord.get(label) ?? byWord.get(label.trim().toLowerCase())
      if (known !== undefined || !newClasses || label.trim() === "") return known
      const key = freeKey(label, new Set(byWord.values()))
      addClass(user, { key, name: label.trim().slice(0, 64) })
      byWord.set(label.trim().toLowerCase(), key).set(label, key).set(key, key)
      return key
    }
  }

  async function run(
    job: ImportView,
    user: User,
    path: string,
    { name, format: asked, newClasses }: ImportRequest,
  ) {
    const scratch = join(folder, job.id)
    let closeTree = async () => {}
    try {
      const opened = await openUpload(path, name, scratch)
      closeTree = opened.close
      for (const remark of opened.refused) {
        job.report.refused++
        addRemark(job.report, remark)
      }
      const format = asked ?? (await recogniseFormat(opened.tree))
      if (!format)
        throw new Problem(
          "unsupported",
          "import_format",
          "nothing in here is a format CRUX reads; name the format if you know it",
        )
      job.report.format = format
      job.total = totalOf(format, opened.tree)
      const options: ReadOptions = { kindOf: createKindOf(user, newClasses), sizeOf: sniff }
      const items = withKnownKinds(formats[format].read(opened.tree, options), options.kindOf)
      await taking.take(user, opened.tree, items, job.report, (seen) => {
        job.seen = seen
        store.put(job)
        return !cancelled.has(job.id) && !stopping
      })
      if (stopping)
        throw new Problem(
          "unavailable",
          "stopped",
          "the hub was stopped; import it again, nothing comes twice",
        )
      job.state = cancelled.has(job.id) ? "cancelled" : "done"
    } catch (error) {
      job.state = "failed"
      const told = error instanceof Problem || error instanceof SyntaxError
      job.error = told ? error.message : "the hub could not go on; what was stored so far stays"
      if (!told) log.error("import_failed", { import: job.id, error: String(error) })
    } finally {
      await closeTree()
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
      return job
    },
    start: async (): Promise<void> => {
      store.abandon(clock.now())
      await rm(folder, { recursive: true, force: true })
    },
    stop: async (): Promise<void> => {
      stopping = true
      await queue
    },
  }
}
export type Exchange = ReturnType<typeof createExchange>

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

/** Classes of parts in our words, also where only the index names them; one nobody knows is told once and left out. */
async function* withKnownKinds(
  items: AsyncIterable<ReadItem>,
  kindOf: ReadOptions["kindOf"],
): AsyncGenerator<ReadItem> {
  for await (const read of items) {
    const { item, path, remarks } = read
    if (!item?.label) {
      yield read
      continue
    }
    const kinds: string[] = []
    for (const word of item.label.kinds) {
      const kind = kindOf(word)
      if (kind !== undefined) kinds.push(kind)
      else if (!remarks.some(({ code, detail }) => code === "unknown_label" && detail === word))
        remarks.push({ path, code: "unknown_label", detail: word })
    }
    yield { ...read, item: { ...item, label: { ...item.label, kinds: [...new Set(kinds)] } } }
  }
}

/** How many pictures there are, where it costs nothing to know. */
function totalOf(format: ExchangeFormat, { paths }: Tree): number | null {
  const count = (is: RegExp) => paths.filter((path) => is.test(path)).length
  if (/^yolo|^image-folder|^mvtec/.test(format)) return count(/\.(jpe?g|png|webp)$/i) || null
  if (format === "voc") return count(/\.xml$/i)
  return null
}

async function openUpload(path: string, name: string, scratch: string) {
  const file = await open(path, "r")
  const head = new Uint8Array(4)
  await file.read(head, 0, 4, 0)
  await file.close()
  if (head[0] === 0x50 && head[1] === 0x4b) return openZip(path, scratch)
  const extension = /\.(jsonl?|csv|parquet)$/i.exec(name)?.[0]?.toLowerCase()
  if (!extension)
    throw new Problem(
      "unsupported",
      "import_file",
      "send a ZIP archive, or a file named .json, .jsonl, .csv or .parquet",
    )
  return { tree: treeOfFile(`upload${extension}`, path), refused: [], close: async () => {} }
}

/** A key for a class that has only a name: its Latin letters, or a number. */
function freeKey(label: string, taken: ReadonlySet<string>): string {
  const base =
    label
      .toLowerCase()
      .normalize("NFKD")
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 40) || "class"
  for (let n = 1; ; n++) {
    const key = n === 1 && base !== "class" ? base : `${base}-${n}`
    if (!taken.has(key)) return key
  }
}
