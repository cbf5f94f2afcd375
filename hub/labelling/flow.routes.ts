import { Hono } from "hono"
import * as v from "valibot"
import {
  BatchRequest,
  Colleague,
  Comment,
  DeedReceipt,
  Mention,
  NewComment,
  NewDeed,
  NewSecondOpinion,
  NewSkip,
  SeenMentions,
  SkipCount,
} from "#contract/flow"
import { Uuid } from "#contract/ids"
import { LabelTask } from "#contract/labelling"
import { listOf } from "#contract/list"
import { actor, allow, doc, type HubEnv, inTheNameOf, json, open, param, sessionOf } from "../http/kit.ts"
import { authorBy, type PassHolder, passHeader } from "./author.ts"
import type { Flow } from "./flow.service.ts"
import type { Labelling } from "./labelling.service.ts"

export function createFlowRoutes({
  flow,
  labelling,
  passHolder,
}: {
  flow: Flow
  labelling: Labelling
  passHolder: PassHolder
}): Hono<HubEnv> {
  const author = authorBy(passHolder)
  const Part = param(v.object({ id: Uuid }))
  return new Hono<HubEnv>()
    .post(
      "/api/labelling/batch",
      allow("worker"),
      doc("Lease look-alikes: the most valuable part and others of its kind", { 200: listOf(LabelTask) }),
      json(BatchRequest),
      (c) => {
        const { size, holding } = c.req.valid("json")
        return c.json({ items: labelling.batch(actor(c), sessionOf(c), size, holding), next: null })
      },
    )
    .post(
      "/api/labelling/skip",
      allow("worker"),
      doc("Give a part back unjudged, for others to judge", { 204: null }),
      json(NewSkip),
      (c) => {
        flow.skip(actor(c), c.req.valid("json"))
        return c.body(null, 204)
      },
    )
    .get(
      "/api/labelling/skips",
      allow("reviewer"),
      doc("How often parts were given back in thirty days, and why", { 200: listOf(SkipCount) }),
      (c) => c.json({ items: flow.skips(), next: null }),
    )
    .post(
      "/api/labelling/second-opinion",
      allow("worker"),
      doc("Let a colleague, or whoever reviews, judge a part", { 204: null }),
      json(NewSecondOpinion),
      (c) => {
        flow.askOpinion(actor(c), c.req.valid("json"))
        return c.body(null, 204)
      },
    )
    .post(
      "/api/labelling/deeds",
      allow("worker"),
      doc(
        "Give back or take that back, ask or comment; on disk when answered. 200 when it was stored before",
        {
          200: DeedReceipt,
          201: DeedReceipt,
        },
      ),
      inTheNameOf,
      json(NewDeed),
      (c) => {
        const receipt = flow.take(actor(c), c.req.valid("json"), sessionOf(c))
        return c.json(receipt, receipt.duplicate ? 200 : 201)
      },
    )
    .post(
      "/api/labelling/deeds/kept",
      open("the pass is the right: what a person left unsent on a tablet"),
      doc("The same in the name of the owner of the pass in header crux-label-pass", {
        200: DeedReceipt,
        201: DeedReceipt,
      }),
      async (c, next) => {
        author(c.req.header(passHeader))
        await next()
      },
      json(NewDeed),
      (c) => {
        const receipt = flow.take(author(c.req.header(passHeader)).user, c.req.valid("json"))
        return c.json(receipt, receipt.duplicate ? 200 : 201)
      },
    )
    .get(
      "/api/inspections/:id/comments",
      allow("worker"),
      doc("What was said about a part, oldest first", { 200: listOf(Comment) }),
      Part,
      (c) => c.json({ items: flow.comments(c.req.valid("param").id), next: null }),
    )
    .post(
      "/api/inspections/:id/comments",
      allow("worker"),
      doc("Say something about a part, to those who are mentioned", { 201: Comment }),
      Part,
      json(NewComment),
      (c) => c.json(flow.comment(actor(c), c.req.valid("param").id, c.req.valid("json")), 201),
    )
    .get(
      "/api/mentions",
      allow("worker"),
      doc("Comments that mention the caller, newest first", { 200: listOf(Mention) }),
      (c) => c.json({ items: flow.mentions(actor(c).id), next: null }),
    )
    .post(
      "/api/mentions/seen",
      allow("worker"),
      doc("The caller has read these", { 204: null }),
      json(SeenMentions),
      (c) => {
        flow.see(actor(c).id, c.req.valid("json").comments)
        return c.body(null, 204)
      },
    )
    .get(
      "/api/colleagues",
      allow("worker"),
      doc("Whom one can mention or ask", { 200: listOf(Colleague) }),
      (c) => c.json({ items: flow.colleagues(), next: null }),
    )
}
