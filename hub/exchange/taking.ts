import { createHash } from "node:crypto"
import { setImmediate } from "node:timers/promises"
import * as v from "valibot"
import type { ExchangeItem, ExchangeRemark, ImportReport } from "#contract/exchange"
import { DefectKey, Uuid } from "#contract/ids"
import type { ImageMime } from "#contract/inspection"
import type { LabelReceipt, LabelRevision, NewLabel, StoredImage } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import { sha256Of } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { ReadItem, Tree } from "./entry.format.ts"

/** The station under whose name imported pictures stand. */
export const importStation = "import"
const together = 50
/** Remarks kept with their words; more of the same are counted. */
const keptRemarks = 1_000
const longestPicture = 32 * 1024 * 1024

/** The hub as an import needs it. */
export type TakingDeps = {
  clock: Clock
  sniff: (bytes: Uint8Array) => { mime: ImageMime; w: number; h: number } | undefined
  part: (id: string) => { image: StoredImage | null } | undefined
  partOfImage: (sha256: string) => string | undefined
  /** Stores a new picture as a part; says why it could not. */
  store: (part: {
    id: string
    bytes: Uint8Array
    mime: ImageMime
    w: number
    h: number
    facts: Pick<ExchangeItem, "part_id" | "product_id" | "captured_at">
  }) => Promise<{ id: string; stored: boolean } | { code: string; detail: string }>
  labels: {
    submitAll: (user: User, labels: readonly NewLabel[]) => (v.InferOutput<typeof LabelReceipt> | Problem)[]
    newest: (inspection: string) => LabelRevision | undefined
  }
}

/** An id that the same content always gets (UUID version 8, RFC 9562 §5.8). */
function idOf(...words: readonly string[]): string {
  const digest = createHash("sha256").update(words.join("\0")).digest()
  digest[6] = (digest[6]! & 0x0f) | 0x80
  digest[8] = (digest[8]! & 0x3f) | 0x80
  const hex = digest.toString("hex")
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  )
}

type Placed = { path: string; part: string; size: { w: number; h: number }; label: ExchangeItem["label"] }

/**
 * Takes what a format reads into the hub: pictures become parts (the same picture only once), labels become revisions of
 * the person who imports. Whatever is wrong with one picture concerns that picture alone.
 */
