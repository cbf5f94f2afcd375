import type { LabelVerdict, Meeting } from "#contract/labelling"
import type { Reviewed, ReviewState, ReviewWhy } from "#contract/review"
import type { Sqlite } from "#platform/sqlite"

export type StandingRow = {
  inspection_id: string
  revision: number
  user_id: string
  state: ReviewState
  agreed: number
  why: ReviewWhy | null
  at: number
}
export type ReviewRow = {
  id: string
  inspection_id: string
  revision: number
  labeller_id: string
  outcome: Reviewed["outcome"]
  reason: string
  reviewer_id: string
  at: number
}
export type ReturnedPart = { inspection_id: string; image_sha256: string }
export type MeetingRow = {
  label_id: string
  base_revision: number
  theirs_revision: number
  stands_revision: number
  outcome: Meeting["outcome"]
}
type Place = { at: number; id: string }

/** The SQL of the tables `label_standing`, `label_review` and `label_meeting`. */
export function createReviewStore(db: Sqlite) {
  const standing = db.prepare<StandingRow>("SELECT * FROM label_standing WHERE inspection_id = $inspection")
  const putStanding = db.prepare(
    `INSERT INTO label_standing VALUES ($inspection_id, $revision, $user_id, $state, $agreed, $why, $at)
     ON CONFLICT DO UPDATE SET revision = $revision, user_id = $user_id, state = $state, agreed = $agreed, why = $why,
       at = $at`,
  )
  const dropStanding = db.prepare("DELETE FROM label_standing WHERE inspection_id = $inspection")
  const waiting = db.prepare<StandingRow & { name: string }>(
    `SELECT s.*, u.name FROM label_standing s JOIN user u ON u.id = s.user_id
     WHERE s.why IS NOT NULL AND (s.at, s.inspection_id) > ($at, $id) ORDER BY s.at, s.inspection_id LIMIT $limit`,
  )
  const sentBack = db.prepare<StandingRow & { name: string }>(
    `SELECT s.*, u.name FROM label_standing s JOIN user u ON u.id = s.user_id
     WHERE s.state = 'sent_back' AND (s.at, s.inspection_id) > ($at, $id) ORDER BY s.at, s.inspection_id LIMIT $limit`,
  )
  const countWaiting = db.prepare<{ why: ReviewWhy; n: number }>(
    "SELECT why, count(*) AS n FROM label_standing WHERE why IS NOT NULL GROUP BY why",
  )
  const returned = db.prepare<ReturnedPart>(
    `SELECT s.inspection_id, i.image_sha256 FROM label_standing s JOIN inspection i ON i.id = s.inspection_id
     WHERE s.user_id = $user AND s.state = 'sent_back' AND i.image_sha256 IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM label_lease l WHERE l.image_sha256 = i.image_sha256)
     ORDER BY s.at LIMIT 1`,
  )

  const insertReview = db.prepare(
    `INSERT INTO label_review (id, inspection_id, revision, labeller_id, outcome, reason, reviewer_id, at)
     VALUES ($id, $inspection_id, $revision, $labeller_id, $outcome, $reason, $reviewer_id, $at)`,
  )
  const review = db.prepare<ReviewRow>(
    `SELECT id, inspection_id, revision, labeller_id, outcome, reason, reviewer_id, at FROM label_review WHERE id = $id`,
  )
  const reviews = db.prepare<ReviewRow & { name: string }>(
    `SELECT r.*, u.name FROM label_review r JOIN user u ON u.id = r.reviewer_id
     WHERE r.inspection_id = $inspection ORDER BY r.n`,
  )
  const outcomes = db.prepare<{ labeller_id: string; name: string; outcome: Reviewed["outcome"]; n: number }>(
    `SELECT r.labeller_id, u.name, r.outcome, count(*) AS n FROM label_review r JOIN user u ON u.id = r.labeller_id
     WHERE r.at >= $since GROUP BY r.labeller_id, r.outcome`,
  )
  const insertMeeting = db.prepare(
    "INSERT INTO label_meeting VALUES ($label_id, $base_revision, $theirs_revision, $stands_revision, $outcome)",
  )
  const meeting = db.prepare<{
    outcome: Meeting["outcome"]
    name: string
    verdict: LabelVerdict
    kinds: string
    revision: number
    stands_revision: number
  }>(
    `SELECT m.outcome, u.name, l.verdict, l.kinds, l.revision, m.stands_revision
     FROM label_meeting m JOIN label o ON o.id = m.label_id
     JOIN label l ON l.inspection_id = o.inspection_id AND l.revision = m.theirs_revision
     JOIN user u ON u.id = l.user_id WHERE m.label_id = $id`,
  )

  return {
    standing: (inspection: string) => standing.get({ inspection }),
    putStanding: (row: StandingRow) => void putStanding.run(row),
    dropStanding: (inspection: string) => void dropStanding.run({ inspection }),
    waiting: (after: Place, limit: number) => waiting.all({ ...after, limit }),
    sentBack: (after: Place, limit: number) => sentBack.all({ ...after, limit }),
    countWaiting: () => countWaiting.all(),
    /** A part whose label its author is to look at again. */
    returned: (user: string) => returned.get({ user }),
    insertReview: (row: ReviewRow) => void insertReview.run(row),
    review: (id: string) => review.get({ id }),
    reviews: (inspection: string): Reviewed[] =>
      reviews.all({ inspection }).map((row) => ({
        id: row.id,
        revision: row.revision,
        outcome: row.outcome,
        reason: row.reason,
        by: { id: row.reviewer_id, name: row.name },
        at: row.at,
      })),
    outcomes: (since: number) => outcomes.all({ since }),
    insertMeeting: (row: MeetingRow) => void insertMeeting.run(row),
    /** Whom a label met, and the revision that came of it. */
    meeting(id: string): { met: Meeting; stands: number } | undefined {
      const row = meeting.get({ id })
      if (!row) return undefined
      const { outcome, name: by, verdict, kinds, revision } = row
      const met: Meeting = { outcome, by, verdict, kinds: JSON.parse(kinds) as string[], revision }
      return { met, stands: row.stands_revision }
    },
  }
}
export type ReviewStore = ReturnType<typeof createReviewStore>
