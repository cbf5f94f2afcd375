import type { LabelBox, NewLabel } from "#contract/labelling"
import type { BlindAnswer, CheckPlan } from "#contract/review"
import type { Sqlite } from "#platform/sqlite"
import type { Purpose } from "./check.rules.ts"

export type LookRow = {
  id: string
  inspection_id: string
  user_id: string
  purpose: Purpose
  study_id: string | null
  trial: number
  label_id: string | null
  drawn_at: number
}
export type AnswerRow = {
  id: string
  look_id: string
  revision: number
  verdict: NewLabel["verdict"]
  kinds: string
  boxes: string
  drawing: string | null
  accepted: number
  shown_at: number
  decided_at: number
  active_ms: number
  stored_at: number
}
export type LookCandidate = {
  inspection_id: string
  image_sha256: string
  study_id: string | null
  trial: number
  label_id: string | null
}
export type ReferenceRow = {
  inspection_id: string
  verdict: "ok" | "ng"
  kinds: string
  boxes: string
  handed_out: number
  user_id: string
  at: number
}
/** What a person has said on a look of theirs, newest look of each part. */
export type OwnLook = {
  inspection_id: string
  verdict: NewLabel["verdict"] | null
  kinds: string | null
  boxes: string | null
  answer_id: string | null
  accepted: number | null
  decided_at: number | null
  stored_at: number | null
  active_ms: number | null
  shown_at: number | null
  drawing: string | null
}
/** One blind judgement, and whose. */
export type RatingRow = {
  purpose: Purpose
  inspection_id: string
  user_id: string
  name: string
  study_id: string | null
  trial: number
  verdict: "ok" | "ng" | "unsure"
  kinds: string
  boxes: string
  stored_at: number
  label_id: string | null
}

const isFree = `i.image_sha256 IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM label_lease l WHERE l.image_sha256 = i.image_sha256)`
/** The newest answer of a look, unless it was taken back. */
const newestAnswer = `a.n = (SELECT max(n) FROM look_answer WHERE look_id = k.id) AND a.verdict <> 'withdrawn'`

