import { createHash } from "node:crypto"
import * as v from "valibot"
import { cxf1, decodeFrame, type InspectionFrame } from "#contract/cxf1"
import { Uuid } from "#contract/ids"
import { type ClockFault, type ImageMime, maxImagePixels } from "#contract/inspection"
import type { InspectionView } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { InspectionAck } from "#contract/topics"
import type { PackPlace } from "#platform/blob-reader"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { DiskSpace } from "#platform/disk-space"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Log } from "#platform/log"
import { SQLITE, sqliteCodeOf } from "#platform/sqlite"
import { createTurns } from "#platform/turns"
import { clockFaultOf } from "./clock.rules.ts"
import { isSameInspection, mainPart, mayWait } from "./inspection.rules.ts"
import type { InspectionStore } from "./inspection.store.ts"

/** Reads type and pixel size from an image's first bytes; undefined for anything that is not one of our formats. */
export type SniffImage = (bytes: Uint8Array) => { mime: ImageMime; w: number; h: number } | undefined

/** A message that was not taken, as its sender and people are told. */
export type Refusal = { topic: string; at: number; code: string; detail: string; id: string | undefined }

type Outcome = "stored" | "dup" | "conflict" | "sequence" | "record" | "waiting" | "attached" | "again"

const retryWhenFullMs = 30_000
const retryAfterFailureMs = 5_000
const keptRefusals = 1000
const keptHead = 16 * 1024

/**
 * Takes inspection frames. The answer is given when it is true: `stored` and `dup` mean that image and row are on
 * disk, in this order, so a crash can leave an image without a row but never a row without its image.
 */
export function createIngest({
  store,
  commits,
  blobs,
  sniff,
  disk,
  clock,
  events,
  isTimeLost = () => false,
  log,
}: {
  store: InspectionStore
  commits: GroupCommit
  blobs: Blobs
  sniff: SniffImage
  disk: DiskSpace
  clock: Clock
  events: Events
  /** The hub has no time of its own now. */
  isTimeLost?: () => boolean
  log: Log
}) {
  const turns = createTurns()
  const refusalListeners: ((device: string, refusal: Refusal) => void)[] = []

  /**
   * Keeps the evidence of a message that is not taken and tells people; the device learns it from its ack. False when
   * the disk has no room for the evidence: then nothing has been refused, and the device shall come again.
   */
  const refuse = async (
    device: string,
    topic: string,
    bytes: Uint8Array,
    refusal: { id: string | undefined; code: string; detail: string },
  ): Promise<boolean> => {
    const { id, code, detail } = refusal
    const at = clock.now()
    // A copy: the payload is a view of a read buffer that is reused.
    const head = Uint8Array.from(bytes.subarray(0, keptHead))
    const row = { device, topic, at, code, detail, id: id ?? null, size: bytes.length, head }
    try {
      await commits.commit(() => store.insertRefusal(row, keptRefusals))
    } catch (error) {
      if (sqliteCodeOf(error) !== SQLITE.full) throw error
      log.error("refusal_not_kept", { device, topic, code, detail })
      return false
    }
    log.warn("refused", { device, topic, code, detail })
    events.announce("refusal", { device, topic, code, detail, inspection_id: id ?? null, at })
    for (const listener of refusalListeners) listener(device, { topic, at, code, detail, id })
    return true
  }

  /** Images first, then the row: what a picture shares its file with is known to nobody until the row is there. */
  const storeParts = async ({ header, parts }: InspectionFrame): Promise<Map<string, PackPlace>> => {
    const places = new Map<string, PackPlace>()
    await Promise.all(
      parts.map(async (part, i) => {
        const { sha256 } = header.parts[i]!
        if (store.image(sha256)) return
        const place = await blobs.append(part, sha256)
        if (place) places.set(sha256, place)
      }),
    )
    return places
  }

  const storeFrame = async (
    device: string,
    bytes: Uint8Array,
    frame: InspectionFrame,
  ): Promise<InspectionAck> => {
    const { header, parts } = frame
    const { id } = header
    const later = (code: string) => ({ id, st: "later", code, retry_ms: retryWhenFullMs }) as const
    const { level } = await disk.look()
    if (level === "full") return later("disk_full")
    const withoutImages = level === "low" && parts.length > 0
    if (level === "tight" && parts.length > 0 && mayWait(header)) return later("disk_tight")

    const known = store.header(id)
    const wanted = !withoutImages && (!known || known.imageState === "waiting")
    // Eviction must not take the file of a picture between its put and its row.
    if (wanted) for (const part of header.parts) blobs.pin(part.sha256)
    try {
      const places = wanted ? await storeParts(frame) : undefined
      const receivedAt = clock.now()
      const fault = clockFaultOf(header, receivedAt, isTimeLost())
      const headerText = headerTextOf(bytes)
      const outcome = await commits.commit(() => {
        // Asked inside the transaction: the same frame may be in the same batch twice.
        const stored = store.header(id)
        if (stored) {
          if (stored.device !== device || !isSameInspection(stored.header, header)) return "conflict"
          if (stored.imageState !== "waiting") return "dup"
          if (withoutImages) return "waiting"
          // The picture has come, or the station has given it up meanwhile and says so.
          if (!wanted && parts.length > 0) return "again"
          store.attach({ header, headerText, receivedAt, ...(places && { places }) })
          return "attached"
        }
        if (store.idAt(device, header.boot, header.seq) !== undefined) return "sequence"
        store.insert({
          header,
          headerText,
          device,
          receivedAt,
          clock: fault,
          withoutImages,
          ...(places && { places }),
        })
        return withoutImages ? "record" : "stored"
      })
      return answer(outcome, receivedAt, fault)
    } finally {
      if (wanted) for (const part of header.parts) blobs.unpin(part.sha256)
    }

    function answer(outcome: Outcome, receivedAt: number, fault: ClockFault | undefined): InspectionAck {
      if (outcome === "conflict")
        throw new Problem("conflict", "conflict", "another inspection is stored under this id")
      if (outcome === "sequence")
        throw new Problem("conflict", "sequence", "another inspection holds this place in the sequence")
      if (outcome === "stored" || outcome === "record")
        events.announce("inspection", viewOfNew(device, frame, receivedAt, fault, withoutImages))
      if (outcome === "record" || outcome === "waiting") return later("disk_full")
      if (outcome === "again") return { id, st: "later", code: "busy", retry_ms: 0 }
      return { id, st: outcome === "attached" ? "stored" : outcome }
    }
  }

  return {
    refuse,
    /** For the door the message came through: it tells the sender. */
    onRefusal: (listener: (device: string, refusal: Refusal) => void): void => {
      refusalListeners.push(listener)
    },

    /** Takes one CXF1 frame of a device. Undefined when no id could be read from it, so there is nothing to answer. */
    receive: async (device: string, topic: string, bytes: Uint8Array): Promise<InspectionAck | undefined> => {
      let id: string | undefined
      try {
        const frame = await turns.run(() => {
          const decoded = decodeFrame(bytes)
          id = decoded.header.id
          checkParts(decoded, sniff)
          return decoded
        })
        return await storeFrame(device, bytes, frame)
      } catch (error) {
        id ??= readableId(bytes)
        if (error instanceof Problem && error.code !== "unavailable") {
          const kept = await refuse(device, topic, bytes, { id, code: error.key, detail: error.message })
          if (id === undefined) return undefined
          return kept
            ? { id, st: "bad", code: error.key }
            : { id, st: "later", code: "disk_full", retry_ms: retryWhenFullMs }
        }
        // The hub's trouble, not the frame's: the device keeps it and comes again.
        const full = error instanceof Problem || sqliteCodeOf(error) === SQLITE.full
        log.error("not_stored", { device, error: String(error) })
        if (id === undefined) return undefined
        return full
          ? { id, st: "later", code: "disk_full", retry_ms: retryWhenFullMs }
          : { id, st: "later", code: "store_failed", retry_ms: retryAfterFailureMs }
      }
    },
  }
}

