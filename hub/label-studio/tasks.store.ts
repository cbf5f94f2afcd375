import type { Sqlite } from "#platform/sqlite"
import type { Where } from "./filter.rules.ts"

export type Picture = "none" | "waiting" | "stored" | "failed"
export type TaskRow = {
  id: number
  project: number
  inner_id: number
  data: string
  meta: string
  source_key: string | null
  upload: number | null
  inspection_id: string
  picture: Picture
  picture_why: string | null
  created_at: number
  updated_at: number
  updated_by: string | null
  annotations: number
  cancelled: number
  predictions: number
  completed_at: number | null
}
export type AnnotationRow = {
  id: number
  task: number
  unique_id: string
  user_id: string
  created_at: number
  revision: number
  import_id: number | null
  parent_prediction: number | null
  parent_annotation: number | null
  result: string
  was_cancelled: number
  ground_truth: number
  lead_time: number | null
  action: string
  by_user: string
  at: number
  label_id: string | null
}
export type RevisionRow = Pick<
  AnnotationRow,
  "result" | "was_cancelled" | "ground_truth" | "lead_time" | "action" | "by_user" | "at" | "label_id"
> & { annotation: number; revision: number }
export type PredictionRow = {
  id: number
  task: number
  result: string
  score: number | null
  model_version: string
  created_at: number
  updated_at: number
}
export type UploadRow = {
  id: number
  project: number
  name: string
  sha256: string
  mime: string
  size: number
  at: number
}
export type DueRow = {
  label_id: string
  inspection_id: string
  annotation: number
  revision: number
  at: number
}

const taskColumns = `t.id, t.project, t.inner_id, t.data, t.meta, t.source_key, t.upload, t.inspection_id, t.picture,
  t.picture_why, t.created_at, t.updated_at, t.updated_by, t.annotations, t.cancelled, t.predictions, t.completed_at`
const annotationColumns = `a.id, a.task, a.unique_id, a.user_id, a.created_at, a.revision, a.import_id,
  a.parent_prediction, a.parent_annotation, r.result, r.was_cancelled, r.ground_truth, r.lead_time, r.action, r.by_user,
  r.at, r.label_id`
const annotationSource = `ls_annotation a JOIN ls_annotation_revision r
  ON r.annotation = a.id AND r.revision = a.revision`

