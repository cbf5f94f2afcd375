import { randomBytes } from "node:crypto"
import { Problem } from "#contract/problem"
import type { Webhook, WebhookDelivery } from "#contract/webhook"
import type { Actor, Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Outbound } from "#platform/outbound"
import type { Sqlite } from "#platform/sqlite"
import { isForeignHeader, signatureHeaders, waitAfter } from "./webhooks.rules.ts"
import { createWebhooksStore, type DeliveryRow, type HookRow } from "./webhooks.store.ts"

const timeoutMs = 10_000
/** What a listener answers is looked at for its status only. */
const mostAnswer = 64 * 1024
/** Deliveries that may wait for one listener; those behind are given up at once, visibly. */
const mostWaiting = 100_000
const keptDelivered = 1000
const atOnce = 4

export type NewHook = Pick<
  HookRow,
  "shape" | "url" | "project" | "actions" | "headers" | "send_payload" | "is_active"
>

/**
 * Tells others what happened. A message is stored in the transaction of what it tells, sent after that in order, tried
 * again for days, and kept where people see it when it could not be delivered.
 */
export function createWebhooks({
  db,
  outbound,
  audit,
  clock,
  ids,
  log,
}: {
  db: Sqlite
  outbound: Outbound
  audit: Audit
  clock: Clock
  ids: Ids
  log: Log
}) {
  const store = createWebhooksStore(db)
  const underWay = new Map<number, Promise<void>>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let open = false
  /** Asked at every part that comes in, so it is kept. */
  let hooks: readonly HookRow[] | undefined
  const listeners = (): readonly HookRow[] => {
    hooks ??= store.list()
    return hooks
  }
  const hears = (hook: HookRow, shape: HookRow["shape"], event: string) =>
    hook.shape === shape &&
    hook.is_active === 1 &&
    (hook.actions === null || (JSON.parse(hook.actions) as string[]).includes(event))

  const found = (id: number, shape?: HookRow["shape"]): HookRow => {
    const row = store.get(id)
    if (!row || (shape !== undefined && row.shape !== shape))
      throw new Problem("not_found", "webhook", "there is no such webhook")
    return row
  }
  const check = ({ url, headers }: Pick<HookRow, "url" | "headers">): void => {
    const fault = outbound.fault(url)
    if (fault !== null) throw new Problem("invalid", "webhook_url", fault)
    const wrong = Object.keys(JSON.parse(headers) as object).find((name) => !isForeignHeader(name))
    if (wrong !== undefined)
      throw new Problem("invalid", "webhook_header", `the header ${wrong} cannot be set`, { header: wrong })
  }
  /** What the trail keeps of one: never the secret. */
  const told = ({ id, shape, url, project, actions, is_active }: HookRow) => ({
    id,
    shape,
    url,
    project,
    actions,
    is_active,
  })

  const send = async (delivery: DeliveryRow): Promise<void> => {
    const hook = store.get(delivery.webhook)
    if (!hook) return
    let status: number | null = null
    let error: string | null = null
    try {
      const answer = await outbound.fetch(hook.url, {
        method: "POST",
        headers: {
          ...(JSON.parse(hook.headers) as Record<string, string>),
          "content-type": "application/json",
          ...signatureHeaders(hook.secret, { id: delivery.id, at: clock.now(), body: delivery.body }),
        },
        body: delivery.body,
        timeoutMs,
        most: mostAnswer,
      })
      status = answer.status
      if (status < 200 || status > 299) error = `the listener answered ${status}`
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause)
    }
    const now = clock.now()
    const wait = error === null ? null : waitAfter(delivery.attempts + 1)
    const state = error === null ? "delivered" : wait === null ? "dead" : "due"
    db.transaction(() => {
      store.outcome({ n: delivery.n, state, next: now + (wait ?? 0), now, status, error })
      if (state === "delivered") store.trim(hook.id, keptDelivered)
    })
    if (state === "dead") log.warn("webhook_given_up", { webhook: hook.id, delivery: delivery.id, error })
  }

  /** Starts what is due; one at a time for each listener. */
  const pump = (): void => {
    if (!open) return
    clearTimeout(timer)
    const now = clock.now()
    let soonest = Number.POSITIVE_INFINITY
    for (const delivery of store.heads()) {
      if (underWay.has(delivery.webhook)) continue
      if (delivery.next_at > now || underWay.size >= atOnce) {
        soonest = Math.min(soonest, Math.max(delivery.next_at - now, 20))
        continue
      }
      const work = send(delivery)
        .catch((error) => log.error("webhook_failed", { webhook: delivery.webhook, error: String(error) }))
        .finally(() => {
          underWay.delete(delivery.webhook)
          pump()
        })
      underWay.set(delivery.webhook, work)
    }
    if (Number.isFinite(soonest)) timer = setTimeout(pump, Math.min(soonest, 60_000))
  }

  const view = (row: HookRow, counts = store.counts()): Webhook => {
    const of = (state: string) => counts.find((c) => c.webhook === row.id && c.state === state)?.n ?? 0
    return {
      id: row.id,
      shape: row.shape,
      url: row.url,
      events: row.actions === null ? null : (JSON.parse(row.actions) as string[]),
      active: row.is_active === 1,
      created_at: row.created_at,
      due: of("due"),
      dead: of("dead"),
    }
  }

  return {
    list: (shape?: HookRow["shape"]): HookRow[] =>
      store.list().filter((row) => shape === undefined || row.shape === shape),
    get: found,
    view,
    views: (): Webhook[] => {
      const counts = store.counts()
      return store.list().map((row) => view(row, counts))
    },
    /** Throws `invalid` for an address or a header that cannot be. */
    create(by: Actor, asked: NewHook): HookRow {
      check(asked)
      return db.transaction(() => {
        const secret = `whsec_${randomBytes(24).toString("base64")}`
        const id = store.insert({ ...asked, secret, created_by: by.id }, clock.now())
        hooks = undefined
        const row = found(id)
        audit.record({
          by,
          action: "webhook.create",
          subject: `webhook:${id}`,
          before: null,
          after: told(row),
        })
        return row
      })
    },
    change(by: Actor, id: number, patch: Partial<NewHook>, shape?: HookRow["shape"]): HookRow {
      const before = found(id, shape)
      const after = { ...before, ...patch }
      check(after)
      const changed = db.transaction(() => {
        store.update(after, clock.now())
        hooks = undefined
        audit.record({
          by,
          action: "webhook.change",
          subject: `webhook:${id}`,
          before: told(before),
          after: told(after),
        })
        return found(id)
      })
      pump()
      return changed
    },
    remove(by: Actor, id: number, shape?: HookRow["shape"]): void {
      const before = found(id, shape)
      db.transaction(() => {
        store.drop(id, clock.now())
        hooks = undefined
        audit.record({
          by,
          action: "webhook.delete",
          subject: `webhook:${id}`,
          before: told(before),
          after: null,
        })
      })
    },

    /**
     * Stores a message for everybody who wants to hear of it. Belongs inside the transaction of what it tells; `body` is
     * asked only when somebody listens, with whether they want the particulars.
     */
    tell(
      shape: HookRow["shape"],
      event: string,
      project: number | null,
      body: (withPayload: boolean) => unknown,
    ): void {
      for (const hook of listeners()) {
        if (!hears(hook, shape, event) || (hook.project !== null && hook.project !== project)) continue
        const full = store.waiting(hook.id) >= mostWaiting
        store.put({
          id: `msg_${ids.random(12)}`,
          webhook: hook.id,
          event,
          body: JSON.stringify(body(hook.send_payload === 1)),
          now: clock.now(),
          state: full ? "dead" : "due",
          why: full ? "too many wait for this listener already" : null,
        })
      }
    },
    /** Whether anybody listens. */
    isHeard: (shape: HookRow["shape"], event: string): boolean =>
      listeners().some((hook) => hears(hook, shape, event)),
    /** After the transaction: sends what it stored. */
    wake: pump,

    deliveries(
      id: number,
      state: string | undefined,
      before: number,
      limit: number,
    ): { items: WebhookDelivery[]; next: number | null } {
      found(id)
      const rows = store.deliveries(id, state, before, limit + 1)
      const items = rows.slice(0, limit)
      return {
        items: items.map((row) => ({
          id: row.id,
          event: row.event,
          state: row.state,
          created_at: row.created_at,
          attempts: row.attempts,
          next_at: row.state === "due" ? row.next_at : null,
          last_status: row.last_status,
          last_error: row.last_error,
        })),
        next: rows.length > limit ? (items.at(-1)?.n ?? null) : null,
      }
    },
    /** Sends a message again that was given up. Throws `not_found`, `conflict`. */
    again(by: Actor, id: string): void {
      if (!store.delivery(id)) throw new Problem("not_found", "delivery", "there is no such message")
      db.transaction(() => {
        if (!store.revive(id, clock.now()))
          throw new Problem(
            "conflict",
            "delivery_state",
            "only a message that was given up can be sent again",
          )
        audit.record({ by, action: "webhook.again", subject: `delivery:${id}`, before: null, after: null })
      })
      pump()
    },

    start() {
      open = true
      pump()
    },
    async stop() {
      open = false
      clearTimeout(timer)
      await Promise.allSettled([...underWay.values()])
    },
  }
}
export type Webhooks = ReturnType<typeof createWebhooks>
