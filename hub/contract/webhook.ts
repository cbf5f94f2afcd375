import * as v from "valibot"

/** What a webhook of ours can hear of. `label` is every judgement as it is stored; the others are announcements. */
export const webhookEvents = [
  "label",
  "inspection",
  "device",
  "job",
  "model",
  "rollout",
  "loop",
  "refusal",
  "storage",
  "catalogue",
  "source",
] as const
export type WebhookEvent = (typeof webhookEvents)[number]

const Url = v.pipe(v.string(), v.url(), v.maxLength(2048))
const Events = v.pipe(v.array(v.picklist(webhookEvents)), v.minLength(1))

/** POST /api/webhooks (admin) */
export const NewWebhook = v.object({ url: Url, events: Events })
/** PATCH /api/webhooks/:id (admin) */
export const WebhookPatch = v.partial(v.object({ url: Url, events: Events, active: v.boolean() }))

export const Webhook = v.object({
  id: v.number(),
  shape: v.picklist(["crux", "label-studio"]),
  url: v.string(),
  events: v.nullable(v.array(v.string())),
  active: v.boolean(),
  created_at: v.number(),
  /** Deliveries that wait, and those that were given up. */
  due: v.number(),
  dead: v.number(),
})
export type Webhook = v.InferOutput<typeof Webhook>
/** The key of the signatures is shown once. */
export const WebhookWithSecret = v.object({ ...Webhook.entries, secret: v.string() })

export const WebhookDelivery = v.object({
  id: v.string(),
  event: v.string(),
  state: v.picklist(["due", "delivered", "dead"]),
  created_at: v.number(),
  attempts: v.number(),
  next_at: v.nullable(v.number()),
  last_status: v.nullable(v.number()),
  last_error: v.nullable(v.string()),
})
export type WebhookDelivery = v.InferOutput<typeof WebhookDelivery>
