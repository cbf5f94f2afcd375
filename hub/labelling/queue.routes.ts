import { Hono } from "hono"
import { listOf } from "#contract/list"
import { NewQueuePolicy, PreviewItem, PreviewRequest, QueueView } from "#contract/queue"
import { actor, allow, doc, type HubEnv, json } from "../http/kit.ts"
import type { Queue } from "./queue.service.ts"

export function createQueueRoutes(queue: Queue): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get(
      "/api/queue",
      allow("reviewer"),
      doc("What decides which part is judged next", { 200: QueueView }),
      (c) => c.json(queue.view()),
    )
    .put(
      "/api/queue/policy",
      allow("engineer"),
      doc("Set the order of a line's parts, or end a line's own", { 200: QueueView }),
      json(NewQueuePolicy),
      (c) => c.json(queue.set(actor(c), c.req.valid("json"))),
    )
    .post(
      "/api/queue/preview",
      allow("reviewer"),
      doc("The parts that would be judged next, and why; leases nothing", { 200: listOf(PreviewItem) }),
      json(PreviewRequest),
      (c) => {
        const { policy, limit } = c.req.valid("json")
        return c.json({ items: queue.preview(policy, limit), next: null })
      },
    )
}
