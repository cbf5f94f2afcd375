import { Hono } from "hono"
import * as v from "valibot"
import { listOf } from "#contract/list"
import { NewWebhook, Webhook, WebhookDelivery, WebhookPatch, WebhookWithSecret } from "#contract/webhook"
import { actor, allow, doc, type HubEnv, json, param, query } from "../http/kit.ts"
import type { Webhooks } from "./webhooks.service.ts"

const whole = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number))

/** Admins only: a webhook carries what happens here out of the house. */
export function createWebhookRoutes(webhooks: Webhooks): Hono<HubEnv> {
  const One = param(v.object({ id: whole }))
  return new Hono<HubEnv>()
    .get(
      "/api/webhooks",
      allow("admin"),
      doc("Who is told what happens here.", { 200: listOf(Webhook) }),
      (c) => c.json({ items: webhooks.views(), next: null }),
    )
    .post(
      "/api/webhooks",
      allow("admin"),
      doc("Tell an address what happens here; the key of the signatures is shown once.", {
        201: WebhookWithSecret,
      }),
      json(NewWebhook),
      (c) => {
        const { url, events } = c.req.valid("json")
        const row = webhooks.create(actor(c), {
          shape: "crux",
          url,
          project: null,
          actions: JSON.stringify(events),
          headers: "{}",
          send_payload: 1,
          is_active: 1,
        })
        return c.json({ ...webhooks.view(row), secret: row.secret }, 201)
      },
    )
    .patch(
      "/api/webhooks/:id",
      allow("admin"),
      doc("Change or pause a webhook.", { 200: Webhook }),
      One,
      json(WebhookPatch),
      (c) => {
        const { url, events, active } = c.req.valid("json")
        const row = webhooks.change(actor(c), c.req.valid("param").id, {
          ...(url !== undefined && { url }),
          ...(events && { actions: JSON.stringify(events) }),
          ...(active !== undefined && { is_active: active ? 1 : 0 }),
        })
        return c.json(webhooks.view(row))
      },
    )
    .delete("/api/webhooks/:id", allow("admin"), doc("End a webhook.", { 204: null }), One, (c) => {
      webhooks.remove(actor(c), c.req.valid("param").id)
      return c.body(null, 204)
    })
    .get(
      "/api/webhooks/:id/deliveries",
      allow("admin"),
      doc("What was sent, waits, or was given up; newest first.", { 200: listOf(WebhookDelivery) }),
      One,
      query(
        v.object({
          state: v.optional(v.picklist(["due", "delivered", "dead"])),
          cursor: v.optional(whole),
          limit: v.optional(v.pipe(whole, v.minValue(1), v.maxValue(200)), "50"),
        }),
      ),
      (c) => {
        const { state, cursor, limit } = c.req.valid("query")
        const { items, next } = webhooks.deliveries(
          c.req.valid("param").id,
          state,
          cursor ?? Number.MAX_SAFE_INTEGER,
          limit,
        )
        return c.json({ items, next: next === null ? null : String(next) })
      },
    )
    .post(
      "/api/webhook-deliveries/:id/again",
      allow("admin"),
      doc("Send a message again that was given up.", { 204: null }),
      param(v.object({ id: v.pipe(v.string(), v.maxLength(64)) })),
      (c) => {
        webhooks.again(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
}