/** The only SQL of tasks, their uploads, annotations and predictions. Writes belong inside the caller's transaction. */
export function createTasksStore(db: Sqlite) {
  const task = db.prepare<TaskRow>(
    `SELECT ${taskColumns} FROM ls_task t WHERE id = $id AND deleted_at IS NULL`,
  )
  const byInspection = db.prepare<TaskRow>(
    `SELECT ${taskColumns} FROM ls_task t WHERE inspection_id = $inspection AND deleted_at IS NULL`,
  )
  const byKey = db.prepare<{ id: number; deleted_at: number | null }>(
    "SELECT id, deleted_at FROM ls_task WHERE project = $project AND source_key = $key",
  )
  const lastInner = db.prepare<{ n: number | null }>(
    "SELECT max(inner_id) AS n FROM ls_task WHERE project = $project",
  )
  const insertTask = db.prepare<{ id: number }>(
    `INSERT INTO ls_task (project, inner_id, data, meta, source_key, upload, inspection_id, picture, picture_why,
       created_at, updated_at, updated_by)
     VALUES ($project, $inner, $data, $meta, $key, $upload, $inspection, $picture, $why, $now, $now, $by) RETURNING id`,
  )
  const updateTask = db.prepare(
    "UPDATE ls_task SET data = $data, meta = $meta, updated_at = $now, updated_by = $by WHERE id = $id",
  )
  const setPicture = db.prepare("UPDATE ls_task SET picture = $picture, picture_why = $why WHERE id = $id")
  const dropTask = db.prepare(
    "UPDATE ls_task SET deleted_at = $now, source_key = NULL WHERE id = $id AND deleted_at IS NULL",
  )
  const waiting = db.prepare<TaskRow>(
    `SELECT ${taskColumns} FROM ls_task t WHERE picture = 'waiting' AND deleted_at IS NULL AND id > $after
     ORDER BY id LIMIT $limit`,
  )
  const recount = db.prepare(
    `UPDATE ls_task SET
       annotations = (SELECT count(*) FROM ${annotationSource}
         WHERE a.task = ls_task.id AND a.deleted_at IS NULL AND r.was_cancelled = 0),
       cancelled = (SELECT count(*) FROM ${annotationSource}
         WHERE a.task = ls_task.id AND a.deleted_at IS NULL AND r.was_cancelled = 1),
       predictions = (SELECT count(*) FROM ls_prediction p WHERE p.task = ls_task.id),
       completed_at = (SELECT max(r.at) FROM ${annotationSource}
         WHERE a.task = ls_task.id AND a.deleted_at IS NULL AND r.was_cancelled = 0),
       updated_at = max(updated_at, $now)
     WHERE id = $id`,
  )

  const upload = db.prepare<UploadRow>("SELECT * FROM ls_upload WHERE project = $project AND name = $name")
  const uploadById = db.prepare<UploadRow>("SELECT * FROM ls_upload WHERE id = $id")
  const uploads = db.prepare<UploadRow>("SELECT * FROM ls_upload WHERE project = $project ORDER BY id")
  const sameUpload = db.prepare<UploadRow>(
    "SELECT * FROM ls_upload WHERE project = $project AND sha256 = $sha256 AND name LIKE $like ORDER BY id LIMIT 1",
  )
  const putUpload = db.prepare<{ id: number }>(
    `INSERT INTO ls_upload (project, name, sha256, mime, size, at)
     VALUES ($project, $name, $sha256, $mime, $size, $at) RETURNING id`,
  )

  const annotation = db.prepare<AnnotationRow>(
    `SELECT ${annotationColumns} FROM ${annotationSource} WHERE a.id = $id AND a.deleted_at IS NULL`,
  )
  const annotationsOf = db.prepare<AnnotationRow>(
    `SELECT ${annotationColumns} FROM ${annotationSource} WHERE a.task = $task AND a.deleted_at IS NULL
     ORDER BY a.id DESC`,
  )
  const byUnique = db.prepare<{ id: number; task: number }>(
    "SELECT id, task FROM ls_annotation WHERE unique_id = $unique",
  )
  const lastBy = db.prepare<AnnotationRow>(
    `SELECT ${annotationColumns} FROM ${annotationSource} WHERE a.task = $task AND a.user_id = $user
     AND a.deleted_at IS NULL ORDER BY a.id DESC LIMIT 1`,
  )
  const insertAnnotation = db.prepare<{ id: number }>(
    `INSERT INTO ls_annotation (task, unique_id, user_id, created_at, revision, import_id, parent_prediction,
       parent_annotation)
     VALUES ($task, $unique_id, $user_id, $created_at, 1, $import_id, $parent_prediction, $parent_annotation)
     RETURNING id`,
  )
  const insertRevision = db.prepare(
    `INSERT INTO ls_annotation_revision VALUES ($annotation, $revision, $result, $was_cancelled, $ground_truth,
       $lead_time, $action, $by_user, $at, $label_id)`,
  )
  const setRevision = db.prepare("UPDATE ls_annotation SET revision = $revision WHERE id = $id")
  const dropAnnotation = db.prepare("UPDATE ls_annotation SET deleted_at = $now WHERE id = $id")
  const revisions = db.prepare<RevisionRow>(
    "SELECT * FROM ls_annotation_revision WHERE annotation = $annotation ORDER BY revision",
  )
  const ofLabel = db.prepare<{ annotation: number }>(
    "SELECT annotation FROM ls_annotation_revision WHERE label_id = $label LIMIT 1",
  )
  const resultsOf = db.prepare<{ result: string }>(
    `SELECT r.result FROM ls_task t JOIN ls_annotation a ON a.task = t.id
     JOIN ls_annotation_revision r ON r.annotation = a.id AND r.revision = a.revision
     WHERE t.project = $project AND t.deleted_at IS NULL AND a.deleted_at IS NULL`,
  )

  const predictionsOf = db.prepare<PredictionRow>(
    "SELECT * FROM ls_prediction WHERE task = $task ORDER BY id",
  )
  const prediction = db.prepare<PredictionRow>("SELECT * FROM ls_prediction WHERE id = $id")
  const predictionsOfProject = db.prepare<PredictionRow>(
    `SELECT p.* FROM ls_prediction p JOIN ls_task t ON t.id = p.task
     WHERE t.project = $project AND t.deleted_at IS NULL ORDER BY p.id LIMIT $limit OFFSET $offset`,
  )
  const putPrediction = db.prepare<{ id: number }>(
    `INSERT INTO ls_prediction (task, result, score, model_version, created_at, updated_at)
     VALUES ($task, $result, $score, $model_version, $now, $now) RETURNING id`,
  )
  const changePrediction = db.prepare(
    `UPDATE ls_prediction SET result = $result, score = $score, model_version = $model_version, updated_at = $now
     WHERE id = $id`,
  )
  const dropPrediction = db.prepare("DELETE FROM ls_prediction WHERE id = $id")
  const versions = db.prepare<{ model_version: string; n: number; latest: number }>(
    `SELECT p.model_version, count(*) AS n, max(p.created_at) AS latest FROM ls_prediction p
     JOIN ls_task t ON t.id = p.task WHERE t.project = $project AND t.deleted_at IS NULL
     GROUP BY p.model_version ORDER BY latest DESC`,
  )

  const putDue = db.prepare(
    "INSERT INTO ls_label_due VALUES ($label_id, $inspection_id, $annotation, $revision, $at)",
  )
  const dueOf = db.prepare<DueRow>(
    "SELECT * FROM ls_label_due WHERE inspection_id = $inspection ORDER BY annotation, revision",
  )
  const dueParts = db.prepare<{ inspection_id: string }>("SELECT DISTINCT inspection_id FROM ls_label_due")
  const dropDue = db.prepare("DELETE FROM ls_label_due WHERE label_id = $label")
  const putNote = db.prepare(
    "INSERT INTO ls_label_note VALUES ($label, $taken, $note, $at) ON CONFLICT DO NOTHING",
  )
  const note = db.prepare<{ note: string }>("SELECT note FROM ls_label_note WHERE label_id = $label")
  const revision = db.prepare<RevisionRow>(
    "SELECT * FROM ls_annotation_revision WHERE annotation = $annotation AND revision = $revision",
  )

  const reading = db.prepare<{ n: number }>("SELECT n FROM ls_reading")
  const setReading = db.prepare("UPDATE ls_reading SET n = $n")

  return {
    task: (id: number) => task.get({ id }),
    ofInspection: (inspection: string) => byInspection.all({ inspection }),
    byKey: (project: number, key: string) => byKey.get({ project, key }),
    lastInner: (project: number) => lastInner.get({ project })?.n ?? 0,
    insertTask: (row: {
      project: number
      inner: number
      data: string
      meta: string
      key: string | null
      upload: number | null
      inspection: string
      picture: Picture
      why: string | null
      by: string
      now: number
    }) => insertTask.get(row)!.id,
    updateTask: (row: { id: number; data: string; meta: string; by: string; now: number }) =>
      void updateTask.run(row),
    setPicture: (id: number, picture: Picture, why: string | null) =>
      void setPicture.run({ id, picture, why }),
    dropTask: (id: number, now: number) => dropTask.run({ id, now }).changes > 0,
    waiting: (after: number, limit: number) => waiting.all({ after, limit }),
    recount: (id: number, now: number) => void recount.run({ id, now }),
    /** One page of tasks and how many there are; `where` comes from filter.rules, its values are bound. */
    page(project: number | null, where: Where, order: Where, limit: number, offset: number) {
      const of = project === null ? "" : "t.project = $project AND "
      const condition = `${of}t.deleted_at IS NULL AND (${where.sql})`
      const bound = { ...where.params, ...(project !== null && { project }) }
      const rows = db
        .cached<TaskRow>(
          `SELECT ${taskColumns} FROM ls_task t WHERE ${condition} ORDER BY ${order.sql} LIMIT $limit OFFSET $offset`,
        )
        .all({ ...bound, ...order.params, limit, offset })
      const totals = db
        .cached<{ total: number; annotations: number; predictions: number }>(
          `SELECT count(*) AS total, coalesce(sum(t.annotations), 0) AS annotations,
             coalesce(sum(t.predictions), 0) AS predictions FROM ls_task t WHERE ${condition}`,
        )
        .get(bound)!
      return { rows, ...totals }
    },
    /** Ids of all tasks that a condition holds for. */
    ids: (project: number, where: Where): number[] =>
      db
        .cached<{ id: number }>(
          `SELECT t.id FROM ls_task t WHERE t.project = $project AND t.deleted_at IS NULL AND (${where.sql}) ORDER BY t.id`,
        )
        .all({ ...where.params, project })
        .map(({ id }) => id),
    /** The next tasks of a project behind an id, for whoever goes through all of them. */
    after: (project: number, id: number, where: Where, limit: number): TaskRow[] =>
      db
        .cached<TaskRow>(
          `SELECT ${taskColumns} FROM ls_task t WHERE t.project = $project AND t.id > $after AND t.deleted_at IS NULL
           AND (${where.sql}) ORDER BY t.id LIMIT $limit`,
        )
        .all({ ...where.params, project, after: id, limit }),

    upload: (project: number, name: string) => upload.get({ project, name }),
    uploadById: (id: number) => uploadById.get({ id }),
    uploads: (project: number) => uploads.all({ project }),
    /** The same bytes under the same name: bringing a file again finds it. */
    sameUpload: (project: number, sha256: string, name: string) =>
      sameUpload.get({ project, sha256, like: `________-${name.replaceAll(/[%_\\]/g, "_")}` }),
    putUpload: (row: Omit<UploadRow, "id">) => putUpload.get(row)!.id,

    annotation: (id: number) => annotation.get({ id }),
    annotationsOf: (task: number) => annotationsOf.all({ task }),
    byUnique: (unique: string) => byUnique.get({ unique }),
    lastBy: (task: number, user: string) => lastBy.get({ task, user }),
    insertAnnotation: (row: {
      task: number
      unique_id: string
      user_id: string
      created_at: number
      import_id: number | null
      parent_prediction: number | null
      parent_annotation: number | null
    }) => insertAnnotation.get(row)!.id,
    /** Adds a revision and makes it the newest. */
    revise(row: RevisionRow): void {
      insertRevision.run(row)
      setRevision.run({ id: row.annotation, revision: row.revision })
    },
    dropAnnotation: (id: number, now: number) => void dropAnnotation.run({ id, now }),
    revisions: (annotation: number) => revisions.all({ annotation }),
    revision: (annotation: number, n: number) => revision.get({ annotation, revision: n }),
    /** The annotation a label stands for. */
    ofLabel: (label: string) => ofLabel.get({ label })?.annotation,
    results: (project: number) => resultsOf.iterate({ project }),

    prediction: (id: number) => prediction.get({ id }),
    predictionsOf: (task: number) => predictionsOf.all({ task }),
    predictionsOfProject: (project: number, limit: number, offset: number) =>
      predictionsOfProject.all({ project, limit, offset }),
    putPrediction: (row: {
      task: number
      result: string
      score: number | null
      model_version: string
      now: number
    }) => putPrediction.get(row)!.id,
    changePrediction: ({ id, result, score, model_version }: PredictionRow, now: number) =>
      void changePrediction.run({ id, result, score, model_version, now }),
    dropPrediction: (id: number) => void dropPrediction.run({ id }),
    versions: (project: number) => versions.all({ project }),

    putDue: (row: DueRow) => void putDue.run(row),
    dueOf: (inspection: string) => dueOf.all({ inspection }),
    dueParts: () => dueParts.all().map(({ inspection_id }) => inspection_id),
    dropDue: (label: string) => void dropDue.run({ label }),
    putNote: (label: string, taken: boolean, said: string, at: number) =>
      void putNote.run({ label, taken: taken ? 1 : 0, note: said, at }),
    note: (label: string) => note.get({ label })?.note,

    reading: () => reading.get()!.n,
    setReading: (n: number) => void setReading.run({ n }),
  }
}
export type TasksStore = ReturnType<typeof createTasksStore>
