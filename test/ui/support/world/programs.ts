import type { ProgramKey } from "#contract/label-studio"
import type { Webhook, WebhookDelivery } from "#contract/webhook"
import { hour, minute } from "./names.ts"

export function makeProgramKeys(now: number): ProgramKey[] {
  return [
    {
      id: "3f0a9c12",
      kind: "refresh",
      scope: "label",
      created_at: now - 20 * 24 * hour,
      ends_at: now + 345 * 24 * hour,
      used_at: now - hour,
    },
    {
      id: "b81d44e0",
      kind: "legacy",
      scope: "full",
      created_at: now - 300 * 24 * hour,
      ends_at: null,
      used_at: null,
    },
  ]
}

export function makeWebhooks(now: number): Webhook[] {
  const hook = { created_at: now - 9 * 24 * hour, active: true, due: 0, dead: 0 }
  return [
    {
      ...hook,
      id: 1,
      shape: "crux",
      url: "http://mes.plant.local/crux",
      events: ["label", "model"],
      dead: 2,
    },
    {
      ...hook,
      id: 2,
      shape: "label-studio",
      url: "http://10.20.0.8:9090/webhook",
      events: null,
      active: false,
      due: 14,
    },
  ]
}

export function makeDeliveries(now: number): WebhookDelivery[] {
  const one = { attempts: 1, next_at: null, last_status: 200, last_error: null }
  return [
    {
      ...one,
      id: "msg_1",
      event: "label",
      state: "due",
      created_at: now - minute,
      attempts: 3,
      next_at: now + 2 * minute,
      last_status: 503,
      last_error: "the listener answered 503",
    },
    { ...one, id: "msg_2", event: "model", state: "delivered", created_at: now - 4 * hour },
    {
      ...one,
      id: "msg_3",
      event: "label",
      state: "dead",
      created_at: now - 80 * hour,
      attempts: 28,
      last_status: null,
      last_error: "connect ECONNREFUSED 10.20.0.4:80",
    },
  ]
}
