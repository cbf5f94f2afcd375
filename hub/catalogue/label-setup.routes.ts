import { Hono } from "hono"
import { listOf } from "#contract/list"
import { LabelSetup, NewLabelSetup } from "#contract/questions"
import { actor, allow, doc, type HubEnv, json } from "../http/kit.ts"
import type { LabelSetups } from "./label-setup.service.ts"

export function createLabelSetupRoutes(setups: LabelSetups): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get(
      "/api/label-setups",
      allow("worker"),
      doc("Tools and questions of the label screen: of all products, and of those with their own", {
        200: listOf(LabelSetup),
      }),
      (c) => c.json({ items: setups.list(), next: null }),
    )
    .put(
      "/api/label-setups",
      allow("engineer"),
      doc("Set tools and questions of a product, or of all others. Throws `conflict` for an old revision", {
        200: LabelSetup,
      }),
      json(NewLabelSetup),
      (c) => c.json(setups.put(actor(c), c.req.valid("json"))),
    )
}