/** The SQL of the tables of blind looks: `look`, `look_answer`, `look_wanted`, `reference_answer`, `check_plan`. */
export function createLooksStore(db: Sqlite) {
  const insertLook = db.prepare(
    `INSERT INTO look (id, inspection_id, user_id, purpose, study_id, trial, label_id, drawn_at)
     VALUES ($id, $inspection_id, $user_id, $purpose, $study_id, $trial, $label_id, $drawn_at)`,
  )
  const look = db.prepare<LookRow>(
    `SELECT id, inspection_id, user_id, purpose, study_id, trial, label_id, drawn_at FROM look WHERE id = $id`,
  )
  const held = db.prepare<{ n: number }>(
    `SELECT count(*) AS n FROM look k JOIN label_lease l ON l.id = k.id
     WHERE k.user_id = $user AND k.inspection_id = $inspection`,
  )
  const answeredLook = db.prepare<LookRow & { stored_at: number }>(
    `SELECT k.id, k.inspection_id, k.user_id, k.purpose, k.study_id, k.trial, k.label_id, k.drawn_at, a.stored_at
     FROM look k JOIN look_answer a ON a.look_id = k.id
     WHERE k.inspection_id = $inspection AND k.user_id = $user ORDER BY a.n DESC LIMIT 1`,
  )
  const insertAnswer = db.prepare(
    `INSERT INTO look_answer (id, look_id, revision, verdict, kinds, boxes, drawing, accepted, shown_at, decided_at,
       active_ms, stored_at)
     VALUES ($id, $look_id, $revision, $verdict, $kinds, $boxes, $drawing, $accepted, $shown_at, $decided_at,
       $active_ms, $stored_at)`,
  )
  const answerColumns = `a.id, a.look_id, a.revision, a.verdict, a.kinds, a.boxes, a.drawing, a.accepted, a.shown_at,
    a.decided_at, a.active_ms, a.stored_at`
  const answer = db.prepare<AnswerRow & { user_id: string; inspection_id: string }>(
    `SELECT ${answerColumns}, k.user_id, k.inspection_id FROM look_answer a JOIN look k ON k.id = a.look_id
     WHERE a.id = $id`,
  )
  const lastAnswer = db.prepare<AnswerRow>(
    `SELECT ${answerColumns} FROM look_answer a WHERE a.look_id = $look ORDER BY a.n DESC LIMIT 1`,
  )

  const knownWhere = (
    more: string,
  ) => `SELECT r.inspection_id, i.image_sha256, NULL AS study_id, 1 AS trial, NULL AS label_id
     FROM reference_answer r JOIN inspection i ON i.id = r.inspection_id
     WHERE r.handed_out = 1 AND r.user_id <> $user AND ${isFree} ${more}
       AND NOT EXISTS (
         SELECT 1 FROM look k WHERE k.inspection_id = r.inspection_id AND k.user_id = $user AND k.drawn_at > $since
       )
     ORDER BY (SELECT max(k.drawn_at) FROM look k WHERE k.inspection_id = r.inspection_id AND k.user_id = $user),
       random() LIMIT 1`
  const known = db.prepare<LookCandidate>(knownWhere(""))
  const knownOf = db.prepare<LookCandidate>(knownWhere("AND i.product_id IS $product"))
  // Of the person's newest parts, not of all they ever judged: a draw must stay quick.
  const repeat = db.prepare<LookCandidate>(
    `SELECT o.inspection_id, i.image_sha256, NULL AS study_id, 1 AS trial, o.id AS label_id
     FROM (
       SELECT id, inspection_id, verdict FROM label
       WHERE user_id = $user AND stored_at < $before AND stored_at > $after ORDER BY stored_at DESC LIMIT 500
     ) o JOIN inspection i ON i.id = o.inspection_id
     WHERE o.verdict IN ('ok', 'ng') AND ${isFree} AND i.queue_rank IS NULL
       AND NOT EXISTS (SELECT 1 FROM label w WHERE w.inspection_id = o.inspection_id AND w.user_id = $user
         AND w.stored_at >= $before)
       AND NOT EXISTS (SELECT 1 FROM look k WHERE k.inspection_id = o.inspection_id AND k.user_id = $user
         AND k.drawn_at > $since)
       -- The newest of their labels of the part is the one to compare with.
       AND NOT EXISTS (SELECT 1 FROM label w WHERE w.inspection_id = o.inspection_id AND w.user_id = $user
         AND w.n > (SELECT n FROM label WHERE id = o.id))
     ORDER BY random() LIMIT 1`,
  )
  const second = db.prepare<LookCandidate>(
    `SELECT w.inspection_id, i.image_sha256, NULL AS study_id, w.trial, NULL AS label_id
     FROM look_wanted w JOIN inspection i ON i.id = w.inspection_id
     WHERE w.purpose = 'second' AND w.user_id IS NULL AND ${isFree}
       AND NOT EXISTS (SELECT 1 FROM label x WHERE x.inspection_id = w.inspection_id AND x.user_id = $user)
       AND NOT EXISTS (SELECT 1 FROM look k WHERE k.inspection_id = w.inspection_id AND k.user_id = $user
         AND k.drawn_at > $since)
     ORDER BY w.trial, w.place LIMIT 1`,
  )
  const study = db.prepare<LookCandidate>(
    `SELECT w.inspection_id, i.image_sha256, w.study_id, w.trial, NULL AS label_id
     FROM look_wanted w JOIN inspection i ON i.id = w.inspection_id
     WHERE w.purpose = 'study' AND w.user_id = $user AND ${isFree}
     ORDER BY w.trial, w.place LIMIT 1`,
  )
  const want = db.prepare(
    `INSERT INTO look_wanted (inspection_id, purpose, user_id, study_id, trial, place)
     VALUES ($inspection, $purpose, $user, $study, $trial, $place)`,
  )
  const wantsSecond = db.prepare<{ n: number }>(
    "SELECT count(*) AS n FROM look_wanted WHERE purpose = 'second' AND inspection_id = $inspection",
  )
  const dropSecond = db.prepare(
    "DELETE FROM look_wanted WHERE purpose = 'second' AND inspection_id = $inspection",
  )
  const dropTrial = db.prepare(
    `DELETE FROM look_wanted WHERE purpose = 'study' AND inspection_id = $inspection AND user_id = $user
       AND study_id = $study AND trial = $trial`,
  )
  const dropStudy = db.prepare("DELETE FROM look_wanted WHERE purpose = 'study' AND study_id = $study")
  const openTrials = db.prepare<{ user_id: string; n: number }>(
    "SELECT user_id, count(*) AS n FROM look_wanted WHERE purpose = 'study' AND study_id = $study GROUP BY user_id",
  )

  const seconds = db.prepare<{
    user_id: string
    name: string
    verdict: "ok" | "ng" | "unsure"
    kinds: string
    boxes: string
    stored_at: number
  }>(
    `SELECT k.user_id, u.name, a.verdict, a.kinds, a.boxes, a.stored_at
     FROM look k JOIN look_answer a ON a.look_id = k.id JOIN user u ON u.id = k.user_id
     WHERE k.inspection_id = $inspection AND k.purpose = 'second' AND ${newestAnswer} ORDER BY a.n`,
  )
  const own = db.prepare<OwnLook>(
    `SELECT k.inspection_id, a.verdict, a.kinds, a.boxes, a.id AS answer_id, a.accepted, a.decided_at, a.stored_at,
       a.active_ms, a.shown_at, a.drawing
     FROM look k LEFT JOIN look_answer a ON a.look_id = k.id AND ${newestAnswer}
     WHERE k.user_id = $user AND k.drawn_at > $since AND k.inspection_id IN (SELECT value FROM json_each($of))
     ORDER BY k.n`,
  )
  const ratings = db.prepare<RatingRow>(
    `SELECT k.purpose, k.inspection_id, k.user_id, u.name, k.study_id, k.trial, a.verdict, a.kinds, a.boxes,
       a.stored_at, k.label_id
     FROM look k JOIN look_answer a ON a.look_id = k.id JOIN user u ON u.id = k.user_id
     WHERE ${newestAnswer} AND a.stored_at >= $since
       AND ($study = '' AND k.study_id IS NULL OR k.study_id = $study)
     ORDER BY a.n`,
  )

  const reference = db.prepare<ReferenceRow>(
    "SELECT * FROM reference_answer WHERE inspection_id = $inspection",
  )
  const references = db.prepare<ReferenceRow & { name: string }>(
    "SELECT r.*, u.name FROM reference_answer r JOIN user u ON u.id = r.user_id ORDER BY r.at DESC LIMIT 2000",
  )
  const putReference = db.prepare(
    `INSERT INTO reference_answer VALUES ($inspection_id, $verdict, $kinds, $boxes, $handed_out, $user_id, $at)
     ON CONFLICT DO UPDATE SET verdict = $verdict, kinds = $kinds, boxes = $boxes, handed_out = $handed_out,
       user_id = $user_id, at = $at`,
  )
  const dropReference = db.prepare("DELETE FROM reference_answer WHERE inspection_id = $inspection")
  const needed = db.prepare<{ inspection_id: string }>(
    `SELECT inspection_id FROM reference_answer WHERE inspection_id IN (SELECT value FROM json_each($of))
     UNION SELECT inspection_id FROM look_wanted WHERE inspection_id IN (SELECT value FROM json_each($of))`,
  )
  const plan = db.prepare<{ plan: string }>("SELECT plan FROM check_plan ORDER BY n DESC LIMIT 1")
  const putPlan = db.prepare("INSERT INTO check_plan (plan, user_id, at) VALUES ($plan, $user, $at)")
  const draws = { reference: known, repeat, second, study } as const

  return {
    insertLook: (row: LookRow) => void insertLook.run(row),
    look: (id: string) => look.get({ id }),
    isHeld: (user: string, inspection: string) => (held.get({ user, inspection })?.n ?? 0) > 0,
    answeredLook: (inspection: string, user: string) => answeredLook.get({ inspection, user }),
    insertAnswer: (row: AnswerRow) => void insertAnswer.run(row),
    answer: (id: string) => answer.get({ id }),
    lastAnswer: (look: string) => lastAnswer.get({ look }),

    /** A part nobody holds for a blind look of this person. */
    draw(
      purpose: Purpose,
      of: { user: string; known: number; before: number; after: number },
    ): LookCandidate | undefined {
      const { user, before, after, known: since } = of
      if (purpose === "study") return draws.study.get({ user })
      if (purpose === "repeat") return draws.repeat.get({ user, before, after, since })
      return draws[purpose].get({ user, since })
    },
    /** A known part of a product, to stand among others of it. */
    drawKnown: (of: { user: string; since: number; product: string | null }) => knownOf.get(of),
    want: (row: {
      inspection: string
      purpose: "second" | "study"
      user: string | null
      study: string | null
      trial: number
      place: number
    }) => void want.run(row),
    wantsSecond: (inspection: string) => (wantsSecond.get({ inspection })?.n ?? 0) > 0,
    dropSecond: (inspection: string) => void dropSecond.run({ inspection }),
    dropTrial: (of: { inspection: string; user: string; study: string; trial: number }) =>
      void dropTrial.run(of),
    dropStudy: (study: string) => void dropStudy.run({ study }),
    openTrials: (study: string) => openTrials.all({ study }),

    /** What people said who judged a labelled part without seeing its label. */
    seconds: (inspection: string): BlindAnswer[] =>
      seconds.all({ inspection }).map((row) => ({
        by: { id: row.user_id, name: row.name },
        verdict: row.verdict,
        kinds: JSON.parse(row.kinds) as string[],
        boxes: JSON.parse(row.boxes) as LabelBox[],
        at: row.stored_at,
      })),
    own: (user: string, parts: readonly string[], since: number) =>
      new Map(own.all({ user, since, of: JSON.stringify(parts) }).map((row) => [row.inspection_id, row])),
    ratings: (study: string, since: number) => ratings.all({ study, since }),

    reference: (inspection: string) => reference.get({ inspection }),
    references: () => references.all(),
    putReference: (row: ReferenceRow) => void putReference.run(row),
    dropReference: (inspection: string) => dropReference.run({ inspection }).changes > 0,
    /** Of these parts, those whose pictures are still to be looked at. */
    needed: (of: readonly string[]) =>
      new Set(needed.all({ of: JSON.stringify(of) }).map((row) => row.inspection_id)),
    plan: (): CheckPlan | undefined => {
      const row = plan.get()
      return row && (JSON.parse(row.plan) as CheckPlan)
    },
    putPlan: (of: CheckPlan, user: string, at: number) =>
      void putPlan.run({ plan: JSON.stringify(of), user, at }),
  }
}
export type LooksStore = ReturnType<typeof createLooksStore>
