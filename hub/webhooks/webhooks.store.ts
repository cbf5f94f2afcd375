import type { Sqlite } from "#platform/sqlite"

export type HookRow = {
  id: number
  shape: "crux" | "label-studio"
  url: string
  project: number | null
  actions: string | null
  headers: string
  send_payload: number
  is_active: number
  secret: string
  created_by: string
  created_at: number
  updated_at: number
}
export type DeliveryRow = {
  n: number
  id: string
  webhook: number
  event: string
  body: string
  created_at: number
  state: "due" | "delivered" | "dead"
  attempts: number
  next_at: number
  last_at: number | null
  last_status: number | null
  last_error: string | null
}

/** The only SQL of the tables `webhook` and `webhook_delivery`. */
export function createWebhooksStore(db: Sqlite) {
  const columns = `id, shape, url, project, actions, headers, send_payload, is_active, secret, created_by, created_at,
    updated_at`
  const all = db.prepare<HookRow>(`SELECT ${columns} FROM webhook WHERE deleted_at IS NULL ORDER BY id`)
  const one = db.prepare<HookRow>(`SELECT ${columns} FROM webhook WHERE id = $id AND deleted_at IS NULL`)
  const insert = db.prepare<{ id: number }>(
    `INSERT INTO webhook (shape, url, project, actions, headers, send_payload, is_active, secret, created_by,
       created_at, updated_at)
     VALUES ($shape, $url, $project, $actions, $headers, $send_payload, $is_active, $secret, $created_by, $now, $now)
     RETURNING id`,
  )
  const update = db.prepare(
    `UPDATE webhook SET url = $url, project = $project, actions = $actions, headers = $headers,
       send_payload = $send_payload, is_active = $is_active, updated_at = $now WHERE id = $id`,
  )
  const drop = db.prepare("UPDATE webhook SET deleted_at = $now WHERE id = $id")
  const giveUpAll = db.prepare(
    "UPDATE webhook_delivery SET state = 'dead', last_error = $why WHERE webhook = $id AND state = 'due'",
  )
  const put = db.prepare(
    `INSERT INTO webhook_delivery (id, webhook, event, body, created_at, state, next_at, last_error)
     VALUES ($id, $webhook, $event, $body, $now, $state, $now, $why)`,
  )
  // In order for each listener: a later event never overtakes an earlier one.
  const heads = db.prepare<DeliveryRow>(
    `SELECT d.* FROM webhook_delivery d JOIN (
       SELECT min(n) AS n FROM webhook_delivery WHERE state = 'due' GROUP BY webhook
     ) first ON first.n = d.n JOIN webhook w ON w.id = d.webhook
     WHERE w.is_active = 1 AND w.deleted_at IS NULL ORDER BY d.next_at`,
  )
  const outcome = db.prepare(
    `UPDATE webhook_delivery SET state = $state, attempts = attempts + 1, next_at = $next, last_at = $now,
       last_status = $status, last_error = $error WHERE n = $n`,
  )
  const revive = db.prepare(
    "UPDATE webhook_delivery SET state = 'due', attempts = 0, next_at = $now WHERE id = $id AND state = 'dead'",
  )
  const deliveries = db.prepare<DeliveryRow>(
    `SELECT * FROM webhook_delivery WHERE webhook = $webhook AND n < $before ORDER BY n DESC LIMIT $limit`,
  )
  const deliveriesIn = db.prepare<DeliveryRow>(
    `SELECT * FROM webhook_delivery WHERE webhook = $webhook AND state = $state AND n < $before
     ORDER BY n DESC LIMIT $limit`,
  )
  const delivery = db.prepare<DeliveryRow>("SELECT * FROM webhook_delivery WHERE id = $id")
  const counts = db.prepare<{ webhook: number; state: string; n: number }>(
    "SELECT webhook, state, count(*) AS n FROM webhook_delivery WHERE state <> 'delivered' GROUP BY webhook, state",
  )
  const waiting = db.prepare<{ n: number }>(
    "SELECT count(*) AS n FROM webhook_delivery WHERE webhook = $webhook AND state = 'due'",
  )
  const trim = db.prepare(
    `DELETE FROM webhook_delivery WHERE state = 'delivered' AND webhook = $webhook AND n < (
       SELECT n FROM webhook_delivery WHERE webhook = $webhook AND state = 'delivered'
       ORDER BY n DESC LIMIT 1 OFFSET $keep)`,
  )
  return {
    list: () => all.all(),
    get: (id: number) => one.get({ id }),
    insert: (row: Omit<HookRow, "id" | "created_at" | "updated_at">, now: number) =>
      insert.get({ ...row, now })!.id,
    update({ id, url, project, actions, headers, send_payload, is_active }: HookRow, now: number) {
      update.run({ id, url, project, actions, headers, send_payload, is_active, now })
    },
    drop(id: number, now: number) {
      drop.run({ id, now })
      giveUpAll.run({ id, why: "the webhook was deleted" })
    },
    put: (row: {
      id: string
      webhook: number
      event: string
      body: string
      now: number
      state: "due" | "dead"
      why: string | null
    }) => void put.run(row),
    heads: () => heads.all(),
    outcome: (row: {
      n: number
      state: DeliveryRow["state"]
      next: number
      now: number
      status: number | null
      error: string | null
    }) => void outcome.run(row),
    revive: (id: string, now: number) => revive.run({ id, now }).changes > 0,
    deliveries: (webhook: number, state: string | undefined, before: number, limit: number) =>
      state === undefined
        ? deliveries.all({ webhook, before, limit })
        : deliveriesIn.all({ webhook, state, before, limit }),
    delivery: (id: string) => delivery.get({ id }),
    counts: () => counts.all(),
    waiting: (webhook: number) => waiting.get({ webhook })!.n,
    trim: (webhook: number, keep: number) => void trim.run({ webhook, keep }),
  }
}
export type WebhooksStore = ReturnType<typeof createWebhooksStore>
