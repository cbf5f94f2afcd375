import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import {
  LabelReceipt,
  LabelRevision,
  LabelStats,
  LabelTask,
  NewLabel,
  NextRequest,
} from "#contract/labelling"
import { listOf } from "#contract/list"
import { actor, allow, bodyUpTo, doc, type HubEnv, json, param, sessionOf } from "../http/kit.ts"
import type { Labelling } from "./labelling.service.ts"

/** Thousands of polygons and detailed masks; a usual label has some hundred bytes. */
const labelBytes = 16 * 1024 * 1024

export function createLabellingRoutes(labelling: Labelling): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .post(
      "/api/labelling/next",
      allow("worker"),
      doc("Lease the most valuable part; 204 when nothing waits", { 200: LabelTask, 204: null }),
      json(NextRequest),
      (c) => {
        const task = labelling.next(actor(c), sessionOf(c), c.req.valid("json").holding)
        return task ? c.json(task) : c.body(null, 204)
      },
    )
    .post(
      "/api/labels",
      allow("worker"),
      doc("Store a label; on disk when answered. 200 when it was stored before", {
        200: LabelReceipt,
        201: LabelReceipt,
      }),
      bodyUpTo(labelBytes),
      json(NewLabel),
      (c) => {
        const receipt = labelling.submit(actor(c), c.req.valid("json"))
        return c.json(receipt, receipt.duplicate ? 200 : 201)
      },
    )
    .get(
      "/api/inspections/:id/labels",
      allow("worker"),
      doc("Every label of a part, oldest first", { 200: listOf(LabelRevision) }),
      param(v.object({ id: Uuid })),
      (c) => c.json({ items: labelling.revisions(c.req.valid("param").id), next: null }),
    )
    .get(
      "/api/labelling/stats",
      allow("worker"),
      doc("The queue and the day in numbers", { 200: LabelStats }),
      (c) => c.json(labelling.stats(actor(c))),
    )
}
