import type { Drawing } from "#contract/drawing"
import type { Evaluation, ImageMime } from "#contract/inspection"
import type { LabelBox, LabelRevision, QueueReason, StoredImage } from "#contract/labelling"
import type { SampleLabel } from "#contract/training"
import type { Sqlite } from "#platform/sqlite"

export type LabelRow = {
  n: number
  id: string
  inspection_id: string
  revision: number
  verdict: LabelRevision["verdict"]
  kinds: string
  boxes: string
  drawing: string | null
  accepted: number
  criteria: number
  user_id: string
  lease_id: string | null
  shown_at: number
  decided_at: number
  active_ms: number
  stored_at: number
  tablet_id: string | null
  unseen: number | null
}
export type LeaseRow = {
  id: string
  inspection_id: string
  image_sha256: string
  session_id: string
  drawn_at: number
  ends_at: number
}
export type Candidate = {
  id: string
  n: number
  received_at: number
  image_sha256: string
  queue_chance: number | null
  product_id: string | null
  /** True when another part with the very same picture has been judged: this one would teach nothing. */
  seen: number
}

/** A part from the line with the newest label people gave it: settled, that is neither unsure, withdrawn nor disputed. */
export type LabelledPart = {
  inspectionId: string
  partId: string | null
  productId: string | null
  capturedAt: number
  device: string
  lot: string | null
  labelledAt: number
  labelledBy: string
  /** What the station had said, and the model it said it with. */
  eval: Evaluation
  model: string | null
  image: StoredImage
  label: SampleLabel
}

type SettledRow = {
  id: string
  device_id: string
  lot: string | null
  part_id: string | null
  product_id: string | null
  captured_at: number
  eval: Evaluation
  model_digest: string | null
  verdict: "ok" | "ng"
  kinds: string
  boxes: string
  user_id: string
  stored_at: number
  sha256: string
  mime: ImageMime
  w: number
  h: number
  size: number
}

/**
 * A part that waits for a reviewer after its label is disputed and teaches nothing yet. Its first line is word for word
 * as its index; the second says whose word a label needs beside its author's.
 */
const isSettled = `i.label_verdict IN ('ok', 'ng') AND i.queue_rank IS NULL
  AND ${counts("i")}`
function counts(of: string): string {
  return `($counts = 'latest' OR EXISTS (
    SELECT 1 FROM label_standing s WHERE s.inspection_id = ${of}.id
      AND (s.state IN ('accepted', 'fixed') OR $counts = 'consensus' AND s.agreed > 0)
  ))`
}
type Counts = "latest" | "reviewed" | "consensus"
/** The lot stands in the header alone, and to look it up there takes as long as all the rest. */
const selectSettled = (lot: "lot" | "no lot") => `SELECT i.id, i.device_id,
  ${lot === "lot" ? "i.header ->> '$.job_id'" : "NULL"} AS lot, i.part_id, i.product_id,
  CASE WHEN i.clock IS NULL THEN i.captured_at ELSE i.received_at END AS captured_at, i.eval, i.model_digest, l.verdict, l.kinds,
    l.boxes, l.user_id, l.stored_at, m.sha256, m.mime, m.w, m.h, m.size
  FROM inspection i
  JOIN label l ON l.inspection_id = i.id AND l.revision = i.label_revision
  JOIN image m ON m.sha256 = i.image_sha256`

