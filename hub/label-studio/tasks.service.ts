import type { LsAnnotationIn, LsPredictionIn, LsSelection } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import { roles, type User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Sqlite } from "#platform/sqlite"
import { isConfig, type LabelConfig, readConfig } from "./config.rules.ts"
import { both, everything, orderOf, selectedBy, type Where, whereOf } from "./filter.rules.ts"
import type { Hooks } from "./hooks.ts"
import type { LabelBridge } from "./labels.service.ts"
import type { People } from "./people.service.ts"
import type { Pictures } from "./pictures.service.ts"
import type { ProjectRow, ProjectsStore, ViewRow } from "./projects.store.ts"
import type { AnnotationRow, PredictionRow, TaskRow, TasksStore } from "./tasks.store.ts"
import { momentOf, wholeResult } from "./wire.rules.ts"

/** What came of bringing tasks in. */
export type Imported = { tasks: number[]; annotations: number; predictions: number; known: number }

export type TaskIn = {
  data: Record<string, unknown>
  meta: Record<string, unknown>
  annotations: LsAnnotationIn[]
  predictions: LsPredictionIn[]
  key: string | null
  upload: number | null
}

/** Tasks, annotations and predictions; every change in one transaction with what listeners are told of it. */
export function createTasks({
  db,
  store,
  projects,
  people,
  pictures,
  bridge,
  hooks,
  clock,
  ids,
}: {
  db: Sqlite
  store: TasksStore
  projects: ProjectsStore
  people: Pick<People, "named" | "numberOf">
  pictures: Pick<Pictures, "placeOf" | "wake">
  bridge: Pick<LabelBridge, "settle" | "catchUp">
  hooks: Hooks
  clock: Clock
  ids: Ids
}) {
  const project = (id: number): ProjectRow => {
    const row = projects.get(id)
    if (!row) throw new Problem("not_found", "project", "No Project matches the given query.")
    return row
  }
  const task = (id: number): TaskRow => {
    bridge.catchUp()
    const row = store.task(id)
    if (!row || !projects.get(row.project))
      throw new Problem("not_found", "task", "No Task matches the given query.")
    return row
  }
  const annotation = (id: number): { row: AnnotationRow; of: TaskRow } => {
    bridge.catchUp()
    const row = store.annotation(id)
    const of = row && store.task(row.task)
    if (!row || !of) throw new Problem("not_found", "annotation", "No Annotation matches the given query.")
    return { row, of }
  }
  const prediction = (id: number): { row: PredictionRow; of: TaskRow } => {
    const row = store.prediction(id)
    const of = row && store.task(row.task)
    if (!row || !of) throw new Problem("not_found", "prediction", "No Prediction matches the given query.")
    return { row, of }
  }
  const configOf = (row: ProjectRow): LabelConfig => {
    const read = readConfig(row.config)
    return isConfig(read) ? read : { controls: [], objects: [], unknown: [] }
  }
  const isAtLeast = (user: User, role: (typeof roles)[number]) =>
    roles.indexOf(user.role) >= roles.indexOf(role)

  /** Writes a revision and puts its label on the way; call it inside the transaction. */
  const revise = (
    of: TaskRow,
    row: { annotation: number; revision: number },
    said: {
      result: Record<string, unknown>[]
      cancelled: boolean
      truth: boolean
      leadTime: number | null
      action: string
      by: string
      at: number
    },
  ): void => {
    // A skipped one says nothing; that one is deleted takes back what it said.
    const label = said.cancelled && said.action !== "deleted" ? null : ids.uuid()
    store.revise({
      ...row,
      result: JSON.stringify(said.result),
      was_cancelled: said.cancelled ? 1 : 0,
      ground_truth: said.truth ? 1 : 0,
      lead_time: said.leadTime,
      action: said.action,
      by_user: said.by,
      at: said.at,
      label_id: label,
    })
    if (label !== null && of.picture !== "none" && of.picture !== "failed")
      store.putDue({ label_id: label, inspection_id: of.inspection_id, ...row, at: clock.now() })
  }

  const insertAnnotation = (
    of: TaskRow,
    by: string,
    sent: LsAnnotationIn,
    action: string,
    truth: boolean,
  ): number => {
    const at = momentOf(sent.created_at) ?? clock.now()
    const id = store.insertAnnotation({
      task: of.id,
      unique_id: sent.unique_id ?? ids.uuid(),
      user_id: by,
      created_at: at,
      import_id: sent.import_id ?? null,
      parent_prediction: sent.parent_prediction ?? null,
      parent_annotation: sent.parent_annotation ?? null,
    })
    revise(
      of,
      { annotation: id, revision: 1 },
      {
        result: sent.result,
        cancelled: sent.was_cancelled ?? false,
        truth,
        leadTime: sent.lead_time ?? null,
        action,
        by,
        at,
      },
    )
    return id
  }
  const insertPrediction = (of: TaskRow, config: LabelConfig, sent: LsPredictionIn): number => {
    const result = wholeResult(sent.result, config)
    if (!result)
      throw new Problem(
        "invalid",
        "result",
        "this result is no list, and the config asks more than one thing",
      )
    return store.putPrediction({
      task: of.id,
      result: JSON.stringify(result),
      score: sent.score ?? null,
      model_version: sent.model_version || "undefined",
      now: clock.now(),
    })
  }
  /** What was sent twice under one name is answered, not stored again. */
  const known = (of: TaskRow, sent: LsAnnotationIn): number | undefined => {
    if (!sent.unique_id) return undefined
    const found = store.byUnique(sent.unique_id)
    if (!found) return undefined
    if (found.task !== of.id)
      throw new Problem("conflict", "unique_id", "annotation with this unique_id already exists.")
    return found.id
  }
  const dropTask = (row: TaskRow, by: User, now: number): void => {
    for (const one of store.annotationsOf(row.id)) dropAnnotation(row, one, by, now)
    store.dropTask(row.id, now)
  }
  const dropAnnotation = (of: TaskRow, row: AnnotationRow, by: User, now: number): void => {
    revise(
      of,
      { annotation: row.id, revision: row.revision + 1 },
      {
        result: JSON.parse(row.result),
        cancelled: row.was_cancelled === 1,
        truth: row.ground_truth === 1,
        leadTime: row.lead_time,
        action: "deleted",
        by: by.id,
        at: now,
      },
    )
    store.dropAnnotation(row.id, now)
  }
  const whereOfSelection = ({ filters, selectedItems }: LsSelection): Where => {
    const where = whereOf(filters)
    if (!where) throw new Problem("invalid", "filters", "one of these filters is not understood")
    return both(where, selectedBy(selectedItems))
  }
  const settleAll = (inspections: readonly string[]) => {
    for (const inspection of new Set(inspections)) bridge.settle(inspection)
    hooks.wake()
  }

  return {
    project,
    task,
    annotation,
    prediction,
    configOf,

    /** One page, as a view, filters and a selection have it. Throws `invalid`, and `not_found` beyond the last page. */
    page(of: {
      project: number | null
      view: ViewRow | undefined
      asked: LsSelection
      page: number
      size: number
    }) {
      bridge.catchUp()
      const { view, asked } = of
      const viewed: LsSelection = view ? { filters: view.filters ? JSON.parse(view.filters) : null } : {}
      const where = both(whereOfSelection(viewed), renamed(whereOfSelection(asked)))
      const ordering = asked.ordering ?? (view?.ordering ? (JSON.parse(view.ordering) as string[]) : null)
      const order = orderOf(ordering)
      if (!order) throw new Problem("invalid", "ordering", "this ordering is not understood")
      const bound = { sql: where.sql, params: where.params }
      const found = store.page(of.project, bound, order, of.size, (of.page - 1) * of.size)
      if (found.rows.length === 0 && of.page > 1) throw new Problem("not_found", "page", "Invalid page.")
      return found
    },
    idsOf: (projectId: number, asked: LsSelection): number[] => store.ids(projectId, whereOfSelection(asked)),
    each: (projectId: number, asked: LsSelection, after: number, limit: number): TaskRow[] =>
      store.after(projectId, after, whereOfSelection(asked), limit),
    everything,

    /**
     * Brings tasks in, as one transaction. A task whose name is known is left as it is; its annotations and predictions
     * that are new are added. `truth`: what an annotation is that does not say whether it is the truth.
     */
    add(by: User, row: ProjectRow, sent: readonly TaskIn[], truth: boolean): Imported {
      const config = configOf(row)
      const touched: string[] = []
      const done = db.transaction((): Imported => {
        const out: Imported = { tasks: [], annotations: 0, predictions: 0, known: 0 }
        const now = clock.now()
        let inner = store.lastInner(row.id)
        const fresh: number[] = []
        for (const one of sent) {
          const before = one.key === null ? undefined : store.byKey(row.id, one.key)
          let id = before?.id
          if (id === undefined) {
            const { data, ...place } = pictures.placeOf(row.id, config, one.data)
            inner += 1
            id = store.insertTask({
              project: row.id,
              inner,
              data: JSON.stringify(data),
              meta: JSON.stringify(one.meta),
              key: one.key,
              upload: one.upload ?? place.upload,
              inspection: place.inspection ?? ids.uuid(),
              picture: place.picture,
              why: place.why,
              by: by.id,
              now,
            })
            fresh.push(id)
          } else out.known += 1
          out.tasks.push(id)
          const of = store.task(id)!
          for (const said of one.annotations) {
            if (known(of, said) !== undefined) continue
            const author =
              said.completed_by === undefined || said.completed_by === null
                ? by
                : people.named(said.completed_by)
            if (!author)
              throw new Problem(
                "invalid",
                "completed_by",
                `completed_by ${JSON.stringify(said.completed_by)} is nobody the hub knows; add the person first`,
              )
            insertAnnotation(of, author.id, said, "imported", said.ground_truth ?? truth)
            out.annotations += 1
          }
          for (const said of before === undefined ? one.predictions : []) {
            insertPrediction(of, config, said)
            out.predictions += 1
          }
          store.recount(id, now)
          touched.push(of.inspection_id)
        }
        if (fresh.length > 0) hooks.tasksCreated(row.id, fresh)
        return out
      })
      pictures.wake()
      settleAll(touched)
      return done
    },
    changeTask(
      by: User,
      id: number,
      patch: { data?: Record<string, unknown>; meta?: Record<string, unknown> },
    ): TaskRow {
      const before = task(id)
      // A picture that could not be had may be somewhere else now.
      const place =
        patch.data && before.picture === "failed"
          ? pictures.placeOf(before.project, configOf(project(before.project)), patch.data)
          : null
      db.transaction(() => {
        store.updateTask({
          id,
          data: patch.data ? JSON.stringify(patch.data) : before.data,
          meta: patch.meta ? JSON.stringify(patch.meta) : before.meta,
          by: by.id,
          now: clock.now(),
        })
        if (place !== null && place.inspection === null) store.setPicture(id, place.picture, place.why)
      })
      if (place !== null) pictures.wake()
      return task(id)
    },
    /** The task goes out of the project; the part and its history stay. */
    removeTasks(by: User, projectId: number, ids: readonly number[]): number {
      const rows = ids.flatMap((id) => store.task(id) ?? []).filter((row) => row.project === projectId)
      db.transaction(() => {
        const now = clock.now()
        for (const row of rows) dropTask(row, by, now)
        if (rows.length > 0)
          hooks.tasksDeleted(
            projectId,
            rows.map(({ id }) => id),
          )
      })
      settleAll(rows.map(({ inspection_id }) => inspection_id))
      return rows.length
    },

    annotationsOf: (of: TaskRow) => store.annotationsOf(of.id),
    /** Throws `conflict` for a unique_id that another task has. */
    annotate(by: User, of: TaskRow, sent: LsAnnotationIn): AnnotationRow {
      const author =
        sent.completed_by !== undefined && sent.completed_by !== null && isAtLeast(by, "engineer")
          ? (people.named(sent.completed_by) ?? by)
          : by
      const id = db.transaction(() => {
        const before = known(of, sent)
        if (before !== undefined) return before
        const made = insertAnnotation(
          of,
          author.id,
          sent,
          sent.was_cancelled ? "skipped" : "submitted",
          sent.ground_truth ?? false,
        )
        store.recount(of.id, clock.now())
        hooks.annotationCreated(made)
        return made
      })
      settleAll([of.inspection_id])
      return annotation(id).row
    },
    /** Throws `forbidden` for somebody else's annotation, unless a reviewer changes it. */
    changeAnnotation(by: User, id: number, patch: Partial<LsAnnotationIn>): AnnotationRow {
      const { row, of } = annotation(id)
      mayChange(by, row)
      db.transaction(() => {
        const cancelled = patch.was_cancelled ?? row.was_cancelled === 1
        revise(
          of,
          { annotation: id, revision: row.revision + 1 },
          {
            result: patch.result ?? (JSON.parse(row.result) as Record<string, unknown>[]),
            cancelled,
            truth: patch.ground_truth ?? row.ground_truth === 1,
            leadTime: patch.lead_time ?? row.lead_time,
            action: cancelled ? "skipped" : "updated",
            by: by.id,
            at: clock.now(),
          },
        )
        store.recount(of.id, clock.now())
        hooks.annotationUpdated(id)
      })
      settleAll([of.inspection_id])
      return annotation(id).row
    },
    removeAnnotations(by: User, ids: readonly number[]): void {
      const found = ids.map(annotation)
      for (const { row } of found) mayChange(by, row)
      db.transaction(() => {
        const now = clock.now()
        for (const { row, of } of found) {
          dropAnnotation(of, row, by, now)
          store.recount(of.id, now)
          hooks.annotationsDeleted(of.project, [row.id])
        }
      })
      settleAll(found.map(({ of }) => of.inspection_id))
    },
    revisions: (id: number) => store.revisions(id),

    predict(of: TaskRow, sent: LsPredictionIn): PredictionRow {
      const config = configOf(project(of.project))
      const id = db.transaction(() => {
        const made = insertPrediction(of, config, sent)
        store.recount(of.id, clock.now())
        return made
      })
      return prediction(id).row
    },
    predictMany(projectId: number, sent: readonly (LsPredictionIn & { task: number })[]): number {
      const config = configOf(project(projectId))
      return db.transaction(() => {
        for (const one of sent) {
          const of = store.task(one.task)
          if (!of || of.project !== projectId)
            throw new Problem("invalid", "task", `task ${one.task} is not in this project`)
          insertPrediction(of, config, one)
          store.recount(of.id, clock.now())
        }
        return sent.length
      })
    },
    changePrediction(id: number, patch: Partial<LsPredictionIn>): PredictionRow {
      const { row, of } = prediction(id)
      const result =
        patch.result === undefined ? undefined : wholeResult(patch.result, configOf(project(of.project)))
      db.transaction(() =>
        store.changePrediction(
          {
            ...row,
            ...(result && { result: JSON.stringify(result) }),
            ...(patch.score !== undefined && { score: patch.score }),
            ...(patch.model_version && { model_version: patch.model_version }),
          },
          clock.now(),
        ),
      )
      return prediction(id).row
    },
    removePredictions(ids: readonly number[]): void {
      const found = ids.map(prediction)
      db.transaction(() => {
        for (const { row, of } of found) {
          store.dropPrediction(row.id)
          store.recount(of.id, clock.now())
        }
      })
    },
    predictionsOf: (id: number) => store.predictionsOf(id),
    predictionsOfProject: store.predictionsOfProject,
    versions: store.versions,
    results: store.results,
  }

  function mayChange(by: User, row: AnnotationRow): void {
    if (row.user_id !== by.id && !isAtLeast(by, "reviewer"))
      throw new Problem(
        "forbidden",
        "annotation",
        "this is somebody else's annotation; a reviewer may change it",
      )
  }
}
export type Tasks = ReturnType<typeof createTasks>

/** Two conditions in one statement bind under different names. */
function renamed({ sql, params }: Where): Where {
  return {
    sql: sql.replaceAll(/\$(f\d+|list)\b/g, "$b$1"),
    params: Object.fromEntries(Object.entries(params).map(([name, value]) => [`b${name}`, value])),
  }
}
