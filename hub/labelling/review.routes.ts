import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import {
  CheckPlan,
  KnownPart,
  NewReference,
  NewReview,
  Presence,
  ReviewCase,
  ReviewItem,
  Watching,
} from "#contract/review"
import { actor, allow, bodyUpTo, doc, type HubEnv, json, param, query, sessionOf } from "../http/kit.ts"
import type { Looks } from "./looks.service.ts"
import type { PresenceService } from "./presence.service.ts"
import type { Reviews } from "./review.service.ts"

const Part = v.object({ id: Uuid })
const QueueQuery = v.object({
  which: v.optional(v.picklist(["waiting", "sent_back"]), "waiting"),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(60))),
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(200)),
    "50",
  ),
})
const Waiting = v.record(v.string(), v.number())
/** As much as a label: a fix may be a drawing. */
const reviewBytes = 16 * 1024 * 1024

/** People beside each other: who is on what, reviews, and how labels are checked. */
export function createReviewRoutes(deps: {
  reviews: Reviews
  looks: Looks
  presence: PresenceService
}): Hono<HubEnv> {
  const { reviews, looks, presence } = deps
  return new Hono<HubEnv>()
    .get(
      "/api/labelling/presence",
      allow("worker"),
      doc("Who is on which part now", { 200: listOf(Presence) }),
      (c) => c.json({ items: presence.list(actor(c)), next: null }),
    )
    .post(
      "/api/labelling/presence",
      allow("worker"),
      doc("Say which part this screen shows; to be said again within 45 s", { 204: null }),
      json(Watching),
      (c) => {
        presence.watch(actor(c), sessionOf(c), c.req.valid("json").inspection_id)
        return c.body(null, 204)
      },
    )
    .get("/api/labelling/checks", allow("reviewer"), doc("How labels are checked", { 200: CheckPlan }), (c) =>
      c.json(looks.plan()),
    )
    .put(
      "/api/labelling/checks",
      allow("engineer"),
      doc("Change how labels are checked", { 200: CheckPlan }),
      json(CheckPlan),
      (c) => c.json(looks.setPlan(actor(c), c.req.valid("json"))),
    )
    .get(
      "/api/reviews",
      allow("reviewer"),
      doc("Labels that wait for a reviewer, or were sent back; the longest first", {
        200: listOf(ReviewItem),
      }),
      query(QueueQuery),
      (c) => {
        const { which, cursor, limit } = c.req.valid("query")
        return c.json(reviews.queue(which, cursor, limit))
      },
    )
    .get(
      "/api/reviews/waiting",
      allow("reviewer"),
      doc("How many labels wait for a reviewer, by why", { 200: Waiting }),
      (c) => c.json(reviews.waiting()),
    )
    .get(
      "/api/reviews/:id",
      allow("reviewer"),
      doc("Everything a reviewer decides on, of one part", { 200: ReviewCase }),
      param(Part),
      (c) => c.json(reviews.find(actor(c), c.req.valid("param").id)),
    )
    .post(
      "/api/reviews",
      allow("reviewer"),
      bodyUpTo(reviewBytes),
      doc("Accept, fix or send back the newest label of a part", { 200: ReviewCase }),
      json(NewReview),
      (c) => c.json(reviews.review(actor(c), c.req.valid("json"))),
    )
    .get(
      "/api/known-parts",
      allow("reviewer"),
      doc("Parts with a known answer, and how people did on them", { 200: listOf(KnownPart) }),
      (c) => c.json({ items: looks.knownParts(), next: null }),
    )
    .put(
      "/api/known-parts/:id",
      allow("reviewer"),
      doc("Say what is right about a part, and whether people are asked", { 204: null }),
      param(Part),
      json(NewReference),
      (c) => {
        looks.setReference(actor(c), c.req.valid("param").id, c.req.valid("json"))
        return c.body(null, 204)
      },
    )
    .delete(
      "/api/known-parts/:id",
      allow("reviewer"),
      doc("Take the known answer of a part away", { 204: null }),
      param(Part),
      (c) => {
        looks.dropReference(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
}
