import { Hono } from "hono"
import { LsBackendBody, LsInteractiveBody } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import { actor, allow, type HubEnv } from "../http/kit.ts"
import { bodyOf, isTrue, jsonOf, numberOf } from "./app.ts"
import type { Backends, Credentials } from "./backends.service.ts"
import type { BackendRow } from "./backends.store.ts"
import type { Tasks } from "./tasks.service.ts"
import { iso } from "./wire.rules.ts"

const id = ":id{[0-9]+}"
const states: Readonly<Record<string, string>> = {
  CO: "Connected",
  DI: "Disconnected",
  ER: "Error",
  TR: "Training",
  PR: "Predicting",
}

/** Model servers of projects. */
export function createBackendRoutes({
  backends,
  tasks,
}: {
  backends: Backends
  tasks: Pick<Tasks, "idsOf">
}): Hono<HubEnv> {
  const userOf = (row: BackendRow): string | null => {
    const known = row.credentials === null ? null : (JSON.parse(row.credentials) as Credentials)
    return known !== null && "user" in known ? known.user : null
  }
  const shape = (row: BackendRow) => ({
    id: row.id,
    project: row.project,
    url: row.url,
    title: row.title,
    description: row.description,
    is_interactive: row.is_interactive === 1,
    auth_method: userOf(row) === null ? "NONE" : "BASIC_AUTH",
    basic_auth_user: userOf(row),
    basic_auth_pass_is_set: userOf(row) !== null,
    extra_params: row.extra_params === null ? null : (JSON.parse(row.extra_params) as unknown),
    timeout: row.timeout_ms / 1000,
    state: row.state,
    readable_state: states[row.state] ?? row.state,
    error_message: row.error,
    model_version: row.model_version,
    auto_update: true,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  })
  const credentialsOf = (user: string | null | undefined, password: string | null | undefined) =>
    user ? { user, password: password ?? "" } : null
  const extraOf = (text: unknown) => {
    if (typeof text !== "string") return text
    try {
      return JSON.parse(text) as unknown
    } catch {
      return text
    }
  }

  return (
    new Hono<HubEnv>()
      .get("/api/ml", allow("worker"), (c) => {
        const of = c.req.query("project")
        return c.json(backends.list(of ? numberOf(of) : null).map(shape))
      })
      .post("/api/ml", allow("engineer"), async (c) => {
        const sent = await bodyOf(c, LsBackendBody)
        if (sent.project === null || sent.project === undefined || sent.url === undefined)
          throw new Problem("invalid", "ml", "a model server needs a project and a url")
        const row = await backends.create(actor(c), {
          project: sent.project,
          url: sent.url,
          title: sent.title ?? "",
          description: sent.description ?? "",
          interactive: sent.is_interactive ?? false,
          credentials: credentialsOf(sent.basic_auth_user, sent.basic_auth_pass),
          extra: extraOf(sent.extra_params),
          timeoutMs: Math.min(600, Math.max(1, sent.timeout ?? 100)) * 1000,
        })
        return c.json(shape(row), 201)
      })
      .get(`/api/ml/${id}`, allow("worker"), (c) => c.json(shape(backends.get(numberOf(c.req.param("id"))))))
      .on(["PATCH", "PUT"], `/api/ml/${id}`, allow("engineer"), async (c) => {
        const sent = await bodyOf(c, LsBackendBody)
        const credentials = credentialsOf(sent.basic_auth_user, sent.basic_auth_pass)
        const row = await backends.change(actor(c), numberOf(c.req.param("id")), {
          ...(sent.url !== undefined && { url: sent.url }),
          ...(typeof sent.title === "string" && { title: sent.title }),
          ...(typeof sent.description === "string" && { description: sent.description }),
          ...(typeof sent.is_interactive === "boolean" && { is_interactive: sent.is_interactive ? 1 : 0 }),
          ...(credentials && { credentials: JSON.stringify(credentials) }),
          ...(sent.auth_method === "NONE" && { credentials: null }),
          ...(sent.extra_params !== undefined && {
            extra_params: sent.extra_params === null ? null : JSON.stringify(extraOf(sent.extra_params)),
          }),
          ...(typeof sent.timeout === "number" && {
            timeout_ms: Math.min(600, Math.max(1, sent.timeout)) * 1000,
          }),
        })
        return c.json(shape(row))
      })
      .delete(`/api/ml/${id}`, allow("engineer"), (c) => {
        backends.remove(actor(c), numberOf(c.req.param("id")))
        return c.body(null, 204)
      })
      .post(`/api/ml/${id}/train`, allow("engineer"), async (c) => {
        await backends.train(actor(c), backends.get(numberOf(c.req.param("id"))))
        return c.json({ details: "Training has been started" })
      })
      .post(`/api/ml/${id}/predict/test`, allow("engineer"), async (c) => {
        const row = backends.get(numberOf(c.req.param("id")))
        const [first] = tasks.idsOf(row.project, {})
        if (first === undefined)
          throw new Problem("not_found", "task", "the project has no task to ask about")
        const said = await backends.interactive(row, first, {})
        return c.json({ status: 200, response: { results: [said] } })
      })
      .post(`/api/ml/${id}/predict`, allow("engineer"), async (c) => {
        const row = backends.get(numberOf(c.req.param("id")))
        if (isTrue(c.req.query("random"))) {
          const [first] = tasks.idsOf(row.project, {})
          return c.json({ results: first === undefined ? [] : [await backends.interactive(row, first, {})] })
        }
        return c.json({ processed_items: await backends.predict(row, tasks.idsOf(row.project, {})) })
      })
      .get(`/api/ml/${id}/versions`, allow("worker"), async (c) => {
        const row = backends.get(numberOf(c.req.param("id")))
        return c.json({ versions: await backends.versions(row), message: "" })
      })
      .post(`/api/ml/${id}/interactive-annotating`, allow("worker"), async (c) => {
        const row = backends.get(numberOf(c.req.param("id")))
        if (row.is_interactive === 0)
          throw new Problem("invalid", "ml", "Model is not set to be used for interactive preannotations")
        const { task, context } = await bodyOf(c, LsInteractiveBody)
        try {
          return c.json({ data: await backends.interactive(row, task, context ?? {}) })
        } catch (error) {
          if (!(error instanceof Problem) || error.code !== "unavailable") throw error
          return c.json({ errors: [error.message] })
        }
      })
      .get("/api/storages", allow("worker"), (c) => c.json([]))
      .get("/api/storages/export", allow("worker"), (c) => c.json([]))
      .get("/api/storages/types", allow("worker"), (c) => c.json([]))
      // Their clients ask for this before they list drafts; nothing is kept half-done here.
      .post(`/api/annotations/${id}/convert-to-draft`, allow("worker"), async (c) => {
        await jsonOf(c)
        throw new Problem("forbidden", "draft", "an annotation stays; withdraw it instead")
      })
  )
}
