import type { DatasetSplit } from "#contract/dataset"
import type { QueueReason } from "#contract/labelling"
import type { ReviewState } from "#contract/review"
import type { Sqlite } from "#platform/sqlite"

type Model = { digest: string; line: string; release: number | null; state: string; created_at: number }

/** What the tables of many domains say of one part; reads alone. */
export function createPartHistoryStore(db: Sqlite) {
  const place = db.prepare<{ n: number; header: string; waits: QueueReason | null }>(
    "SELECT n, header, queue_reason AS waits FROM inspection WHERE id = $id",
  )
  const sameSerial = db.prepare<{ id: string }>(
    `SELECT id FROM inspection WHERE part_id = $part AND product_id IS $product
     ORDER BY iif(clock IS NULL, captured_at, received_at) DESC, n DESC LIMIT $limit`,
  )
  const isHere = db.prepare<{ sha256: string }>(
    `SELECT m.sha256 FROM image m WHERE m.sha256 IN (SELECT value FROM json_each($of))
       AND NOT EXISTS (SELECT 1 FROM evicted_image e WHERE e.sha256 = m.sha256)`,
  )
  const standing = db.prepare<{ state: ReviewState }>(
    "SELECT state FROM label_standing WHERE inspection_id = $id",
  )
  const reviews = db.prepare<{
    id: string
    revision: number
    outcome: "accepted" | "fixed" | "sent_back"
    reason: string
    reviewer_id: string
    name: string
    at: number
  }>(
    `SELECT r.id, r.revision, r.outcome, r.reason, r.reviewer_id, u.name, r.at FROM label_review r
     JOIN user u ON u.id = r.reviewer_id WHERE r.inspection_id = $id ORDER BY r.n`,
  )
  const comments = db.prepare<{ user_id: string; name: string; text: string; at: number }>(
    `SELECT c.user_id, u.name, c.text, c.at FROM part_comment c JOIN user u ON u.id = c.user_id
     WHERE c.inspection_id = $id ORDER BY c.n LIMIT 200`,
  )
  const opinions = db.prepare<{ role: "champion" | "teacher"; model: string; eval: string; made_at: number }>(
    "SELECT role, model, eval, made_at FROM prelabel WHERE inspection_id = $id ORDER BY role",
  )
  const hold = db.prepare<{ by_name: string; reason: string; at: number }>(
    "SELECT by_name, reason, at FROM inspection_hold WHERE inspection_id = $id",
  )
  const datasets = db.prepare<{ digest: string; split: DatasetSplit }>(
    "SELECT dataset AS digest, split FROM dataset_sample WHERE image = $image",
  )
  const taught = db.prepare<Model>(
    `SELECT m.digest, m.line, m.release, m.state, m.created_at FROM model m
     WHERE m.job IS NOT NULL AND m.dataset IN (SELECT dataset FROM dataset_sample WHERE image = $image AND split <> 'golden')
     ORDER BY m.created_at DESC LIMIT 100`,
  )
  const model = db.prepare<Model>(
    "SELECT digest, line, release, state, created_at FROM model WHERE digest = $digest",
  )
  return {
    place: (id: string) => place.get({ id }),
    /** Looks at the part with this serial number, the newest first. */
    sameSerial: (part: string, product: string | null, limit: number): string[] =>
      sameSerial.all({ part, product, limit }).map(({ id }) => id),
    /** Of these pictures, those that are here. */
    here: (of: readonly string[]): Set<string> =>
      new Set(isHere.all({ of: JSON.stringify(of) }).map(({ sha256 }) => sha256)),
    standing: (id: string) => standing.get({ id })?.state ?? null,
    reviews: (id: string) => reviews.all({ id }),
    comments: (id: string) => comments.all({ id }),
    opinions: (id: string) => opinions.all({ id }),
    hold: (id: string) => hold.get({ id }),
    datasets: (image: string) => datasets.all({ image }),
    taught: (image: string) => taught.all({ image }),
    model: (digest: string) => model.get({ digest }),
  }
}
export type PartHistoryStore = ReturnType<typeof createPartHistoryStore>
