import { Hono } from "hono"
import * as v from "valibot"
import { DeviceId } from "#contract/ids"
import { listOf } from "#contract/list"
import { NewShadow, ShadowView } from "#contract/shadow"
import { actor, allow, doc, type HubEnv, json, param } from "../http/kit.ts"
import type { Shadows } from "./shadow.service.ts"

const One = v.object({ id: DeviceId })

/** Models that look on at stations. */
export function createShadowRoutes(shadows: Shadows) {
  return new Hono<HubEnv>()
    .get(
      "/api/shadows",
      allow("worker"),
      doc("Shadow models and how often they differ from the model on the line, by station.", {
        200: listOf(ShadowView),
      }),
      (c) => c.json({ items: shadows.list(), next: null }),
    )
    .put(
      "/api/devices/:id/shadow",
      allow("engineer"),
      doc("Let a released model look on at a station; it decides nothing.", { 200: ShadowView }),
      param(One),
      json(NewShadow),
      (c) => c.json(shadows.assign(c.req.valid("param").id, c.req.valid("json"), actor(c))),
    )
    .delete(
      "/api/devices/:id/shadow",
      allow("engineer"),
      doc("End a station's shadow model; what was counted stays.", { 204: null }),
      param(One),
      (c) => {
        shadows.end(c.req.valid("param").id, actor(c))
        return c.body(null, 204)
      },
    )
}
