import type { Finding } from "#contract/inspection"
import type { InspectionView } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { SourceFacts, SourceNote, SourceOutcome } from "#contract/source"
import type { Blobs } from "#platform/blobs"
import { sha256Of } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Outbound } from "#platform/outbound"
import type { Sqlite } from "#platform/sqlite"
import { readResults } from "../exchange/label-studio.format.ts"
import { type LabelConfig, pictureKey } from "./config.rules.ts"
import type { LabelBridge } from "./labels.service.ts"
import type { Picture, TaskRow, TasksStore, UploadRow } from "./tasks.store.ts"

/** Under this name the parts that programs bring stand among the sources of inspections. */
const labelStudioSource = "label-studio"

const largestPicture = 64 * 1024 * 1024
const fetchMs = 20_000
const atOnce = 4
/** Waits after a picture could not be got; then it is given up until somebody asks again. */
const waits = [2_000, 10_000, 60_000, 300_000]

export type Sniff = (
  bytes: Uint8Array,
) => { mime: "image/jpeg" | "image/png" | "image/webp"; w: number; h: number } | undefined

/** Stores a picture as an inspection, as for any other source. */
export type StorePicture = (shot: {
  source: string
  topic: string
  picture: { bytes: Uint8Array; mime: "image/jpeg" | "image/png" | "image/webp"; w: number; h: number }
  facts: SourceFacts
  notes: SourceNote[]
  findings: Finding[]
  identity: { id: string }
}) => Promise<{ st: SourceOutcome; code?: string | undefined; detail?: string | undefined }>

/** Where the picture of a new task is. `data` may have been changed: a picture inside of it becomes a file. */
export type Place = {
  data: Record<string, unknown>
  picture: Picture
  why: string | null
  upload: number | null
  inspection: string | null
}

/**
 * Pictures of tasks. Uploaded ones are files at once; those that lie elsewhere are fetched in their own time, from the
 * hosts the plant has named. Each becomes an inspection, so that it waits for people like any other part.
 */
