import type { SkipCount, SkipReason } from "#contract/flow"
import type { Sqlite } from "#platform/sqlite"

type Skip = { id: string; inspection: string; user: string; reason: SkipReason; note: string; at: number }
type Opinion = {
  id: string
  inspection: string
  by: string
  of: string | null
  at: number
  /** When it was given; null while it is waited for. */
  closed: number | null
}
type CommentRow = {
  n: number
  id: string
  inspection_id: string
  user_id: string
  name: string
  text: string
  at: number
  mentions: string
}

/** The SQL of the tables `label_skip`, `second_opinion`, `part_comment` and `part_mention`. */
export function createFlowStore(db: Sqlite) {
  const skip = db.prepare<{ inspection_id: string; user_id: string; undone_at: number | null }>(
    "SELECT inspection_id, user_id, undone_at FROM label_skip WHERE id = $id",
  )
  const insertSkip = db.prepare(
    "INSERT INTO label_skip (id, inspection_id, user_id, reason, note, at) VALUES ($id, $inspection, $user, $reason, $note, $at)",
  )
  const undoSkip = db.prepare("UPDATE label_skip SET undone_at = $at WHERE id = $id")
  const skippers = db.prepare<{ n: number }>(
    `SELECT count(DISTINCT user_id) AS n FROM label_skip
     WHERE inspection_id = $inspection AND undone_at IS NULL`,
  )
  const skips = db.prepare<SkipCount>(
    `SELECT reason, count(*) AS skips, count(DISTINCT inspection_id) AS parts FROM label_skip
     WHERE at >= $since AND undone_at IS NULL GROUP BY reason ORDER BY skips DESC`,
  )
  const opinion = db.prepare<{ inspection_id: string; asked_by: string }>(
    "SELECT inspection_id, asked_by FROM second_opinion WHERE id = $id",
  )
  const insertOpinion = db.prepare(
    "INSERT INTO second_opinion VALUES ($id, $inspection, $by, $of, $at, $closed)",
  )
  const closeOpinions = db.prepare(
    `UPDATE second_opinion SET closed_at = $at
     WHERE inspection_id = $inspection AND closed_at IS NULL AND asked_by <> $user`,
  )
  const askedBy = db.prepare<{ name: string }>(
    `SELECT user.name FROM second_opinion q JOIN user ON user.id = q.asked_by
     WHERE q.inspection_id = $inspection AND q.closed_at IS NULL ORDER BY q.at DESC LIMIT 1`,
  )
  const askedOf = db.prepare<{ id: string; image_sha256: string }>(
    `SELECT i.id, i.image_sha256 FROM second_opinion q JOIN inspection i ON i.id = q.inspection_id
     WHERE q.asked_of = $user AND q.closed_at IS NULL AND i.queue_stream IS NOT NULL AND i.image_sha256 IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM label_lease l WHERE l.image_sha256 = i.image_sha256)
       AND NOT EXISTS (
         SELECT 1 FROM label_skip k WHERE k.inspection_id = i.id AND k.user_id = $user AND k.undone_at IS NULL
       )
     ORDER BY q.at LIMIT 1`,
  )
  const comment = db.prepare<{ inspection_id: string; user_id: string }>(
    "SELECT inspection_id, user_id FROM part_comment WHERE id = $id",
  )
  const insertComment = db.prepare<{ n: number }>(
    `INSERT INTO part_comment (id, inspection_id, user_id, text, at) VALUES ($id, $inspection, $user, $text, $at)
     RETURNING n`,
  )
  const mention = db.prepare("INSERT INTO part_mention VALUES ($user, $n, NULL) ON CONFLICT DO NOTHING")
  const columns = `c.n, c.id, c.inspection_id, c.user_id, user.name, c.text, c.at, (
    SELECT json_group_array(json_object('id', u.id, 'name', u.name)) FROM part_mention o JOIN user u ON u.id = o.user_id
    WHERE o.comment_n = c.n) AS mentions`
  const comments = db.prepare<CommentRow>(
    `SELECT ${columns} FROM part_comment c JOIN user ON user.id = c.user_id
     WHERE c.inspection_id = $inspection ORDER BY c.n LIMIT 200`,
  )
  const countComments = db.prepare<{ n: number }>(
    "SELECT count(*) AS n FROM part_comment WHERE inspection_id = $inspection",
  )
  const mentions = db.prepare<CommentRow & { seen_at: number | null }>(
    `SELECT ${columns}, m.seen_at FROM part_mention m JOIN part_comment c ON c.n = m.comment_n
       JOIN user ON user.id = c.user_id
     WHERE m.user_id = $user ORDER BY m.comment_n DESC LIMIT $limit`,
  )
  const see = db.prepare(
    `UPDATE part_mention SET seen_at = $at WHERE user_id = $user AND seen_at IS NULL
       AND comment_n IN (SELECT n FROM part_comment WHERE id IN (SELECT value FROM json_each($of)))`,
  )
  const toComment = (row: CommentRow) => ({
    id: row.id,
    inspection_id: row.inspection_id,
    by: { id: row.user_id, name: row.name },
    text: row.text,
    mentions: JSON.parse(row.mentions) as { id: string; name: string }[],
    at: row.at,
  })
  return {
    skip: (id: string) => skip.get({ id }),
    insertSkip: (made: Skip) => void insertSkip.run(made),
    undoSkip: (id: string, at: number) => void undoSkip.run({ id, at }),
    /** How many people have given a part back and stand by it. */
    skippers: (inspection: string) => skippers.get({ inspection })!.n,
    skips: (since: number) => skips.all({ since }),
    opinion: (id: string) => opinion.get({ id }),
    insertOpinion: (made: Opinion) => void insertOpinion.run(made),
    /** The next person has judged the part. */
    closeOpinions: (inspection: string, user: string, at: number) =>
      void closeOpinions.run({ inspection, user, at }),
    /** Who waits for another opinion on a part. */
    askedBy: (inspection: string) => askedBy.get({ inspection })?.name,
    /** The part a person was asked about first that nobody holds. */
    askedOf: (user: string) => askedOf.get({ user }),
    comment: (id: string) => comment.get({ id }),
    insertComment(
      made: { id: string; inspection: string; user: string; text: string; at: number },
      to: string[],
    ) {
      const { n } = insertComment.get(made)!
      for (const user of new Set(to)) mention.run({ user, n })
    },
    comments: (inspection: string) => comments.all({ inspection }).map(toComment),
    countComments: (inspection: string) => countComments.get({ inspection })!.n,
    mentions: (user: string, limit: number) =>
      mentions.all({ user, limit }).map((row) => ({ comment: toComment(row), seen: row.seen_at !== null })),
    see: (user: string, of: readonly string[], at: number) =>
      void see.run({ user, of: JSON.stringify(of), at }),
  }
}
export type FlowStore = ReturnType<typeof createFlowStore>
