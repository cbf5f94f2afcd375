import { Hono } from "hono"
import * as v from "valibot"
import {
  type LsSelection,
  ModelServer,
  ModelServerPatch,
  ModelServerTrial,
  NewModelServer,
  Number63,
  PredictionRun,
  ProjectName,
} from "#contract/label-studio"
import { listOf } from "#contract/list"
import { Problem } from "#contract/problem"
import { actor, allow, doc, type HubEnv, json, param } from "../http/kit.ts"
import type { Backends, Credentials } from "./backends.service.ts"
import type { BackendRow } from "./backends.store.ts"
import { isConfig, readConfig } from "./config.rules.ts"
import { defectLabels } from "./dialect.ts"
import type { LabelBridge } from "./labels.service.ts"
import type { Opinions } from "./opinions.ts"
import type { Projects } from "./projects.service.ts"
import type { ProjectCounts } from "./projects.store.ts"
import type { Tasks } from "./tasks.service.ts"

const Id = v.object({ id: Number63 })
const states: Readonly<Record<string, ModelServer["state"]>> = { DI: "unknown", ER: "failed" }
/** Projects that are offered to choose from. */
const mostProjects = 1_000
/** A size for the words of a part whose picture is not here yet. */
const unseen = { w: 1_000, h: 1_000 }

