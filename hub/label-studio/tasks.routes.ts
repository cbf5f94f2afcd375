import { type Context, Hono } from "hono"
import * as v from "valibot"
import {
  LsAnnotationBody,
  LsPredictionBody,
  LsPredictionPatch,
  LsSelection,
  LsTaskBody,
  LsTaskPatch,
} from "#contract/label-studio"
import { Problem } from "#contract/problem"
import { actor, allow, type HubEnv } from "../http/kit.ts"
import { bodyOf, isTrue, jsonOf, numberOf } from "./app.ts"
import type { Pictures } from "./pictures.service.ts"
import type { Projects } from "./projects.service.ts"
import type { RowShapes } from "./shapes.ts"
import type { Tasks } from "./tasks.service.ts"

const id = ":id{[0-9]+}"
const mostOnPage = 1000

/** Tasks, annotations and predictions. */
export function createTaskRoutes({
  projects,
  tasks,
  pictures,
  shapes,
}: {
  projects: Projects
  tasks: Tasks
  pictures: Pick<Pictures, "again" | "file">
  shapes: RowShapes
}): Hono<HubEnv> {
  const selectionOf = (c: Context<HubEnv>): LsSelection => {
    const text = c.req.query("query")
    if (!text) return {}
    let raw: unknown
    try {
      raw = JSON.parse(text)
    } catch {
      throw new Problem("invalid", "query", "the query is not JSON")
    }
    const parsed = v.safeParse(LsSelection, raw)
    if (!parsed.success) throw new Problem("invalid", "query", parsed.issues[0].message)
    return parsed.output
  }
  const annotation = (one: number) => {
    const { row, of } = tasks.annotation(one)
    return shapes.annotation(row, of.project)
  }

  return (
    new Hono<HubEnv>()
      .get("/api/tasks", allow("worker"), (c) => {
        const viewId = c.req.query("view")
        const view = viewId ? projects.view(numberOf(viewId)) : undefined
        const of = c.req.query("project")
        const project = of ? projects.get(numberOf(of)).id : (view?.project ?? null)
        const asked = selectionOf(c)
        const size = Number(c.req.query("page_size") ?? "100")
        // -1 asks for all of them at once, which nobody's memory is made for.
        const limit = Number.isInteger(size) && size > 0 ? Math.min(size, mostOnPage) : mostOnPage
        const found = tasks.page({
          project,
          view,
          asked: isTrue(c.req.query("only_annotated"))
            ? {
                ...asked,
                filters: {
                  conjunction: "and",
                  items: [
                    ...(asked.filters?.items ?? []),
                    {
                      filter: "filter:tasks:total_annotations",
                      operator: "greater",
                      value: 0,
                      type: "Number",
                    },
                  ],
                },
              }
            : asked,
          page: Math.max(1, Number(c.req.query("page") ?? "1") || 1),
          size: limit,
        })
        const include = c.req.query("include")?.split(",")
        const rows = found.rows.map((row) =>
          include?.length === 1 && include[0] === "id"
            ? { id: row.id }
            : c.req.query("fields") === "task_only"
              ? shapes.task(row)
              : shapes.listedTask(row),
        )
        return c.json({
          total: found.total,
          total_annotations: found.annotations,
          total_predictions: found.predictions,
          tasks: rows,
        })
      })
      .post("/api/tasks", allow("engineer"), async (c) => {
        const { project: of, data, meta } = await bodyOf(c, LsTaskBody)
        const project = projects.get(of)
        const one = { data, meta: meta ?? {}, annotations: [], predictions: [], key: null, upload: null }
        const [made] = tasks.add(actor(c), project, [one], false).tasks
        return c.json(shapes.wholeTask(tasks.task(made!)), 201)
      })
      .get(`/api/tasks/${id}`, allow("worker"), (c) =>
        c.json(shapes.listedTask(tasks.task(numberOf(c.req.param("id"))))),
      )
      .on(["PATCH", "PUT"], `/api/tasks/${id}`, allow("engineer"), async (c) => {
        const { data, meta } = await bodyOf(c, LsTaskPatch)
        const row = tasks.changeTask(actor(c), numberOf(c.req.param("id")), {
          ...(data && { data }),
          ...(meta && { meta }),
        })
        if (data) pictures.again(row)
        return c.json(shapes.listedTask(tasks.task(row.id)))
      })
      .delete(`/api/tasks/${id}`, allow("engineer"), (c) => {
        const row = tasks.task(numberOf(c.req.param("id")))
        tasks.removeTasks(actor(c), row.project, [row.id])
        return c.body(null, 204)
      })
      .get(`/api/tasks/${id}/annotations`, allow("worker"), (c) => {
        const row = tasks.task(numberOf(c.req.param("id")))
        return c.json(tasks.annotationsOf(row).map((one) => shapes.annotation(one, row.project)))
      })
      .post(`/api/tasks/${id}/annotations`, allow("worker"), async (c) => {
        const row = tasks.task(numberOf(c.req.param("id")))
        const made = tasks.annotate(actor(c), row, await bodyOf(c, LsAnnotationBody))
        return c.json(shapes.annotation(made, row.project), 201)
      })
      .get(`/api/tasks/${id}/drafts`, allow("worker"), (c) => {
        tasks.task(numberOf(c.req.param("id")))
        return c.json([])
      })
      .get(`/api/annotations/${id}`, allow("worker"), (c) => c.json(annotation(numberOf(c.req.param("id")))))
      .on(["PATCH", "PUT"], `/api/annotations/${id}`, allow("worker"), async (c) => {
        const sent = (await jsonOf(c)) as Record<string, unknown>
        const parsed = v.safeParse(LsAnnotationBody, sent)
        if (!parsed.success) throw new Problem("invalid", "annotation", parsed.issues[0].message)
        const { result, ...rest } = parsed.output
        // What was not sent stays: the schema's empty list is no answer.
        tasks.changeAnnotation(actor(c), numberOf(c.req.param("id")), {
          ...rest,
          ...("result" in sent && { result }),
        })
        return c.json(annotation(numberOf(c.req.param("id"))))
      })
      .delete(`/api/annotations/${id}`, allow("worker"), (c) => {
        tasks.removeAnnotations(actor(c), [numberOf(c.req.param("id"))])
        return c.body(null, 204)
      })
      // Ours: every revision of an annotation; nothing is ever overwritten.
      .get(`/api/annotations/${id}/revisions`, allow("reviewer"), (c) => {
        const { row } = tasks.annotation(numberOf(c.req.param("id")))
        return c.json(
          tasks.revisions(row.id).map((one) => ({
            revision: one.revision,
            action: one.action,
            result: JSON.parse(one.result) as unknown,
            was_cancelled: one.was_cancelled === 1,
            by: shapes.numberOf(one.by_user),
            at: new Date(one.at).toISOString(),
            label: one.label_id,
          })),
        )
      })
      .get("/api/predictions", allow("worker"), (c) => {
        const of = c.req.query("task")
        if (of) {
          const row = tasks.task(numberOf(of))
          return c.json(tasks.predictionsOf(row.id).map((one) => shapes.prediction(one, row.project)))
        }
        const project = projects.get(numberOf(c.req.query("project") ?? "0"))
        const page = Math.max(1, Number(c.req.query("page") ?? "1") || 1)
        const rows = tasks.predictionsOfProject(project.id, mostOnPage, (page - 1) * mostOnPage)
        return c.json(rows.map((one) => shapes.prediction(one, project.id)))
      })
      .post("/api/predictions", allow("engineer"), async (c) => {
        const { task: of, ...sent } = await bodyOf(c, LsPredictionBody)
        const row = tasks.task(of)
        return c.json(shapes.prediction(tasks.predict(row, sent), row.project), 201)
      })
      .get(`/api/predictions/${id}`, allow("worker"), (c) => {
        const { row, of } = tasks.prediction(numberOf(c.req.param("id")))
        return c.json(shapes.prediction(row, of.project))
      })
      .on(["PATCH", "PUT"], `/api/predictions/${id}`, allow("engineer"), async (c) => {
        const { row, of } = tasks.prediction(numberOf(c.req.param("id")))
        const { result, score, model_version } = await bodyOf(c, LsPredictionPatch)
        const changed = tasks.changePrediction(row.id, {
          ...(result !== undefined && { result }),
          ...(score !== undefined && { score }),
          ...(model_version && { model_version }),
        })
        return c.json(shapes.prediction(changed, of.project))
      })
      .delete(`/api/predictions/${id}`, allow("engineer"), (c) => {
        tasks.removePredictions([numberOf(c.req.param("id"))])
        return c.body(null, 204)
      })
      .get("/data/upload/:project{[0-9]+}/:name", allow("worker"), async (c) =>
        picture(await pictures.file(numberOf(c.req.param("project")), c.req.param("name"))),
      )
      // The way newer clients ask for an uploaded file first.
      .get("/storage-data/uploaded", allow("worker"), async (c) => {
        const found = /^\/?upload\/(\d{1,15})\/([^/]+)$/.exec(c.req.query("filepath") ?? "")
        if (!found) throw new Problem("not_found", "file", "there is no such file")
        return picture(await pictures.file(Number(found[1]), found[2]!))
      })
  )
}

/** Foreign bytes, under the type they were recognised as; see the hub's own images. */
const picture = ({ bytes, mime }: { bytes: Uint8Array; mime: string }) =>
  new Response(bytes as Uint8Array<ArrayBuffer>, {
    headers: {
      "content-type": mime,
      "cache-control": "private, max-age=3600",
      "content-security-policy": "default-src 'none'; sandbox",
      "x-content-type-options": "nosniff",
    },
  })