export function createPictures({
  db,
  store,
  blobs,
  outbound,
  sniff,
  storePicture,
  addSource,
  partOf,
  bridge,
  prelabel,
  clock,
  ids,
  log,
}: {
  db: Sqlite
  store: TasksStore
  blobs: Pick<Blobs, "put" | "read">
  outbound: Outbound
  sniff: Sniff
  storePicture: StorePicture
  addSource: (id: string, name: string) => void
  partOf: (inspection: string) => InspectionView | undefined
  bridge: Pick<LabelBridge, "settle" | "readingOf">
  /** Lets model servers look at tasks before people do. Never throws. */
  prelabel: (rows: readonly TaskRow[]) => Promise<void>
  clock: Clock
  ids: Ids
  log: Log
}) {
  const tries = new Map<number, { failed: number; next: number }>()
  let open = false
  let running: Promise<void> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let known = false

  const ensureSource = () => {
    if (known) return
    try {
      addSource(labelStudioSource, "Label Studio")
    } catch (error) {
      // There already, from an earlier start.
      if (!(error instanceof Problem) || error.key !== "device_name") throw error
    }
    known = true
  }

  /** The bytes of a task's picture, or why they cannot be had. Throws `unavailable` for what may be there later. */
  const bytesOf = async (row: TaskRow, where: string): Promise<Uint8Array | string> => {
    const upload = row.upload === null ? undefined : store.uploadById(row.upload)
    const file = upload ?? uploadNamed(where)
    if (file) return blobs.read(file.sha256)
    if (/^https?:/i.test(where)) {
      const answer = await outbound.fetch(where, { timeoutMs: fetchMs, most: largestPicture })
      if (answer.status === 200) return answer.bytes
      if (answer.status >= 500 || answer.status === 429)
        throw new Problem("unavailable", "picture", `the server answered ${answer.status}`)
      return `the server answered ${answer.status}`
    }
    return "its address is not one the hub can ask"
  }
  const uploadNamed = (where: string): UploadRow | undefined => {
    const found = /\/data\/upload\/(\d{1,15})\/([^/?#]+)$/.exec(where)
    return found ? store.upload(Number(found[1]), decodeURIComponent(found[2] ?? "")) : undefined
  }

  const storeOne = async (row: TaskRow): Promise<void> => {
    const reading = bridge.readingOf(row.project)
    const key = reading && pictureKey(reading.config)
    const data = JSON.parse(row.data) as Record<string, unknown>
    const end = (picture: Picture, why: string | null) => {
      tries.delete(row.id)
      db.transaction(() => store.setPicture(row.id, picture, why))
      if (picture === "stored") bridge.settle(row.inspection_id)
    }
    const where = key === null || key === undefined ? "" : String(data[key] ?? "")
    const bytes = await bytesOf(row, where)
    if (typeof bytes === "string") return end("failed", bytes)
    const seen = sniff(bytes)
    if (!seen) return end("failed", "it is no JPEG, PNG or WebP picture")
    ensureSource()
    const outcome = await storePicture({
      source: labelStudioSource,
      topic: `project ${row.project}, task ${row.id}`,
      picture: { bytes, ...seen },
      facts: { verdict: { eval: "undefined" }, ts: row.created_at, ...partName(data) },
      notes: [],
      findings: findingsOf(row, seen),
      identity: { id: row.inspection_id },
    })
    if (outcome.st === "stored" || outcome.st === "repeated") return end("stored", null)
    if (outcome.st === "later")
      throw new Problem("unavailable", "picture", outcome.detail ?? "the disk is full")
    end("failed", outcome.detail ?? outcome.code ?? outcome.st)
  }

  /** The newest prediction is what the label screen offers first. */
  const findingsOf = (row: TaskRow, image: { w: number; h: number }): Finding[] => {
    const newest = store.predictionsOf(row.id).at(-1)
    const reading = bridge.readingOf(row.project)
    if (!newest || !reading) return []
    const { drawing } = readResults(JSON.parse(newest.result), image, reading.dialect)
    return drawing.regions
      .flatMap(({ kinds, outline, score }) =>
        outline.type !== "box" || outline.angle || !isInside(outline.box, image)
          ? []
          : kinds.slice(0, 1).map((kind) => ({
              kind,
              score: score ?? Math.min(1, Math.max(0, newest.score ?? 1)),
              box: outline.box,
            })),
      )
      .slice(0, 64)
  }

  const work = async (): Promise<void> => {
    let after = 0
    for (;;) {
      const rows = open ? store.waiting(after, 64) : []
      const last = rows.at(-1)
      if (!last) return
      after = last.id
      const now = clock.now()
      const ready = rows.filter(({ id }) => (tries.get(id)?.next ?? 0) <= now)
      if (ready.length > 0) await prelabel(ready)
      for (let i = 0; i < ready.length && open; i += atOnce)
        await Promise.all(ready.slice(i, i + atOnce).map(attempt))
    }
  }
  const attempt = async (row: TaskRow): Promise<void> => {
    try {
      await storeOne(row)
    } catch (error) {
      const failed = (tries.get(row.id)?.failed ?? 0) + 1
      const wait = waits[failed - 1]
      const why = error instanceof Problem ? error.message : "the hub failed"
      if (!(error instanceof Problem)) log.error("picture_failed", { task: row.id, error: String(error) })
      const final = error instanceof Problem && error.code !== "unavailable" && error.code !== "rate_limited"
      if (wait === undefined || final) {
        tries.delete(row.id)
        db.transaction(() => store.setPicture(row.id, "failed", why))
      } else tries.set(row.id, { failed, next: clock.now() + wait })
    }
  }
  const wake = (): void => {
    if (!open || running) return
    clearTimeout(timer)
    running = work()
      .catch((error) => log.error("pictures_failed", { error: String(error) }))
      .finally(() => {
        running = undefined
        const next = Math.min(...[...tries.values()].map((t) => t.next), Number.POSITIVE_INFINITY)
        if (!open) return
        // What came in while this was running may have been passed.
        if (store.waiting(0, 1).some(({ id }) => !tries.has(id))) wake()
        else if (Number.isFinite(next)) timer = setTimeout(wake, Math.max(50, next - clock.now()))
      })
  }

  const pictures = {
    /** Where the picture of new data is; nothing is asked of anybody yet. */
    placeOf(projectId: number, config: LabelConfig, data: Record<string, unknown>): Place {
      const none = { data, picture: "none", why: null, upload: null, inspection: null } as const
      const key = pictureKey(config)
      const value = key === null ? undefined : data[key]
      if (key === null || typeof value !== "string" || value === "") return none
      const part = /^crux:\/\/inspections\/([0-9a-f-]{36})$/.exec(value)?.[1]
      if (part !== undefined) {
        if (!partOf(part)?.image)
          return { ...none, picture: "failed", why: "there is no such part, or it has no picture" }
        return { ...none, picture: "stored", inspection: part }
      }
      const file = uploadNamed(value)
      if (file) {
        if (file.project !== projectId)
          return { ...none, picture: "failed", why: "the file is another project's" }
        return { ...none, picture: "waiting", upload: file.id }
      }
      if (!/^https?:/i.test(value))
        return { ...none, picture: "failed", why: "its address is not one the hub can ask" }
      const fault = outbound.fault(value)
      return fault === null ? { ...none, picture: "waiting" } : { ...none, picture: "failed", why: fault }
    },

    /** Puts a picture that stands inside of data into a file; the data then names the file. */
    async unfold(projectId: number, config: LabelConfig, data: Record<string, unknown>) {
      const key = pictureKey(config)
      const value = key === null ? undefined : data[key]
      if (key === null || typeof value !== "string") return data
      const found = /^data:image\/(jpeg|jpg|png|webp);base64,/.exec(value.slice(0, 64))
      if (!found) return data
      const bytes = Buffer.from(value.slice(found[0].length), "base64")
      const file = await pictures.keep(projectId, `image.${found[1] === "jpeg" ? "jpg" : found[1]}`, bytes)
      return { ...data, [key]: addressOf(file) }
    },

    /** Keeps an uploaded file; the same bytes under the same name are kept once. Throws `unsupported`. */
    async keep(projectId: number, name: string, bytes: Uint8Array): Promise<UploadRow> {
      const seen = sniff(bytes)
      if (!seen) throw new Problem("unsupported", "picture", `${name} is no JPEG, PNG or WebP picture`)
      const plainName = fileName(name)
      const sha256 = sha256Of(bytes)
      const before = store.sameUpload(projectId, sha256, plainName)
      if (before) return before
      await blobs.put(bytes, sha256)
      const at = clock.now()
      const row = {
        project: projectId,
        name: `${ids.random(4)}-${plainName}`,
        sha256,
        mime: seen.mime,
        size: bytes.length,
        at,
      }
      return { id: db.transaction(() => store.putUpload(row)), ...row }
    },
    uploads: store.uploads,
    /** An uploaded file's bytes. Throws `not_found`. */
    async file(projectId: number, name: string): Promise<{ bytes: Uint8Array; mime: string }> {
      const row = store.upload(projectId, name)
      if (!row) throw new Problem("not_found", "file", "there is no such file")
      return { bytes: await blobs.read(row.sha256), mime: row.mime }
    },
    /** Tries again to get a task's picture. */
    again(row: TaskRow): void {
      if (row.picture !== "failed") return
      db.transaction(() => store.setPicture(row.id, "waiting", null))
      wake()
    },
    wake,
    start(): void {
      open = true
      wake()
    },
    async stop(): Promise<void> {
      open = false
      clearTimeout(timer)
      await running
    },
  }
  return pictures
}
export type Pictures = ReturnType<typeof createPictures>

/** The address of an uploaded file in a task's data, as Label Studio writes it. */
export const addressOf = ({ project, name }: Pick<UploadRow, "project" | "name">) =>
  `/data/upload/${project}/${encodeURIComponent(name)}`

/** The last part of a path, with nothing in it that a file system or an address would take for more. */
const fileName = (name: string) =>
  (name.split(/[\\/]/).at(-1) ?? "")
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, "_")
    .replace(/^\.+/, "")
    .slice(-100) || "file"

const isInside = ([x, y, w, h]: readonly number[], image: { w: number; h: number }) =>
  x! >= 0 && y! >= 0 && x! + w! <= image.w + 0.5 && y! + h! <= image.h + 0.5

/** What plants call a part in the data of their tasks. */
function partName(data: Record<string, unknown>): { part_id?: string } {
  const found = ["part_id", "serial", "serial_number", "sn"]
    .map((key) => data[key])
    .find((value) => typeof value === "string" || typeof value === "number")
  const name = found === undefined ? "" : String(found)
  return name !== "" && name.length <= 128 ? { part_id: name } : {}
}