/** Where engineers connect model servers that speak Label Studio's protocol: the hub's own interface. */
export function createServerRoutes({
  backends,
  tasks,
  projects,
  countsOf,
  bridge,
  opinions,
  imageOf,
}: {
  backends: Backends
  tasks: Pick<Tasks, "idsOf" | "task" | "page">
  projects: Pick<Projects, "get" | "page">
  countsOf: (project: number) => Pick<ProjectCounts, "task_number">
  bridge: Pick<LabelBridge, "readingOf">
  opinions: Opinions
  imageOf: (inspection: string) => { w: number; h: number } | undefined
}): Hono<HubEnv> {
  const view = (row: BackendRow): v.InferOutput<typeof ModelServer> => {
    const { id, title, config } = projects.get(row.project)
    const read = readConfig(config)
    const dialect = bridge.readingOf(row.project)?.dialect
    const { task_number } = countsOf(id)
    const { total: left } = tasks.page({ project: id, view: undefined, asked: unpredicted, page: 1, size: 0 })
    const known = row.credentials === null ? null : (JSON.parse(row.credentials) as Credentials)
    return {
      id: row.id,
      url: row.url,
      title: row.title,
      interactive: row.is_interactive === 1,
      prelabels: row.prelabels === 1,
      timeout_s: row.timeout_ms / 1000,
      project: { id, title },
      sign_in: known === null ? "none" : "token" in known ? "token" : "password",
      state: states[row.state] ?? "connected",
      error: row.error,
      model_version: row.model_version,
      labels: isConfig(read)
        ? defectLabels(read).map((word) => ({ word, kind: dialect?.kindOf(word) ?? null }))
        : [],
      tasks: task_number,
      predicted: task_number - left,
      run: backends.run(row.id),
    }
  }
  const credentialsOf = (sent: {
    user?: string | undefined
    password?: string | undefined
    token?: string | undefined
  }): Credentials | null => {
    if (sent.token !== undefined) return { token: sent.token }
    return sent.user === undefined || sent.user === ""
      ? null
      : { user: sent.user, password: sent.password ?? "" }
  }

  return new Hono<HubEnv>()
    .get(
      "/api/label-studio/projects",
      allow("engineer"),
      doc("Projects of the interface for Label Studio's programs, the newest first.", {
        200: listOf(ProjectName),
      }),
      (c) =>
        c.json({
          items: projects.page(mostProjects, 0).rows.map(({ id, title }) => ({
            id,
            title,
            tasks: countsOf(id).task_number,
          })),
          next: null,
        }),
    )
    .get(
      "/api/label-studio/servers",
      allow("engineer"),
      doc("Model servers that are connected, and how they are.", { 200: listOf(ModelServer) }),
      (c) => c.json({ items: backends.list(null).map(view), next: null }),
    )
    .post(
      "/api/label-studio/servers",
      allow("engineer"),
      doc(
        "Connects a model server and asks it how it is; one that does not answer is kept, with the reason.",
        {
          201: ModelServer,
        },
      ),
      json(NewModelServer),
      async (c) => {
        const sent = c.req.valid("json")
        const row = await backends.create(actor(c), {
          project: sent.project,
          url: sent.url,
          title: sent.title,
          description: "",
          interactive: sent.interactive,
          prelabels: sent.prelabels,
          credentials: credentialsOf(sent),
          extra: null,
          timeoutMs: sent.timeout_s * 1000,
        })
        return c.json(view(row), 201)
      },
    )
    .patch(
      "/api/label-studio/servers/:id",
      allow("engineer"),
      doc("Changes a model server and asks it again how it is.", { 200: ModelServer }),
      param(Id),
      json(ModelServerPatch),
      async (c) => {
        const { url, title, interactive, prelabels, timeout_s, ...secrets } = c.req.valid("json")
        const row = await backends.change(actor(c), c.req.valid("param").id, {
          ...(url !== undefined && { url }),
          ...(title !== undefined && { title }),
          ...(interactive !== undefined && { is_interactive: interactive ? 1 : 0 }),
          ...(prelabels !== undefined && { prelabels: prelabels ? 1 : 0 }),
          ...(timeout_s !== undefined && { timeout_ms: timeout_s * 1000 }),
          ...(Object.keys(secrets).length > 0 && {
            credentials: JSON.stringify(credentialsOf(secrets)),
          }),
        })
        return c.json(view(row))
      },
    )
    .delete(
      "/api/label-studio/servers/:id",
      allow("engineer"),
      doc("Ends the connection; predictions it has made stay.", { 204: null }),
      param(Id),
      (c) => {
        backends.remove(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .post(
      "/api/label-studio/servers/:id/check",
      allow("engineer"),
      doc("Asks it how it is and tells it the config.", { 200: ModelServer }),
      param(Id),
      async (c) => c.json(view(await backends.check(actor(c), c.req.valid("param").id))),
    )
    .post(
      "/api/label-studio/servers/:id/predict",
      allow("engineer"),
      doc("Asks it about the project's tasks, in the background; its answers become predictions.", {
        202: ModelServer,
      }),
      param(Id),
      json(PredictionRun),
      (c) => {
        const row = backends.get(c.req.valid("param").id)
        const { all } = c.req.valid("json")
        backends.predictSoon(row, tasks.idsOf(row.project, all ? {} : unpredicted))
        return c.json(view(row), 202)
      },
    )
    .post(
      "/api/label-studio/servers/:id/try",
      allow("engineer"),
      doc("What it says of the project's newest task; nothing is kept.", { 200: ModelServerTrial }),
      param(Id),
      async (c) => {
        const row = backends.get(c.req.valid("param").id)
        const newest = tasks.idsOf(row.project, {}).at(-1)
        if (newest === undefined)
          throw new Problem("not_found", "task", "the project has no task to ask about")
        const started = performance.now()
        const said = await backends.interactive(row, newest, {})
        const ms = performance.now() - started
        const { inspection_id } = tasks.task(newest)
        const image = imageOf(inspection_id)
        const read = opinions.read(
          { result: said.result, score: said.score ?? null },
          row.project,
          image ?? unseen,
        )
        return c.json({
          part: image ? inspection_id : null,
          ...read,
          model_version: said.model_version ?? "",
          ms,
        })
      },
    )
}

/** Tasks nobody has predicted. */
const unpredicted: LsSelection = {
  filters: {
    conjunction: "and",
    items: [{ filter: "filter:tasks:total_predictions", operator: "equal", type: "Number", value: 0 }],
  },
}
