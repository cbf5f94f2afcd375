import { createHash } from "node:crypto"
import type { ExchangeFormat, ExchangeProfile, ExportPreview, ExportView } from "#contract/exchange"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Asker } from "#models/infer/asker"
import { orFull } from "#platform/blob-reader"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import { untilAborted } from "#platform/until-aborted"
import { type ExportOperations, type ExportStep, stepsOf } from "./export.worker.ts"
import type { Errand, Exporter, ExportOf, ExportTask, TarTask, TextTask } from "./export-order.ts"
import { formats } from "./formats.ts"
import { nameless } from "./spool.ts"

export type ExportRequest = {
  format: ExchangeFormat
  profile: ExchangeProfile
  pictures: boolean
  dataset?: string | undefined
  filter?: string | undefined
}

export type ExportsDeps = {
  /** Starts a process for one export; without it the hub makes them itself, piece by piece. */
  child: (() => Asker<ExportOperations>) | undefined
  own: Exporter
  /** The newest label: what is said after it is in no export that has begun. */
  newestLabel: () => number
  roleOf: (digest: string) => "training" | "golden"
  /** Throws `invalid` for a filter that is not understood; the newest part it may find. */
  through: (filter: string) => number
  classes: () => { key: string }[]
  /** For texts until they are sent. */
  folder: string
  /** Whether the disk has room for so many more bytes of what people want. */
  hasRoom: (bytes: number) => Promise<boolean>
  ids: Ids
  clock: Clock
  log: Log
}

/** At once: each takes a core as fast as its reader reads. */
const mostAtOnce = 4
/** A preview goes through everything that is labelled. */
const previewMs = 180_000

type Running = { view: ExportView; stop: AbortController }
type Named = { name: string; by: User }
/** A text that is made: how long it is, its MD5, and its bytes, which can be read once. */
export type MadeText = { size: number; md5: string; bytes: AsyncIterable<Uint8Array> }

