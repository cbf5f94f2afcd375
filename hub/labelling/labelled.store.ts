import type { Drawing } from "#contract/drawing"
import type { ImageMime } from "#contract/inspection"
import type { LabelBox, LabelVerdict } from "#contract/labelling"
import type { Sqlite } from "#platform/sqlite"

/** A part, and what was said of it at a moment: null for nothing. */
type LabelledAt = {
  id: string
  device: string
  partId: string | null
  productId: string | null
  capturedAt: number
  image: { sha256: string; mime: ImageMime; w: number; h: number }
  label: {
    verdict: LabelVerdict
    kinds: string[]
    boxes: LabelBox[]
    drawing: Drawing | null
    by: string
    at: number
  } | null
}

type Row = {
  n: number
  id: string
  device_id: string
  part_id: string | null
  product_id: string | null
  captured_at: number
  sha256: string
  mime: ImageMime
  w: number
  h: number
  verdict: LabelVerdict | "withdrawn" | null
  kinds: string
  boxes: string
  drawing: string | null
  name: string
  stored_at: number
}

/**
 * Labels as they stood at a moment: revisions are only ever added, so their number is a snapshot for free, and whoever
 * goes through all of them several times sees the same each time.
 */
export function createLabelledStore(db: Sqlite) {
  const newest = db.prepare<{ n: number | null }>("SELECT max(n) AS n FROM label")
  const numbers = db.prepare<{ n: number; received_at: number }>(
    `SELECT n, received_at FROM inspection
     WHERE label_verdict IS NOT NULL AND (received_at, n) > ($receivedAt, $n) ORDER BY received_at, n LIMIT $limit`,
  )
  const rows = db.prepare<Row>(
    `SELECT i.n, i.id, i.device_id, i.part_id, i.product_id, i.captured_at, m.sha256, m.mime, m.w, m.h,
       l.verdict, l.kinds, l.boxes, l.drawing, u.name, l.stored_at
     FROM json_each($of) o JOIN inspection i ON i.n = o.value
     JOIN image m ON m.sha256 = i.image_sha256
     LEFT JOIN label l ON l.inspection_id = i.id AND l.revision = (
       SELECT max(revision) FROM label WHERE inspection_id = i.id AND n <= $upTo
     )
     LEFT JOIN user u ON u.id = l.user_id
     ORDER BY o.key`,
  )
  const byImage = db.prepare<{ id: string }>(
    "SELECT id FROM inspection WHERE image_sha256 = $sha256 ORDER BY n LIMIT 1",
  )
  const drawing = db.prepare<{ drawing: string | null }>(
    "SELECT drawing FROM label WHERE inspection_id = $id AND stored_at = $at ORDER BY revision DESC LIMIT 1",
  )
  return {
    /** What was drawn on a part by the label that was stored then; null when boxes say everything. */
    drawingAt(id: string, at: number): Drawing | null {
      const text = drawing.get({ id, at })?.drawing ?? null
      return text === null ? null : (JSON.parse(text) as Drawing)
    },
    /** The moment: every revision up to this number. */
    now: (): number => newest.get()?.n ?? 0,
    /** Numbers of labelled parts behind a place, in the order they came in. */
    numbers: (after: { receivedAt: number; n: number }, limit: number) =>
      numbers.all({ receivedAt: after.receivedAt, n: after.n, limit }),
    /** Those of these parts that have a picture, with the label they had. */
    parts: (of: readonly number[], upTo: number): LabelledAt[] =>
      rows.all({ of: JSON.stringify(of), upTo }).map((row) => ({
        id: row.id,
        device: row.device_id,
        partId: row.part_id,
        productId: row.product_id,
        capturedAt: row.captured_at,
        image: { sha256: row.sha256, mime: row.mime, w: row.w, h: row.h },
        label:
          row.verdict === null || row.verdict === "withdrawn"
            ? null
            : {
                verdict: row.verdict,
                kinds: JSON.parse(row.kinds) as string[],
                boxes: JSON.parse(row.boxes) as LabelBox[],
                drawing: row.drawing === null ? null : (JSON.parse(row.drawing) as Drawing),
                by: row.name,
                at: row.stored_at,
              },
      })),
    /** The first part that showed this picture. */
    partOfImage: (sha256: string): string | undefined => byImage.get({ sha256 })?.id,
  }
}
export type LabelledStore = ReturnType<typeof createLabelledStore>
