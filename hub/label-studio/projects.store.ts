import type { Sqlite } from "#platform/sqlite"

export type ProjectRow = {
  id: number
  title: string
  config: string
  settings: string
  created_by: string
  created_at: number
  updated_at: number
}
export type ProjectCounts = {
  task_number: number
  finished_task_number: number
  total_predictions_number: number
  total_annotations_number: number
  num_tasks_with_annotations: number
  useful_annotation_number: number
  ground_truth_number: number
  skipped_annotations_number: number
}
export type ViewRow = {
  id: number
  project: number
  data: string
  filters: string | null
  ordering: string | null
  selected: string | null
  user_id: string
  place: number
}
export type ExportRow = {
  id: number
  project: number
  title: string
  options: string
  counters: string
  sha256: string
  size: number
  md5: string
  user_id: string
  created_at: number
  finished_at: number
}

/** The only SQL of the tables `ls_project`, `ls_view` and `ls_export`; counts come from the tasks. */
export function createProjectsStore(db: Sqlite) {
  const columns = "id, title, config, settings, created_by, created_at, updated_at"
  const one = db.prepare<ProjectRow>(
    `SELECT ${columns} FROM ls_project WHERE id = $id AND deleted_at IS NULL`,
  )
  const page = db.prepare<ProjectRow>(
    `SELECT ${columns} FROM ls_project WHERE deleted_at IS NULL ORDER BY id DESC LIMIT $limit OFFSET $offset`,
  )
  const count = db.prepare<{ n: number }>("SELECT count(*) AS n FROM ls_project WHERE deleted_at IS NULL")
  const insert = db.prepare<{ id: number }>(
    `INSERT INTO ls_project (title, config, settings, created_by, created_at, updated_at)
     VALUES ($title, $config, $settings, $created_by, $now, $now) RETURNING id`,
  )
  const update = db.prepare(
    "UPDATE ls_project SET title = $title, config = $config, settings = $settings, updated_at = $now WHERE id = $id",
  )
  const drop = db.prepare("UPDATE ls_project SET deleted_at = $now WHERE id = $id")
  const tallied = db.prepare<Omit<ProjectCounts, "ground_truth_number">>(
    `SELECT count(*) AS task_number, coalesce(sum(annotations > 0), 0) AS finished_task_number,
       coalesce(sum(predictions), 0) AS total_predictions_number,
       coalesce(sum(annotations), 0) AS total_annotations_number,
       coalesce(sum(annotations > 0), 0) AS num_tasks_with_annotations,
       coalesce(sum(annotations), 0) AS useful_annotation_number,
       coalesce(sum(cancelled), 0) AS skipped_annotations_number
     FROM ls_task WHERE project = $project AND deleted_at IS NULL`,
  )
  const truths = db.prepare<{ n: number }>(
    `SELECT count(*) AS n FROM ls_task t JOIN ls_annotation a ON a.task = t.id
     JOIN ls_annotation_revision r ON r.annotation = a.id AND r.revision = a.revision
     WHERE t.project = $project AND t.deleted_at IS NULL AND a.deleted_at IS NULL AND r.ground_truth = 1`,
  )

  const viewColumns = "id, project, data, filters, ordering, selected, user_id, place"
  const views = db.prepare<ViewRow>(
    `SELECT ${viewColumns} FROM ls_view WHERE project = $project ORDER BY place, id`,
  )
  const view = db.prepare<ViewRow>(`SELECT ${viewColumns} FROM ls_view WHERE id = $id`)
  const putView = db.prepare<{ id: number }>(
    `INSERT INTO ls_view (project, data, filters, ordering, selected, user_id, place)
     VALUES ($project, $data, $filters, $ordering, $selected, $user_id, $place) RETURNING id`,
  )
  const changeView = db.prepare(
    `UPDATE ls_view SET data = $data, filters = $filters, ordering = $ordering, selected = $selected WHERE id = $id`,
  )
  const placeView = db.prepare("UPDATE ls_view SET place = $place WHERE id = $id AND project = $project")
  const dropView = db.prepare("DELETE FROM ls_view WHERE id = $id")
  const dropViews = db.prepare("DELETE FROM ls_view WHERE project = $project")

  const exports = db.prepare<ExportRow>("SELECT * FROM ls_export WHERE project = $project ORDER BY id DESC")
  const oneExport = db.prepare<ExportRow>("SELECT * FROM ls_export WHERE id = $id AND project = $project")
  const putExport = db.prepare<{ id: number }>(
    `INSERT INTO ls_export (project, title, options, counters, sha256, size, md5, user_id, created_at, finished_at)
     VALUES ($project, $title, $options, $counters, $sha256, $size, $md5, $user_id, $created_at, $finished_at)
     RETURNING id`,
  )
  const dropExport = db.prepare("DELETE FROM ls_export WHERE id = $id")
  const named = db.prepare<{ n: number }>("SELECT count(*) AS n FROM ls_export WHERE sha256 = $sha256")
  return {
    get: (id: number) => one.get({ id }),
    page: (limit: number, offset: number) => page.all({ limit, offset }),
    count: () => count.get()!.n,
    insert: (row: { title: string; config: string; settings: string; created_by: string }, now: number) =>
      insert.get({ ...row, now })!.id,
    update: (row: Pick<ProjectRow, "id" | "title" | "config" | "settings">, now: number) =>
      void update.run({ id: row.id, title: row.title, config: row.config, settings: row.settings, now }),
    drop: (id: number, now: number) => void drop.run({ id, now }),
    counts: (project: number): ProjectCounts => ({
      ...tallied.get({ project })!,
      ground_truth_number: truths.get({ project })!.n,
    }),

    views: (project: number) => views.all({ project }),
    view: (id: number) => view.get({ id }),
    putView: (row: Omit<ViewRow, "id">) => putView.get(row)!.id,
    changeView: ({ id, data, filters, ordering, selected }: ViewRow) =>
      void changeView.run({ id, data, filters, ordering, selected }),
    placeView: (project: number, id: number, place: number) => void placeView.run({ project, id, place }),
    dropView: (id: number) => void dropView.run({ id }),
    dropViews: (project: number) => void dropViews.run({ project }),

    exports: (project: number) => exports.all({ project }),
    export: (project: number, id: number) => oneExport.get({ project, id }),
    putExport: (row: Omit<ExportRow, "id">) => putExport.get(row)!.id,
    dropExport: (id: number) => void dropExport.run({ id }),
    isExportNamed: (sha256: string) => named.get({ sha256 })!.n > 0,
  }
}
export type ProjectsStore = ReturnType<typeof createProjectsStore>