/** Bytes must be what the header says of them. Throws `invalid` with key `digest` or `image`. */
function checkParts({ header, parts }: InspectionFrame, sniff: SniffImage): void {
  parts.forEach((bytes, i) => {
    const said = header.parts[i]!
    if (createHash("sha256").update(bytes).digest("hex") !== said.sha256)
      throw new Problem("invalid", "digest", `part ${said.name} does not have the digest the header gives`)
    const seen = sniff(bytes)
    if (seen && seen.w * seen.h > maxImagePixels)
      throw new Problem(
        "too_large",
        "pixels",
        `part ${said.name} has more than ${maxImagePixels / 1e6} megapixels`,
      )
    if (seen?.mime !== said.mime || seen.w !== said.w || seen.h !== said.h)
      throw new Problem("invalid", "image", `part ${said.name} is not the image the header describes`)
  })
}

function headerTextOf(bytes: Uint8Array): string {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)
  return new TextDecoder().decode(bytes.subarray(cxf1.fixed, cxf1.fixed + length))
}

/** The id of a frame that is otherwise wrong, so that its sender can be told to stop sending it. */
function readableId(bytes: Uint8Array): string | undefined {
  if (bytes.length < cxf1.fixed) return undefined
  const found = /"id"\s*:\s*"([0-9a-f-]{36})"/.exec(
    new TextDecoder().decode(bytes.subarray(cxf1.fixed, cxf1.fixed + cxf1.maxHeader)),
  )?.[1]
  return v.is(Uuid, found) ? found : undefined
}

/** What lists would show of it, made without reading it back. */
function viewOfNew(
  device: string,
  { header }: InspectionFrame,
  receivedAt: number,
  clock: ClockFault | undefined,
  withoutImages: boolean,
): InspectionView {
  const part = withoutImages ? undefined : mainPart(header.parts)
  const noImage = withoutImages ? "waiting" : header.policy.no_image
  return {
    id: header.id,
    device_id: device,
    seq: header.seq,
    captured_at: header.ts,
    received_at: receivedAt,
    ...(clock && { clock }),
    part_id: header.part_id ?? null,
    product_id: header.product_id ?? null,
    verdict: header.verdict,
    findings: header.findings,
    model: header.model ?? null,
    why_sent: header.policy.why_sent,
    ...(header.shadow && { shadow: header.shadow }),
    image: part ? { sha256: part.sha256, mime: part.mime, w: part.w, h: part.h, size: part.len } : null,
    ...(noImage !== undefined && { no_image: noImage }),
    simulated: header.simulated ?? false,
    label: null,
  }
}