/** The SQL of the tables `label`, `label_lease`, `label_kind` and `settled_count`, and the queue: a query over `inspection` and leases. */
export function createLabellingStore(db: Sqlite) {
  const insert = db.prepare(
    `INSERT INTO label (id, inspection_id, revision, verdict, kinds, boxes, drawing, accepted, criteria, user_id, lease_id,
       shown_at, decided_at, active_ms, stored_at, tablet_id, unseen)
     VALUES ($id, $inspection_id, $revision, $verdict, $kinds, $boxes, $drawing, $accepted, $criteria, $user_id, $lease_id,
       $shown_at, $decided_at, $active_ms, $stored_at, $tablet_id, $unseen)`,
  )
  const byId = db.prepare<LabelRow>("SELECT * FROM label WHERE id = $id")
  const newest = db.prepare<LabelRow>(
    "SELECT * FROM label WHERE inspection_id = $inspection ORDER BY revision DESC LIMIT 1",
  )
  const after = db.prepare<LabelRow>("SELECT * FROM label WHERE n > $n ORDER BY n LIMIT $limit")
  const revisions = db.prepare<LabelRow & { name: string; tablet: string | null }>(
    `SELECT label.*, user.name, tablet.name AS tablet FROM label JOIN user ON user.id = label.user_id
     LEFT JOIN tablet ON tablet.id = label.tablet_id
     WHERE inspection_id = $inspection ORDER BY revision`,
  )
  const revisionRow = db.prepare<LabelRow>(
    "SELECT * FROM label WHERE inspection_id = $inspection AND revision = $revision",
  )
  const firstOf = db.prepare<LabelRow>(
    "SELECT * FROM label WHERE revision = 1 AND inspection_id IN (SELECT value FROM json_each($of))",
  )
  const lastBy = db.prepare<{ at: number | null }>(
    "SELECT max(stored_at) AS at FROM label WHERE inspection_id = $inspection AND user_id = $user",
  )
  const revision = db.prepare<{ verdict: LabelRow["verdict"]; name: string }>(
    `SELECT verdict, user.name FROM label JOIN user ON user.id = label.user_id
     WHERE inspection_id = $inspection AND revision = $revision`,
  )

  // Walks its stream from the end that is worth more, past what others hold.
  const walk = (order: "ASC" | "DESC") =>
    db.prepare<Candidate>(
      `SELECT i.id, i.n, i.received_at, i.image_sha256, i.queue_chance, i.product_id,
         i.label_verdict IS NULL AND EXISTS (
           SELECT 1 FROM inspection o
           WHERE o.image_sha256 = i.image_sha256 AND o.id <> i.id AND o.label_verdict IS NOT NULL
         ) AS seen
       FROM inspection i
       WHERE i.queue_stream = $stream AND i.image_sha256 IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM label_lease l WHERE l.image_sha256 = i.image_sha256)
         -- A second look is never at one's own judgement.
         AND NOT EXISTS (
           SELECT 1 FROM label w
           WHERE w.inspection_id = i.id AND w.revision = i.label_revision AND w.user_id = $user
         )
         -- Nor a part that one has given back, or asked others about.
         AND NOT EXISTS (
           SELECT 1 FROM label_skip k
           WHERE k.inspection_id = i.id AND k.user_id = $user AND k.undone_at IS NULL
         )
         AND NOT EXISTS (
           SELECT 1 FROM second_opinion q
           WHERE q.inspection_id = i.id AND q.closed_at IS NULL AND q.asked_by = $user
         )
       ORDER BY i.n ${order} LIMIT $limit`,
    )
  // From the index alone, and of many streams at once: whether the person may judge the part is looked at after that.
  const heads = db.prepare<{ stream: string; n: number | null }>(
    `SELECT s.value AS stream, (
       SELECT i.n FROM inspection i
       WHERE i.queue_stream = s.value AND i.image_sha256 IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM label_lease l WHERE l.image_sha256 = i.image_sha256)
       ORDER BY i.n DESC LIMIT 1
     ) AS n FROM json_each($streams) s ORDER BY n DESC`,
  )
  const newestFirst = walk("DESC")
  const oldestFirst = walk("ASC")
  const reason = db.prepare<{ queue_reason: QueueReason | null }>(
    "SELECT queue_reason FROM inspection WHERE id = $inspection",
  )
  const putLease = db.prepare(
    "INSERT INTO label_lease VALUES ($id, $inspection_id, $image_sha256, $session_id, $drawn_at, $ends_at)",
  )
  const retake = db.prepare(
    `INSERT INTO label_lease
     SELECT $id, i.id, i.image_sha256, $session_id, $drawn_at, $ends_at FROM inspection i
     WHERE i.id = $inspection_id AND i.image_sha256 IS NOT NULL
       AND (i.queue_stream IS NOT NULL OR EXISTS (SELECT 1 FROM look k WHERE k.id = $id))
       AND NOT EXISTS (SELECT 1 FROM label_lease l WHERE l.image_sha256 = i.image_sha256)
     ON CONFLICT DO NOTHING`,
  )
  const lease = db.prepare<LeaseRow>("SELECT * FROM label_lease WHERE id = $id")
  const leasesOf = db.prepare<LeaseRow>(
    "SELECT * FROM label_lease WHERE session_id = $session ORDER BY drawn_at, id",
  )
  const extend = db.prepare("UPDATE label_lease SET ends_at = $ends_at WHERE id = $id")
  const holders = db.prepare<LeaseRow & { user_id: string; name: string; blind: number }>(
    `SELECT l.*, s.user_id, u.name, EXISTS (SELECT 1 FROM look k WHERE k.id = l.id) AS blind
     FROM label_lease l JOIN session s ON s.id = l.session_id JOIN user u ON u.id = s.user_id
     WHERE l.ends_at > $now ORDER BY l.drawn_at, l.id`,
  )
  const dropLease = db.prepare("DELETE FROM label_lease WHERE inspection_id = $inspection")
  const dropLeaseOf = db.prepare(
    `DELETE FROM label_lease WHERE inspection_id = $inspection
       AND session_id IN (SELECT id FROM session WHERE user_id = $user)`,
  )
  const judgedAfter = db.prepare<{ n: number }>(
    `SELECT count(*) AS n FROM label WHERE inspection_id = $inspection AND revision > $revision
       AND user_id <> $user AND verdict <> 'withdrawn'`,
  )
  const dropEnded = db.prepare("DELETE FROM label_lease WHERE ends_at <= $now")

  const dropKinds = db.prepare(
    "DELETE FROM label_kind WHERE inspection_id = $inspection AND kind NOT IN (SELECT value FROM json_each($of))",
  )
  const putKinds = db.prepare(
    `INSERT INTO label_kind SELECT DISTINCT value, $inspection, $captured_at, $stored_at FROM json_each($of)
     WHERE true ON CONFLICT DO NOTHING`,
  )
  const kinds = db.prepare<{
    kind: string
    labels: number
    first_captured_at: number
    first_labelled_at: number
  }>(
    `SELECT kind, count(*) AS labels, min(captured_at) AS first_captured_at, min(stored_at) AS first_labelled_at
     FROM label_kind GROUP BY kind`,
  )

  const tally = db.prepare(
    `INSERT INTO label_tally VALUES ($day, $user, $change)
     ON CONFLICT DO UPDATE SET parts = parts + $change`,
  )
  const tallied = db.prepare<{ everyone: number | null; mine: number | null }>(
    `SELECT sum(parts) AS everyone, sum(CASE WHEN user_id = $user THEN parts END) AS mine
     FROM label_tally WHERE day = $day`,
  )
  const contested = db.prepare<{ inspection_id: string }>(
    `SELECT inspection_id FROM label
     WHERE inspection_id IN (SELECT value FROM json_each($of)) AND verdict <> 'withdrawn'
     GROUP BY inspection_id HAVING count(DISTINCT verdict) > 1
     UNION SELECT inspection_id FROM label_lease WHERE inspection_id IN (SELECT value FROM json_each($of))`,
  )
  const good = db.prepare<{ found: number }>(
    "SELECT EXISTS (SELECT 1 FROM inspection WHERE label_verdict IS NOT NULL AND label_verdict = 'ok') AS found",
  )
  // Kept by triggers as it changes: nobody counts a million parts after every burst of labels.
  const countSettled = db.prepare<{ n: number }>(
    "SELECT parts AS n FROM settled_count WHERE counts = $counts",
  )
  const labelsByKind = db.prepare<{ kind: string; labels: number }>(
    "SELECT kind, labels FROM label_kind_count WHERE labels > 0",
  )
  const settled = db.prepare<SettledRow>(`${selectSettled("no lot")} WHERE ${isSettled} ORDER BY l.n`)
  const settledOfLots = db.prepare<SettledRow>(`${selectSettled("lot")} WHERE ${isSettled} ORDER BY l.n`)
  // Walks its index from the newest and stops at the limit.
  const isEscaped = (of: string) =>
    `${of}.eval = 'ok' AND ${of}.label_verdict = 'ng' AND ${of}.queue_rank IS NULL AND ${counts(of)}`
  const escaped = db.prepare<SettledRow>(
    `${selectSettled("no lot")} WHERE ${isEscaped("i")} AND NOT EXISTS (
       SELECT 1 FROM inspection o
       WHERE o.image_sha256 = i.image_sha256 AND ${isEscaped("o")} AND (o.label_at, o.n) > (i.label_at, i.n)
     ) ORDER BY i.label_at DESC, i.image_sha256 LIMIT $limit`,
  )
  const sightings = db.prepare<{ labels: number; first_captured_at: number; first_labelled_at: number }>(
    `SELECT count(*) AS labels, min(k.captured_at) AS first_captured_at, min(i.label_at) AS first_labelled_at
     FROM label_kind k JOIN inspection i ON i.id = k.inspection_id
     WHERE k.kind = $kind AND k.captured_at > $since AND ${isSettled}
     HAVING count(*) > 0`,
  )

  return {
    insert: (row: Omit<LabelRow, "n">) => void insert.run(row),
    byId: (id: string) => byId.get({ id }),
    contested: (of: readonly string[]): Set<string> =>
      new Set(contested.all({ of: JSON.stringify(of) }).map((row) => row.inspection_id)),
    revision: (inspection: string, number: number) => revision.get({ inspection, revision: number }),
    revisionRow: (inspection: string, number: number) => revisionRow.get({ inspection, revision: number }),
    newest: (inspection: string) => newest.get({ inspection }),
    after: (n: number, limit: number) => after.all({ n, limit }),
    firstOf: (of: readonly string[]) => firstOf.all({ of: JSON.stringify(of) }),
    /** When a person last labelled a part. */
    lastBy: (inspection: string, user: string) => lastBy.get({ inspection, user })?.at ?? undefined,
    revisions: (inspection: string): LabelRevision[] =>
      revisions.all({ inspection }).map((row) => ({
        id: row.id,
        inspection_id: row.inspection_id,
        revision: row.revision,
        verdict: row.verdict,
        kinds: JSON.parse(row.kinds) as string[],
        boxes: JSON.parse(row.boxes) as LabelBox[],
        ...(row.drawing === null ? {} : { drawing: JSON.parse(row.drawing) as Drawing }),
        accepted: row.accepted === 1,
        criteria: row.criteria,
        by: { id: row.user_id, name: row.name },
        ...(row.tablet_id !== null &&
          row.tablet !== null && { tablet: { id: row.tablet_id, name: row.tablet } }),
        ...(row.unseen !== null && { unseen: row.unseen }),
        shown_at: row.shown_at,
        decided_at: row.decided_at,
        stored_at: row.stored_at,
        active_ms: row.active_ms,
      })),

    /** Parts of a stream nobody holds and this person may judge. Ended leases must have been dropped before. */
    waitingIn: (stream: string, user: string, newest: boolean, limit: number) =>
      (newest ? newestFirst : oldestFirst).all({ stream, user, limit }),
    /** Of these streams the number of the newest part nobody holds, the newest first; streams without one are left out. */
    headsOf: (streams: readonly string[]) =>
      heads
        .all({ streams: JSON.stringify(streams) })
        .flatMap(({ stream, n }) => (n === null ? [] : { stream, n })),
    reason: (inspection: string) => reason.get({ inspection })?.queue_reason ?? null,
    putLease: (row: LeaseRow) => void putLease.run(row),
    /** Leases a part again to whoever has let it go, while it waits and nobody holds it. */
    retakeLease: (row: Omit<LeaseRow, "image_sha256">) => void retake.run(row),
    lease: (id: string) => lease.get({ id }),
    leasesOf: (session: string) => leasesOf.all({ session }),
    /** Who holds which part now; `blind`: for a look that nobody else is to know of. */
    holders: (now: number) => holders.all({ now }),
    extendLease: (id: string, ends_at: number) => void extend.run({ id, ends_at }),
    dropLease: (inspection: string) => void dropLease.run({ inspection }),
    /** The person lets the part go; what somebody else holds by now stays theirs. */
    dropLeaseOf: (inspection: string, user: string) => void dropLeaseOf.run({ inspection, user }),
    /** Whether somebody else has judged the part after that revision. */
    judgedAfter: (inspection: string, revision: number, user: string) =>
      judgedAfter.get({ inspection, revision, user })!.n > 0,
    dropEndedLeases: (now: number) => void dropEnded.run({ now }),

    /** Makes the kinds of a part those of its newest label; a kind that stays keeps the time of its first label. */
    setKinds(inspection: string, kinds: readonly string[], captured_at: number, stored_at: number) {
      const of = JSON.stringify(kinds)
      dropKinds.run({ inspection, of })
      putKinds.run({ inspection, of, captured_at, stored_at })
    },
    kinds: () => kinds.all(),

    /** Adds to the parts one person judged on a day; both empty for the parts with a label in all. */
    tally: (day: string, user: string, change: 1 | -1) => void tally.run({ day, user, change }),
    tallied(day: string, user: string) {
      const row = tallied.get({ day, user })
      return { everyone: row?.everyone ?? 0, mine: row?.mine ?? 0 }
    },
    hasGood: () => good.get()?.found === 1,
    countSettled: (counts: Counts) => countSettled.get({ counts })?.n ?? 0,
    labelsByKind: () => labelsByKind.all(),
    /** Every settled part, in the order in which their labels were stored. `lots`: with the lot each belongs to. */
    settled: (counts: Counts, lots: boolean): LabelledPart[] =>
      labelledParts((lots ? settledOfLots : settled).all({ counts })),
    escaped: (limit: number, counts: Counts): LabelledPart[] => labelledParts(escaped.all({ limit, counts })),
    sightings: (kind: string, since: number, counts: Counts) => sightings.get({ kind, since, counts }),
  }
}
export type LabellingStore = ReturnType<typeof createLabellingStore>

/** Settled rows as others learn from them. Labels without a box say the same few things a hundred thousand times: each is read once. */
function labelledParts(rows: readonly SettledRow[]): LabelledPart[] {
  const known = new Map<string, SampleLabel>()
  const labelOf = ({ verdict, kinds, boxes }: SettledRow): SampleLabel => {
    if (boxes !== "[]") return { verdict, kinds: JSON.parse(kinds), boxes: JSON.parse(boxes) }
    const said = verdict + kinds
    const label = known.get(said) ?? { verdict, kinds: JSON.parse(kinds), boxes: [] }
    known.set(said, label)
    return label
  }
  return rows.map((row) => ({
    inspectionId: row.id,
    partId: row.part_id,
    productId: row.product_id,
    capturedAt: row.captured_at,
    device: row.device_id,
    lot: row.lot,
    labelledAt: row.stored_at,
    labelledBy: row.user_id,
    eval: row.eval,
    model: row.model_digest,
    image: { sha256: row.sha256, mime: row.mime, w: row.w, h: row.h, size: row.size },
    label: labelOf(row),
  }))
}
