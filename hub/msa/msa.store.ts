import type { Evaluation } from "#contract/inspection"
import type { MsaLimits } from "#contract/msa"
import type { Sqlite } from "#platform/sqlite"

export type StudyRow = {
  id: string
  name: string
  trials: number
  user_id: string
  at: number
  closed_at: number | null
}
export type ModelRow = {
  study_id: string
  inspection_id: string
  trial: number
  model_digest: string
  eval: Evaluation
  at: number
}

/** The only SQL of the tables `msa_…`. All writes expect to run inside a transaction of the caller. */
export function createMsaStore(db: Sqlite) {
  const insert = db.prepare("INSERT INTO msa_study VALUES ($id, $name, $trials, $user_id, $at, NULL)")
  const insertPart = db.prepare("INSERT INTO msa_study_part VALUES ($study, $part)")
  const insertPerson = db.prepare("INSERT INTO msa_study_person VALUES ($study, $person)")
  const study = db.prepare<StudyRow>("SELECT * FROM msa_study WHERE id = $id")
  const studies = db.prepare<StudyRow>("SELECT * FROM msa_study ORDER BY at DESC, id LIMIT 200")
  const close = db.prepare("UPDATE msa_study SET closed_at = $at WHERE id = $id AND closed_at IS NULL")
  const parts = db.prepare<{ inspection_id: string }>(
    "SELECT inspection_id FROM msa_study_part WHERE study_id = $study ORDER BY inspection_id",
  )
  const people = db.prepare<{ user_id: string }>(
    "SELECT user_id FROM msa_study_person WHERE study_id = $study ORDER BY user_id",
  )
  const dropModel = db.prepare("DELETE FROM msa_study_model WHERE study_id = $study")
  const insertModel = db.prepare(
    "INSERT INTO msa_study_model VALUES ($study_id, $inspection_id, $trial, $model_digest, $eval, $at)",
  )
  const model = db.prepare<ModelRow>(
    "SELECT * FROM msa_study_model WHERE study_id = $study ORDER BY inspection_id, trial",
  )
  const limits = db.prepare<{ limits: string }>("SELECT limits FROM msa_limits ORDER BY n DESC LIMIT 1")
  const putLimits = db.prepare("INSERT INTO msa_limits (limits, user_id, at) VALUES ($limits, $user, $at)")
  return {
    insert(row: Omit<StudyRow, "closed_at">, of: { parts: readonly string[]; people: readonly string[] }) {
      insert.run(row)
      for (const part of of.parts) insertPart.run({ study: row.id, part })
      for (const person of of.people) insertPerson.run({ study: row.id, person })
    },
    study: (id: string) => study.get({ id }),
    studies: () => studies.all(),
    /** False when it was closed before. */
    close: (id: string, at: number) => close.run({ id, at }).changes > 0,
    parts: (id: string) => parts.all({ study: id }).map((row) => row.inspection_id),
    people: (id: string) => people.all({ study: id }).map((row) => row.user_id),
    /** What the model says now stands in the place of what it said before. */
    putModel(id: string, rows: readonly ModelRow[]) {
      dropModel.run({ study: id })
      for (const row of rows) insertModel.run(row)
    },
    model: (id: string) => model.all({ study: id }),
    limits: (): MsaLimits | undefined => {
      const row = limits.get()
      return row && (JSON.parse(row.limits) as MsaLimits)
    },
    putLimits: (of: MsaLimits, user: string, at: number) =>
      void putLimits.run({ limits: JSON.stringify(of), user, at }),
  }
}
