import { Hono } from "hono"
import * as v from "valibot"
import { Criterion, Guide, LimitSample, NewCriterion, NewLimitSample } from "#contract/catalogue"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import { actor, allow, doc, type HubEnv, json, param, query } from "../http/kit.ts"
import type { GuideService } from "./guide.service.ts"

const Version = v.optional(v.pipe(v.string(), v.regex(/^\d{1,9}$/), v.transform(Number)))

export function createGuideRoutes(guide: GuideService): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get(
      "/api/guide",
      allow("worker"),
      doc("What people judge by: criteria and limit samples, now or as they held at a version", {
        200: Guide,
      }),
      query(v.object({ version: Version })),
      (c) => c.json(guide.guide(c.req.valid("query").version)),
    )
    .get(
      "/api/criteria",
      allow("worker"),
      doc("Every version of the criteria, newest first", { 200: listOf(Criterion) }),
      (c) => c.json({ items: guide.history(), next: null }),
    )
    .post(
      "/api/criteria",
      allow("reviewer"),
      doc("Publish the next version of a criterion", { 201: Criterion }),
      json(NewCriterion),
      (c) => c.json(guide.publish(actor(c), c.req.valid("json")), 201),
    )
    .post(
      "/api/limit-samples",
      allow("reviewer"),
      doc("Make a part's picture a limit sample", { 201: LimitSample }),
      json(NewLimitSample),
      (c) => c.json(guide.addSample(actor(c), c.req.valid("json")), 201),
    )
    .delete(
      "/api/limit-samples/:id",
      allow("reviewer"),
      doc("Show a limit sample no more", { 204: null }),
      param(v.object({ id: Uuid })),
      (c) => {
        guide.retireSample(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
}
