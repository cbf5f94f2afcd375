import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import { NewRollout, RolloutView } from "#contract/rollout"
import { actor, allow, doc, type HubEnv, json, param } from "../http/kit.ts"
import type { Rollouts } from "./rollout.service.ts"

const ById = v.object({ id: Uuid })
const Order = v.object({ id: Uuid, order: v.picklist(["pause", "resume", "rollback"]) })
const shownRollouts = 50

/** Releases on their way to the stations. */
export function createRolloutRoutes(rollouts: Rollouts) {
  return new Hono<HubEnv>()
    .get("/api/rollouts", allow("worker"), doc("The newest rollouts.", { 200: listOf(RolloutView) }), (c) =>
      c.json({ items: rollouts.list(shownRollouts), next: null }),
    )
    .post(
      "/api/rollouts",
      allow("engineer"),
      doc("Brings a released model to the stations.", { 201: RolloutView }),
      json(NewRollout),
      (c) => c.json(rollouts.create(c.req.valid("json"), actor(c)), 201),
    )
    .get("/api/rollouts/:id", allow("worker"), doc("One rollout.", { 200: RolloutView }), param(ById), (c) =>
      c.json(rollouts.get(c.req.valid("param").id)),
    )
    .post(
      "/api/rollouts/:id/:order",
      allow("engineer"),
      doc("Pauses, resumes or rolls back.", { 200: RolloutView }),
      param(Order),
      (c) => {
        const { id, order } = c.req.valid("param")
        return c.json(rollouts[order](id, actor(c)))
      },
    )
}