export function createTaking({ clock, sniff, part, partOfImage, store, labels }: TakingDeps) {
  /** Finds the part of a picture or makes it; null when nothing can come of it. */
  async function place(
    { path, picture, item, remarks }: ReadItem,
    tree: Pick<Tree, "read">,
    report: ImportReport,
    say: Say,
  ) {
    for (const remark of remarks) say(remark)
    if (!item) return refuse(report)
    const known = item.id !== undefined && v.is(Uuid, item.id) ? part(item.id) : undefined
    if (picture === null) {
      if (known?.image && item.id !== undefined) return placed(report, path, item.id, known.image, item)
      say({ path, code: "no_picture", detail: "its picture is neither here nor in the hub" })
      return refuse(report)
    }
    let bytes: Uint8Array
    try {
      bytes = await tree.read(picture)
    } catch (error) {
      say({
        path: picture,
        code: "broken",
        detail: error instanceof Problem ? error.message : "it cannot be read",
      })
      return refuse(report)
    }
    const seen = bytes.length <= longestPicture ? sniff(bytes) : undefined
    if (!seen) {
      say({ path: picture, code: "not_a_picture", detail: "send JPEG, PNG or WebP of up to 32 MB" })
      return refuse(report)
    }
    const sha256 = sha256Of(bytes)
    const before = known?.image?.sha256 === sha256 ? item.id : partOfImage(sha256)
    if (before !== undefined) return placed(report, path, before, seen, item)
    const id = item.id !== undefined && v.is(Uuid, item.id) && !known ? item.id : idOf(importStation, sha256)
    const { part_id, product_id, captured_at } = item
    const facts = {
      ...(part_id !== undefined && { part_id }),
      ...(product_id !== undefined && { product_id }),
      ...(captured_at !== undefined && { captured_at }),
    }
    const outcome = await store({ id, bytes, ...seen, facts })
    if ("code" in outcome && outcome.code === "disk_full")
      throw new Problem(
        "no_space",
        "no_room",
        "the hub's disk is full: what was stored so far stays. Make room, then import it again; nothing comes twice",
      )
    if ("code" in outcome) {
      say({ path: picture, ...outcome })
      return refuse(report)
    }
    if (!outcome.stored) return placed(report, path, outcome.id, seen, item)
    report.new_parts++
    return { path, part: outcome.id, size: seen, label: sized(path, seen, item, say) }

    function placed(
      of: ImportReport,
      where: string,
      id: string,
      size: { w: number; h: number },
      read: typeof item,
    ) {
      of.known_parts++
      return { path: where, part: id, size, label: read && sized(where, size, read, say) }
    }
  }

  const refuse = (report: ImportReport): null => {
    report.refused++
    return null
  }

  /** Coordinates are pixels of the picture that the file means; of another size they would lie elsewhere. */
  function sized(
    path: string,
    { w, h }: { w: number; h: number },
    item: NonNullable<ReadItem["item"]>,
    say: Say,
  ) {
    const { image, label } = item
    const regions = label?.drawing.regions.length ?? 0
    if (regions === 0 || image.w === 0 || (image.w === w && image.h === h)) return label
    say({
      path,
      code: "size_differs",
      detail: `labels are of ${image.w} × ${image.h}, the picture has ${w} × ${h}`,
    })
    return null
  }

  /** Stores the labels of some parts in one transaction. */
  function judge(user: User, parts: readonly Placed[], report: ImportReport, say: Say) {
    const wanted: { path: string; label: NewLabel }[] = []
    for (const { path, part: inspection_id, label } of parts) {
      if (!label) {
        report.unlabelled++
        continue
      }
      const made = newLabel(inspection_id, label)
      if (isSame(labels.newest(inspection_id), made)) report.known_labels++
      else wanted.push({ path, label: made })
    }
    const receipts = labels.submitAll(
      user,
      wanted.map(({ label }) => label),
    )
    for (const [i, receipt] of receipts.entries()) {
      const path = wanted[i]?.path ?? ""
      // Somebody else has brought the very same before.
      if (receipt instanceof Problem && receipt.key === "label_id") report.known_labels++
      else if (receipt instanceof Problem) {
        report.refused++
        say({ path, code: v.is(DefectKey, receipt.key) ? receipt.key : "label", detail: receipt.message })
      } else if (receipt.duplicate) report.known_labels++
      else report.new_labels++
    }
  }

  function newLabel(
    inspection_id: string,
    { verdict, kinds, drawing, at }: NonNullable<ExchangeItem["label"]>,
  ): NewLabel {
    const { regions } = drawing
    const plain =
      regions.length <= 64 &&
      drawing.answers === undefined &&
      drawing.relations === undefined &&
      regions.every(
        ({ outline, answers, locked, hidden, kinds: of }) =>
          outline.type === "box" && !outline.angle && of.length === 1 && !answers && !locked && !hidden,
      )
    const all = [...new Set([...kinds, ...regions.flatMap((region) => region.kinds)])].slice(0, 16)
    const content = {
      verdict,
      kinds: verdict === "ok" ? [] : all.length === 0 && verdict === "ng" ? ["unknown"] : all,
      boxes: plain
        ? regions.flatMap(({ kinds: [kind = ""], outline }) =>
            outline.type === "box" ? [{ kind, box: outline.box }] : [],
          )
        : [],
      ...(!plain && { drawing }),
    }
    const decided_at = at ?? clock.now()
    return {
      id: idOf("label", inspection_id, JSON.stringify(content)),
      inspection_id,
      ...content,
      accepted: false,
      shown_at: decided_at,
      decided_at,
      active_ms: 0,
    }
  }

  return {
    /** Takes all of them; `progress` hears after each handful, and ends it by answering false. */
    async take(
      user: User,
      tree: Pick<Tree, "read">,
      items: AsyncIterable<ReadItem>,
      report: ImportReport,
      progress: (seen: number) => boolean,
    ): Promise<void> {
      const say: Say = (remark) => addRemark(report, remark)
      let seen = 0
      let held: ReadItem[] = []
      const flush = async () => {
        // Told in the order of the file, whichever picture is read first.
        const told = held.map((): ExchangeRemark[] => [])
        const placed = await Promise.all(
          held.map((item, i) => place(item, tree, report, (remark) => void told[i]?.push(remark))),
        )
        for (const remark of told.flat()) say(remark)
        judge(
          user,
          placed.filter((one) => one !== null),
          report,
          say,
        )
        held = []
        // People at the screens come first.
        await setImmediate()
        return progress(seen)
      }
      for await (const item of items) {
        seen++
        held.push(item)
        if (held.length >= together && !(await flush())) return
      }
      await flush()
    },
  }
}
type Say = (remark: ExchangeRemark) => void

export function addRemark(report: ImportReport, { path, code, detail }: ExchangeRemark): void {
  report.by_code[code] = (report.by_code[code] ?? 0) + 1
  if (report.remarks.length < keptRemarks)
    report.remarks.push({ path: path.slice(0, 300), code, detail: detail.slice(0, 300) })
}

/** Whether the part says this already: an export that comes back must not make a revision of everything. */
function isSame(before: LabelRevision | undefined, label: NewLabel): boolean {
  if (!before || before.verdict !== label.verdict) return false
  const [was, is] = [[...before.kinds].sort(), [...label.kinds].sort()]
  if (JSON.stringify(was) !== JSON.stringify(is)) return false
  if (label.drawing || before.drawing) return JSON.stringify(before.drawing) === JSON.stringify(label.drawing)
  return JSON.stringify(before.boxes) === JSON.stringify(label.boxes)
}
