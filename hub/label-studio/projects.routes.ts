import { Hono } from "hono"
import * as v from "valibot"
import { LsConfigBody, LsExportBody, LsPredictionBody, LsProjectBody } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import { actor, allow, type HubEnv } from "../http/kit.ts"
import { streamOf } from "../http/stream.ts"
import { bodyOf, isTrue, jsonOf, numberOf } from "./app.ts"
import { archiveFormats, type Exporting, exportFormats } from "./export.service.ts"
import type { Importing, Sent } from "./import.service.ts"
import { addressOf, type Pictures } from "./pictures.service.ts"
import type { Projects } from "./projects.service.ts"
import type { ExportRow } from "./projects.store.ts"
import type { RowShapes } from "./shapes.ts"
import type { Tasks } from "./tasks.service.ts"
import { iso } from "./wire.rules.ts"

const id = ":id{[0-9]+}"
type Made = { bytes: AsyncIterable<Uint8Array>; name: string; size?: number }

/** Projects, what comes in and what goes out. */
export function createProjectRoutes({
  projects,
  tasks,
  importing,
  exporting,
  pictures,
  shapes,
}: {
  projects: Projects
  tasks: Tasks
  importing: Importing
  exporting: Exporting
  pictures: Pictures
  shapes: RowShapes
}): Hono<HubEnv> {
  const snapshot = (row: ExportRow) => ({
    id: row.id,
    title: row.title,
    created_by: { id: shapes.numberOf(row.user_id), email: "", first_name: "", last_name: "", avatar: null },
    created_at: iso(row.created_at),
    finished_at: iso(row.finished_at),
    status: "completed",
    md5: row.md5,
    counters: JSON.parse(row.counters) as unknown,
    converted_formats: exportFormats
      .slice(1)
      .map(({ name }, i) => ({ id: i + 1, status: "completed", export_type: name })),
    ...(JSON.parse(row.options) as object),
  })
  const file = ({ bytes, name, size }: Made, type: string) =>
    new Response(streamOf(bytes), {
      headers: {
        "content-type": type,
        ...(size !== undefined && { "content-length": String(size) }),
        "content-disposition": `attachment; filename="${name}"`,
        filename: name,
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
      },
    })
  const typeOf = (format: string) =>
    format === "CSV" ? "text/csv" : format === "TSV" ? "text/tab-separated-values" : "application/json"

  return (
    new Hono<HubEnv>()
      .get("/api/projects", allow("worker"), (c) => {
        const size = Math.min(1000, Math.max(1, numberOf(c.req.query("page_size") ?? "30") || 30))
        const page = Math.max(1, numberOf(c.req.query("page") ?? "1") || 1)
        const { rows, count } = projects.page(size, (page - 1) * size)
        if (rows.length === 0 && page > 1) throw new Problem("not_found", "page", "Invalid page.")
        const link = (n: number) => {
          const url = new URL(c.req.url)
          url.searchParams.set("page", String(n))
          return url.href
        }
        return c.json({
          count,
          next: page * size < count ? link(page + 1) : null,
          previous: page > 1 ? link(page - 1) : null,
          results: rows.map(shapes.project),
        })
      })
      .post("/api/projects", allow("engineer"), async (c) => {
        const row = projects.create(actor(c), await bodyOf(c, LsProjectBody))
        return c.json(shapes.project(row), 201)
      })
      .post("/api/projects/validate", allow("worker"), async (c) => {
        projects.check((await bodyOf(c, LsConfigBody)).label_config)
        return c.body(null, 204)
      })
      .get(`/api/projects/${id}`, allow("worker"), (c) =>
        c.json(shapes.project(projects.get(numberOf(c.req.param("id"))))),
      )
      .on(["PATCH", "PUT"], `/api/projects/${id}`, allow("engineer"), async (c) =>
        c.json(
          shapes.project(
            projects.change(actor(c), numberOf(c.req.param("id")), await bodyOf(c, LsProjectBody)),
          ),
        ),
      )
      .delete(`/api/projects/${id}`, allow("engineer"), (c) => {
        projects.remove(actor(c), numberOf(c.req.param("id")))
        return c.body(null, 204)
      })
      .post(`/api/projects/${id}/validate`, allow("worker"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        projects.check((await bodyOf(c, LsConfigBody)).label_config, project)
        return c.json({})
      })
      .get(`/api/projects/${id}/summary`, allow("worker"), (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const config = tasks.configOf(project)
        const columns = new Map<string, number>()
        for (const { data } of tasks.each(project.id, {}, 0, 1000))
          for (const key of Object.keys(JSON.parse(data) as object))
            columns.set(key, (columns.get(key) ?? 0) + 1)
        return c.json({
          created_at: iso(project.created_at),
          all_data_columns: Object.fromEntries(columns),
          common_data_columns: [...columns.keys()],
          created_annotations: {},
          created_labels: Object.fromEntries(
            config.controls.map(({ name, labels }) => [
              name,
              Object.fromEntries(labels.map((label) => [label, 0])),
            ]),
          ),
          created_labels_drafts: {},
        })
      })
      .get(`/api/projects/${id}/model-versions`, allow("worker"), (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const versions = tasks.versions(project.id)
        if (isTrue(c.req.query("extended")))
          return c.json({
            static: versions.map(({ model_version, n, latest }) => ({
              model_version,
              count: n,
              latest: iso(latest),
            })),
            live: [],
          })
        return c.json(Object.fromEntries(versions.map(({ model_version, n }) => [model_version, n])))
      })
      .get(`/api/projects/${id}/next`, allow("worker"), (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const [row] = tasks.page({
          project: project.id,
          view: undefined,
          asked: {
            filters: {
              conjunction: "and",
              items: [
                { filter: "filter:tasks:total_annotations", operator: "equal", value: 0, type: "Number" },
              ],
            },
          },
          page: 1,
          size: 1,
        }).rows
        if (!row)
          throw new Problem(
            "not_found",
            "next",
            "There are still some tasks to complete for the user, but they seem to be locked by another user.",
          )
        return c.json({ ...shapes.wholeTask(row), queue: "Sequence queue" })
      })
      .post(`/api/projects/${id}/import`, allow("engineer"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const how = {
          ids: isTrue(c.req.query("return_task_ids")),
          fields: (c.req.queries("preannotated_from_fields") ?? []).flatMap((text) => text.split(",")),
        }
        const type = c.req.header("content-type") ?? ""
        if (/^multipart\/form-data/i.test(type)) {
          const sent: Sent[] = []
          const form = await c.req.raw.formData()
          for (const [, value] of form)
            if (typeof value !== "string")
              sent.push({ name: value.name, bytes: new Uint8Array(await value.arrayBuffer()) })
          const url = form.get("url")
          if (sent.length === 0 && typeof url === "string")
            return c.json(await importing.json(actor(c), project, { url }, how), 201)
          return c.json(await importing.files(actor(c), project, sent, how), 201)
        }
        return c.json(await importing.json(actor(c), project, await jsonOf(c), how), 201)
      })
      .post(`/api/projects/${id}/import/predictions`, allow("engineer"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const sent = await bodyOf(c, v.array(LsPredictionBody))
        return c.json({ created: tasks.predictMany(project.id, sent) }, 201)
      })
      // Ours: puts a file into a project without making a task of it, once however often it is sent.
      .post(`/api/projects/${id}/media`, allow("engineer"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const name = c.req.query("name") ?? "image"
        const kept = await pictures.keep(project.id, name, new Uint8Array(await c.req.arrayBuffer()))
        return c.json({ id: kept.id, file: addressOf(kept), sha256: kept.sha256, size: kept.size }, 201)
      })
      .get(`/api/projects/${id}/file-uploads`, allow("engineer"), (c) =>
        c.json(
          pictures
            .uploads(numberOf(c.req.param("id")))
            .map((row) => ({ id: row.id, file: `upload/${row.project}/${row.name}`, size: row.size })),
        ),
      )
      .get(`/api/projects/${id}/export/formats`, allow("worker"), (c) => {
        projects.get(numberOf(c.req.param("id")))
        const archives = Object.entries(archiveFormats).map(([name, { title }]) => ({
          name,
          title,
          description: "An archive.",
        }))
        return c.json([...exportFormats, ...archives].map((format) => ({ ...format, link: "", tags: [] })))
      })
      .get(`/api/projects/${id}/export`, allow("reviewer"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const asked = c.req.query("export_type") ?? c.req.query("exportType") ?? "JSON"
        const all = isTrue(c.req.query("download_all_tasks"))
        if (Object.hasOwn(archiveFormats, asked)) {
          const wanted = isTrue(c.req.query("download_resources"))
          // Nobody reads the body of a HEAD, and an export lives as long as its reader.
          if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "application/zip" })
          return file(
            exporting.archive(actor(c), project, asked, { all, pictures: wanted }),
            "application/zip",
          )
        }
        const format = exporting.format(asked)
        if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": typeOf(format) })
        const ids = [...(c.req.queries("ids[]") ?? []), ...(c.req.queries("ids") ?? [])].map(Number)
        const made = await exporting.now(actor(c), project, format, {
          all,
          ids: ids.length === 0 ? null : ids,
        })
        return file(made, typeOf(format))
      })
      .get(`/api/projects/${id}/exports`, allow("reviewer"), (c) =>
        c.json(exporting.list(projects.get(numberOf(c.req.param("id"))).id).map(snapshot)),
      )
      .post(`/api/projects/${id}/exports`, allow("reviewer"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        return c.json(
          snapshot(await exporting.snapshot(actor(c), project, await bodyOf(c, LsExportBody))),
          201,
        )
      })
      .get(`/api/projects/${id}/exports/:export{[0-9]+}`, allow("reviewer"), (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        return c.json(snapshot(exporting.found(project.id, numberOf(c.req.param("export")))))
      })
      .delete(`/api/projects/${id}/exports/:export{[0-9]+}`, allow("engineer"), (c) => {
        exporting.drop(numberOf(c.req.param("id")), numberOf(c.req.param("export")))
        return c.body(null, 204)
      })
      .post(`/api/projects/${id}/exports/:export{[0-9]+}/convert`, allow("reviewer"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        exporting.found(project.id, numberOf(c.req.param("export")))
        const { export_type } = (await jsonOf(c)) as { export_type?: unknown }
        const format = exporting.format(String(export_type ?? "JSON"))
        const n = exportFormats.findIndex(({ name }) => name === format)
        return c.json({ export_type: format, converted_format: Math.max(1, n) })
      })
      .get(`/api/projects/${id}/exports/:export{[0-9]+}/download`, allow("reviewer"), async (c) => {
        const project = projects.get(numberOf(c.req.param("id")))
        const format = exporting.format(c.req.query("exportType") ?? c.req.query("export_type") ?? "JSON")
        if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": typeOf(format) })
        const made = await exporting.download(actor(c), project, numberOf(c.req.param("export")), format)
        return file(made, typeOf(format))
      })
  )
}
