import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import {
  HeldParts,
  LabelReceipt,
  LabelRevision,
  LabelStats,
  LabelTask,
  NewLabel,
  NextRequest,
} from "#contract/labelling"
import { listOf } from "#contract/list"
import {
  actor,
  allow,
  bodyUpTo,
  doc,
  type HubEnv,
  inTheNameOf,
  json,
  open,
  param,
  sessionOf,
} from "../http/kit.ts"
import { authorBy, type PassHolder, passHeader } from "./author.ts"
import type { Labelling } from "./labelling.service.ts"

/** Thousands of polygons and detailed masks; a usual label has some hundred bytes. */
const labelBytes = 16 * 1024 * 1024

export function createLabellingRoutes({
  labelling,
  passHolder,
}: {
  labelling: Labelling
  passHolder: PassHolder
}): Hono<HubEnv> {
  const author = authorBy(passHolder)
  return new Hono<HubEnv>()
    .post(
      "/api/labelling/next",
      allow("worker"),
      doc("Lease the most valuable part; 204 when nothing waits", { 200: LabelTask, 204: null }),
      json(NextRequest),
      (c) => {
        const { holding, stock } = c.req.valid("json")
        const task = labelling.next(actor(c), sessionOf(c), holding, stock)
        return task ? c.json(task) : c.body(null, 204)
      },
    )
    .post(
      "/api/labelling/renew",
      allow("worker"),
      doc("Keep the leases of parts that a tablet holds", { 200: HeldParts }),
      json(NextRequest),
      (c) => {
        const { holding, stock } = c.req.valid("json")
        return c.json({ held: labelling.renew(sessionOf(c), holding, stock) })
      },
    )
    .post(
      "/api/labels",
      allow("worker"),
      doc("Store a label; on disk when answered. 200 when it was stored before", {
        200: LabelReceipt,
        201: LabelReceipt,
      }),
      inTheNameOf,
      bodyUpTo(labelBytes),
      json(NewLabel),
      (c) => {
        const receipt = labelling.submit(actor(c), c.req.valid("json"), c.get("tabletId"))
        return c.json(receipt, receipt.duplicate ? 200 : 201)
      },
    )
    .post(
      "/api/labels/kept",
      open("the pass is the right: labels that a person left unsent on a tablet"),
      doc("Store a label in the name of the owner of the pass in header crux-label-pass", {
        200: LabelReceipt,
        201: LabelReceipt,
      }),
      // Asked before the body is read: strangers send no megabytes here.
      async (c, next) => {
        author(c.req.header(passHeader))
        await next()
      },
      bodyUpTo(labelBytes),
      json(NewLabel),
      (c) => {
        const { user, tabletId } = author(c.req.header(passHeader))
        const receipt = labelling.submit(user, c.req.valid("json"), tabletId)
        return c.json(receipt, receipt.duplicate ? 200 : 201)
      },
    )
    .get(
      "/api/inspections/:id/labels",
      allow("worker"),
      doc("Every label of a part, oldest first", { 200: listOf(LabelRevision) }),
      param(v.object({ id: Uuid })),
      (c) => c.json({ items: labelling.revisions(c.req.valid("param").id, actor(c)), next: null }),
    )
    .get(
      "/api/labelling/stats",
      allow("worker"),
      doc("The queue and the day in numbers", { 200: LabelStats }),
      (c) => c.json(labelling.stats(actor(c))),
    )
}
