import { Hono } from "hono"
import * as v from "valibot"
import { LsSelection, LsViewBody } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import { actor, allow, type HubEnv } from "../http/kit.ts"
import { bodyOf, jsonOf, numberOf } from "./app.ts"
import type { Projects } from "./projects.service.ts"
import type { ViewRow } from "./projects.store.ts"
import type { RowShapes } from "./shapes.ts"
import type { Tasks } from "./tasks.service.ts"

const id = ":id{[0-9]+}"

/** What the data manager can do with many tasks at once. */
const actions = {
  retrieve_tasks_predictions: "Retrieve Predictions",
  predictions_to_annotations: "Create Annotations From Predictions",
  remove_duplicates: "Remove Duplicated Tasks",
  delete_tasks: "Delete Tasks",
  delete_tasks_annotations: "Delete Annotations",
  delete_tasks_predictions: "Delete Predictions",
  next_task: "Next Task",
} as const

/** The data manager: views, columns, actions. */
export function createManagerRoutes({
  projects,
  tasks,
  shapes,
  predict,
}: {
  projects: Projects
  tasks: Tasks
  shapes: RowShapes
  /** Asks the project's model servers about these tasks; returns how many answered. */
  predict: (project: number, tasks: readonly number[]) => Promise<number>
}): Hono<HubEnv> {
  const view = (row: ViewRow) => ({
    id: row.id,
    project: row.project,
    user: shapes.numberOf(row.user_id),
    order: row.place,
    data: JSON.parse(row.data) as unknown,
    filter_group: row.filters === null ? null : { id: row.id, ...(JSON.parse(row.filters) as object) },
    selected_items: row.selected === null ? null : (JSON.parse(row.selected) as unknown),
  })
  const projectOf = (query: string | undefined) => projects.get(numberOf(query ?? "0")).id

  return new Hono<HubEnv>()
    .get("/api/dm/views", allow("worker"), (c) =>
      c.json(projects.views(projectOf(c.req.query("project"))).map(view)),
    )
    .post("/api/dm/views", allow("worker"), async (c) => {
      const { project, data } = await bodyOf(c, LsViewBody)
      if (project === null || project === undefined)
        throw new Problem("invalid", "project", "a view belongs to a project")
      return c.json(view(projects.putView(actor(c), project, data ?? {})), 201)
    })
    .delete("/api/dm/views/reset", allow("engineer"), async (c) => {
      const { project } = await bodyOf(c, LsViewBody)
      projects.dropViews(projects.get(project ?? 0).id)
      return c.body(null, 204)
    })
    .post("/api/dm/views/order", allow("engineer"), async (c) => {
      const { project, ids } = (await jsonOf(c)) as { project?: unknown; ids?: unknown }
      const list = Array.isArray(ids) ? ids.map(Number) : []
      projects.orderViews(projects.get(Number(project)).id, list)
      return c.body(null, 200)
    })
    .get(`/api/dm/views/${id}`, allow("worker"), (c) =>
      c.json(view(projects.view(numberOf(c.req.param("id"))))),
    )
    .on(["PATCH", "PUT"], `/api/dm/views/${id}`, allow("worker"), async (c) => {
      const row = projects.view(numberOf(c.req.param("id")))
      return c.json(view(projects.changeView(row, (await bodyOf(c, LsViewBody)).data ?? {})))
    })
    .delete(`/api/dm/views/${id}`, allow("worker"), (c) => {
      projects.dropView(projects.view(numberOf(c.req.param("id"))).id)
      return c.body(null, 204)
    })
    .get("/api/dm/project", allow("worker"), (c) =>
      c.json(shapes.project(projects.get(numberOf(c.req.query("project") ?? "0")))),
    )
    .get("/api/dm/columns", allow("worker"), (c) => {
      const project = projects.get(numberOf(c.req.query("project") ?? "0"))
      const [first] = tasks.each(project.id, {}, 0, 1)
      const data = first ? Object.keys(JSON.parse(first.data) as object) : []
      const column = (name: string, type: string, parent?: string) => ({
        id: name,
        title: name.replaceAll("_", " "),
        type,
        target: "tasks",
        ...(parent !== undefined && { parent }),
        visibility_defaults: { explore: true, labeling: parent !== undefined },
      })
      return c.json({
        columns: [
          column("id", "Number"),
          column("inner_id", "Number"),
          column("completed_at", "Datetime"),
          column("total_annotations", "Number"),
          column("cancelled_annotations", "Number"),
          column("total_predictions", "Number"),
          column("annotators", "List"),
          column("annotations_results", "String"),
          column("annotations_ids", "String"),
          column("predictions_score", "Number"),
          column("predictions_model_versions", "List"),
          column("predictions_results", "String"),
          column("file_upload", "String"),
          column("created_at", "Datetime"),
          column("updated_at", "Datetime"),
          column("avg_lead_time", "Number"),
          { id: "data", title: "data", type: "List", target: "tasks", children: data },
          ...data.map((name) => column(name, "String", "data")),
        ],
      })
    })
    .get("/api/dm/actions", allow("worker"), (c) =>
      c.json(
        Object.entries(actions).map(([name, title], order) => ({
          id: name,
          title,
          order,
          permission: "tasks.change",
          experimental: false,
          dialog: null,
        })),
      ),
    )
    .post("/api/dm/actions", allow("engineer"), async (c) => {
      const action = c.req.query("id") ?? ""
      if (!Object.hasOwn(actions, action))
        throw new Problem("not_found", "action", `there is no action "${action}"`)
      const project = projectOf(c.req.query("project"))
      const sent = (await jsonOf(c)) as {
        filters?: unknown
        selectedItems?: unknown
        model_version?: unknown
      }
      const asked = selectionOf(sent)
      const by = actor(c)
      const ids = tasks.idsOf(project, asked)
      switch (action as keyof typeof actions) {
        case "delete_tasks":
          return c.json({
            processed_items: tasks.removeTasks(by, project, ids),
            reload: true,
            detail: `Deleted ${ids.length} tasks`,
          })
        case "delete_tasks_annotations": {
          const all = ids.flatMap((one) => tasks.annotationsOf(tasks.task(one)).map((row) => row.id))
          tasks.removeAnnotations(by, all)
          return c.json({ processed_items: all.length, detail: `Deleted ${all.length} annotations` })
        }
        case "delete_tasks_predictions": {
          const all = ids.flatMap((one) => tasks.predictionsOf(one).map((row) => row.id))
          tasks.removePredictions(all)
          return c.json({ processed_items: all.length, detail: `Deleted ${all.length} predictions` })
        }
        case "predictions_to_annotations": {
          const wanted = new Set([sent.model_version].flat().filter((name) => typeof name === "string"))
          let made = 0
          for (const one of ids) {
            const of = tasks.task(one)
            const newest = tasks
              .predictionsOf(one)
              .filter(({ model_version }) => wanted.size === 0 || wanted.has(model_version))
              .at(-1)
            if (!newest) continue
            const result = (JSON.parse(newest.result) as Record<string, unknown>[]).map((item) => ({
              ...item,
              origin: "prediction",
            }))
            tasks.annotate(by, of, { result, parent_prediction: newest.id } as never)
            made += 1
          }
          return c.json({ processed_items: made, detail: `Created ${made} annotations` })
        }
        case "remove_duplicates": {
          const seen = new Set<string>()
          const twice = ids.filter((one) => {
            const { data } = tasks.task(one)
            const known = seen.has(data)
            seen.add(data)
            return known
          })
          tasks.removeTasks(by, project, twice)
          return c.json({ processed_items: twice.length, detail: `Removed ${twice.length} tasks` })
        }
        case "retrieve_tasks_predictions":
          return c.json({
            processed_items: await predict(project, ids),
            detail: `Retrieved ${ids.length} predictions`,
          })
        case "next_task": {
          const next = ids.map((one) => tasks.task(one)).find(({ annotations }) => annotations === 0)
          if (!next) throw new Problem("not_found", "next", "There are no tasks left.")
          return c.json(shapes.wholeTask(next))
        }
      }
    })
}

function selectionOf(sent: { filters?: unknown; selectedItems?: unknown }): LsSelection {
  const parsed = v.safeParse(LsSelection, sent)
  if (!parsed.success) throw new Problem("invalid", "selection", parsed.issues[0].message)
  const { filters, selectedItems } = parsed.output
  // Without a selection nothing is meant: an empty body must not delete a project's tasks.
  return {
    filters: filters ?? null,
    selectedItems: selectedItems ?? { all: false, included: [], excluded: [] },
  }
}
