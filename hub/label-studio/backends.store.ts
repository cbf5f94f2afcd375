import type { Sqlite } from "#platform/sqlite"

export type BackendRow = {
  id: number
  project: number
  url: string
  title: string
  description: string
  is_interactive: number
  prelabels: number
  credentials: string | null
  extra_params: string | null
  timeout_ms: number
  state: string
  error: string | null
  model_version: string
  created_by: string
  created_at: number
  updated_at: number
}

/** The only SQL of the table `ls_backend`. */
export function createBackendsStore(db: Sqlite) {
  const ofProject = db.prepare<BackendRow>("SELECT * FROM ls_backend WHERE project = $project ORDER BY id")
  const all = db.prepare<BackendRow>("SELECT * FROM ls_backend ORDER BY id")
  const one = db.prepare<BackendRow>("SELECT * FROM ls_backend WHERE id = $id")
  const insert = db.prepare<{ id: number }>(
    `INSERT INTO ls_backend (project, url, title, description, is_interactive, prelabels, credentials, extra_params,
       timeout_ms, state, error, model_version, created_by, created_at, updated_at)
     VALUES ($project, $url, $title, $description, $is_interactive, $prelabels, $credentials,
       $extra_params, $timeout_ms, $state, $error, $model_version, $created_by, $now, $now) RETURNING id`,
  )
  const update = db.prepare(
    `UPDATE ls_backend SET url = $url, title = $title, description = $description, is_interactive = $is_interactive,
       prelabels = $prelabels, credentials = $credentials, extra_params = $extra_params, timeout_ms = $timeout_ms, state = $state,
       error = $error, model_version = $model_version, updated_at = $now WHERE id = $id`,
  )
  const drop = db.prepare("DELETE FROM ls_backend WHERE id = $id")
  return {
    list: (project: number | null) => (project === null ? all.all() : ofProject.all({ project })),
    get: (id: number) => one.get({ id }),
    insert: (row: Omit<BackendRow, "id" | "created_at" | "updated_at">, now: number) =>
      insert.get({ ...row, now })!.id,
    update(
      { project: _, created_by: __, created_at: ___, updated_at: ____, ...row }: BackendRow,
      now: number,
    ) {
      update.run({ ...row, now })
    },
    drop: (id: number) => void drop.run({ id }),
  }
}
export type BackendsStore = ReturnType<typeof createBackendsStore>