/** Archives on their way to people, each made in a process of its own while it is read. */
export function createExports(deps: ExportsDeps) {
  const { own, clock, ids, log } = deps
  const running = new Map<string, Running>()
  /** Texts are made one after the other, as fast as the disk takes them: whoever wants one waits a moment. */
  let texts: Promise<unknown> = Promise.resolve()
  let closed = false

  /** The golden set proves models and is given to nobody. */
  function whichOf({ dataset, filter }: ExportRequest): { which: ExportOf; mark: string } {
    if (dataset !== undefined && filter !== undefined)
      throw new Problem("invalid", "export_which", "name a frozen set or a filter, not both")
    if (dataset !== undefined) {
      if (deps.roleOf(dataset) === "golden")
        throw new Problem(
          "forbidden",
          "golden_stays",
          "the golden set proves models; it does not leave the hub",
        )
      return { which: { of: "version", digest: dataset }, mark: dataset.slice(0, 12) }
    }
    const upTo = deps.newestLabel()
    if (filter === undefined) return { which: { of: "labelled", upTo }, mark: String(upTo) }
    const through = deps.through(filter)
    return {
      which: { of: "found", upTo, filter, through, now: clock.now() },
      mark: `parts-${through}-${upTo}`,
    }
  }
  function taskOf(request: ExportRequest): { task: ExportTask; name: string } {
    const { format, profile, pictures } = request
    if (formats[format].needsPictures && !pictures)
      throw new Problem("invalid", "export_pictures", "this format is made of pictures; export it with them")
    const { which, mark } = whichOf(request)
    const classes = deps.classes().map(({ key }) => key)
    const name = `crux-${format}${profile === "clean" ? "" : "-ls"}-${mark}.zip`
    return { task: { which, format, profile, pictures, classes }, name }
  }

  /** Steps of one export in a process of its own, or here. */
  async function open(task: Errand) {
    if (!deps.child) return stepsOf(own, task)
    const child = deps.child()
    try {
      await child.ask({ op: "begin", task })
    } catch (error) {
      await child.close()
      throw error
    }
    return { next: () => child.ask({ op: "next" }), end: () => child.close() }
  }

  async function* piecesOf(task: Errand, { view, stop }: Running): AsyncGenerator<Uint8Array> {
    let steps: Awaited<ReturnType<typeof open>> | undefined
    const end = async () => {
      running.delete(view.id)
      await steps?.end()
    }
    // Also while its reader sleeps and asks for nothing.
    stop.signal.addEventListener("abort", () => void end(), { once: true })
    try {
      steps = await open(task)
      for (;;) {
        const step: ExportStep = await untilAborted(steps.next(), stop.signal)
        view.parts = step.parts
        view.pictures = step.pictures
        if (step.bytes === null) return
        view.bytes += step.bytes.length
        if (step.bytes.length > 0) yield step.bytes
      }
    } catch (error) {
      // What was sent is no whole archive: the connection is broken off, so that nobody takes it for one.
      if (!stop.signal.aborted) log.error("export_failed", { export: view.id, error: String(error) })
      throw error
    } finally {
      await end()
    }
  }

  /** A text lies on the disk until it is sent, and nobody knows how long it will be. */
  async function demandRoom(): Promise<void> {
    if (await deps.hasRoom(0)) return
    throw new Problem(
      "no_space",
      "no_room",
      "the hub's disk is nearly full: nothing was made. Make room, then ask again",
    )
  }

  function enter({ name, by }: Named): Running {
    const view: ExportView = {
      id: ids.uuid(),
      name,
      parts: null,
      pictures: 0,
      bytes: 0,
      started_by: by.name,
      started_at: clock.now(),
    }
    const one = { view, stop: new AbortController() }
    running.set(view.id, one)
    return one
  }
  function begin(task: Errand, { name, by }: Named): AsyncIterable<Uint8Array> {
    if (running.size >= mostAtOnce || closed)
      throw new Problem("unavailable", "exports_busy", "other exports are still being made; try again soon")
    return piecesOf(task, enter({ name, by }))
  }
  async function write(task: TextTask, one: Running): Promise<MadeText> {
    let file: Awaited<ReturnType<typeof nameless>> | undefined
    try {
      await demandRoom()
      file = await nameless(deps.folder)
      const md5 = createHash("md5")
      for await (const piece of piecesOf(task, one)) {
        await demandRoom()
        md5.update(piece)
        await file.writeFile(piece)
      }
      const size = one.view.bytes
      const bytes = file.createReadStream({ start: 0 }) as AsyncIterable<Uint8Array>
      return { size, md5: md5.digest("hex"), bytes }
    } catch (error) {
      await file?.close()
      throw orFull(error)
    }
  }

  return {
    /** What an export would hold, and what it would leave out. */
    async preview(request: ExportRequest): Promise<ExportPreview> {
      const { task } = taskOf({ ...request, pictures: true })
      if (!deps.child) return await own.preview(task)
      const child = deps.child()
      try {
        return await child.ask({ op: "preview", task }, previewMs)
      } finally {
        await child.close()
      }
    },

    /**
     * A ZIP archive, made while it is read and no faster. Equal labels give equal bytes. Whoever stops reading ends it.
     */
    start(request: ExportRequest, by: User): { name: string; bytes: AsyncIterable<Uint8Array> } {
      const { task, name } = taskOf(request)
      return { name, bytes: begin(task, { name, by }) }
    },
    /** The tasks of a project as an archive, in the same way. */
    ofProject(
      of: { project: number; all: boolean; format: ExchangeFormat; pictures: boolean },
      named: Named,
    ): AsyncIterable<Uint8Array> {
      const { project, all, format, pictures } = of
      const which = { of: "project" as const, project, all }
      return begin({ which, format, profile: "ls-exact", pictures, classes: [] }, named)
    },
    /** The bundle of a training job as a tar, in the same way. Equal bundles of one job are equal bytes. */
    tar: (task: TarTask, named: Named): AsyncIterable<Uint8Array> => begin(task, named),
    /** A text of a project's tasks, all of one moment. It is made whole before its first byte goes out: its name says what is in it. */
    text(task: TextTask, named: Named): Promise<MadeText> {
      if (closed) throw new Problem("unavailable", "stopped", "the hub is being stopped; try again soon")
      const one = enter(named)
      const turn = texts.then(() => write(task, one)).finally(() => running.delete(one.view.id))
      texts = turn.catch(() => undefined)
      return turn
    },

    /** Exports under way, the newest first. */
    list: (): ExportView[] => [...running.values()].map(({ view }) => ({ ...view })).reverse(),
    /** Breaks an export off. Throws `not_found`. */
    cancel(id: string): ExportView {
      const one = running.get(id)
      if (!one) throw new Problem("not_found", "export", "this export is not under way any more")
      one.stop.abort(new Problem("conflict", "export_cancelled", "the export was cancelled"))
      return { ...one.view }
    },
    async close(): Promise<void> {
      closed = true
      for (const { stop } of running.values()) stop.abort()
    },
  }
}
export type Exports = ReturnType<typeof createExports>
