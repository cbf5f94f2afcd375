import { Hono } from "hono"
import { LsWebhookBody } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import { actor, allow, type HubEnv } from "../http/kit.ts"
import type { NewHook, Webhooks } from "../webhooks/webhooks.service.ts"
import type { HookRow } from "../webhooks/webhooks.store.ts"
import { bodyOf, numberOf } from "./app.ts"
import { lsActions } from "./hooks.ts"
import type { Projects } from "./projects.service.ts"
import { iso } from "./wire.rules.ts"

const id = ":id{[0-9]+}"

/** Webhooks in Label Studio's form. Unlike there, what does not arrive is tried again, and every message is signed. */
export function createLsWebhookRoutes({
  webhooks,
  projects,
}: {
  webhooks: Webhooks
  projects: Pick<Projects, "get">
}): Hono<HubEnv> {
  const shape = (row: HookRow) => ({
    id: row.id,
    organization: 1,
    project: row.project,
    url: row.url,
    send_payload: row.send_payload === 1,
    send_for_all_actions: row.actions === null,
    // Values of headers are often keys; whoever set them knows them.
    headers: Object.fromEntries(Object.keys(JSON.parse(row.headers) as object).map((name) => [name, "***"])),
    is_active: row.is_active === 1,
    actions: row.actions === null ? Object.keys(lsActions) : (JSON.parse(row.actions) as string[]),
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  })
  const partsOf = (sent: Awaited<ReturnType<typeof bodyOf<typeof LsWebhookBody>>>): Partial<NewHook> => {
    const wrong = sent.actions?.find((action) => !Object.hasOwn(lsActions, action))
    if (wrong !== undefined) throw new Problem("invalid", "actions", `"${wrong}" is not a valid choice.`)
    const all = sent.send_for_all_actions ?? (sent.actions ? sent.actions.length === 0 : undefined)
    return {
      ...(sent.url !== undefined && { url: sent.url }),
      ...(sent.project !== undefined && {
        project: sent.project === null ? null : projects.get(sent.project).id,
      }),
      ...(all !== undefined && { actions: all ? null : JSON.stringify(sent.actions ?? []) }),
      ...(sent.headers && { headers: JSON.stringify(sent.headers) }),
      ...(typeof sent.send_payload === "boolean" && { send_payload: sent.send_payload ? 1 : 0 }),
      ...(typeof sent.is_active === "boolean" && { is_active: sent.is_active ? 1 : 0 }),
    }
  }

  return new Hono<HubEnv>()
    .get("/api/webhooks", allow("engineer"), (c) => {
      const of = c.req.query("project")
      const rows = webhooks.list("label-studio").filter(({ project }) => !of || project === Number(of))
      return c.json(rows.map(shape))
    })
    .post("/api/webhooks", allow("engineer"), async (c) => {
      const parts = partsOf(await bodyOf(c, LsWebhookBody))
      if (parts.url === undefined) throw new Problem("invalid", "url", "a webhook needs a url")
      const row = webhooks.create(actor(c), {
        shape: "label-studio",
        project: null,
        actions: null,
        headers: "{}",
        send_payload: 1,
        is_active: 1,
        ...parts,
        url: parts.url,
      })
      return c.json(shape(row), 201)
    })
    .get("/api/webhooks/info", allow("worker"), (c) =>
      c.json(
        Object.fromEntries(
          Object.entries(lsActions).map(([name, description]) => [
            name,
            { name: description, description, key: name, "organization-only": name === "PROJECT_CREATED" },
          ]),
        ),
      ),
    )
    .get(`/api/webhooks/${id}`, allow("engineer"), (c) =>
      c.json(shape(webhooks.get(numberOf(c.req.param("id")), "label-studio"))),
    )
    .on(["PATCH", "PUT"], `/api/webhooks/${id}`, allow("engineer"), async (c) => {
      const parts = partsOf(await bodyOf(c, LsWebhookBody))
      return c.json(shape(webhooks.change(actor(c), numberOf(c.req.param("id")), parts, "label-studio")))
    })
    .delete(`/api/webhooks/${id}`, allow("engineer"), (c) => {
      webhooks.remove(actor(c), numberOf(c.req.param("id")), "label-studio")
      return c.body(null, 204)
    })
}
