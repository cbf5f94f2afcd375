import { Hono } from "hono"
import * as v from "valibot"
import { Uuid } from "#contract/ids"
import { listOf } from "#contract/list"
import {
  FilterText,
  NewPartAction,
  NewPartView,
  PartAction,
  PartChoices,
  PartCount,
  PartHistory,
  PartPage,
  PartPreview,
  PartPreviewRequest,
  PartView,
} from "#contract/parts"
import { actor, allow, doc, type HubEnv, json, param, query } from "../http/kit.ts"
import { streamOf } from "../http/stream.ts"
import type { PartActions } from "./actions.service.ts"
import type { PartHistories } from "./history.service.ts"
import type { Parts } from "./parts.service.ts"
import type { PartTable } from "./table.service.ts"
import type { PartViews } from "./views.service.ts"

const Asked = v.object({ filter: v.optional(FilterText, "") })
const Page = v.object({
  ...Asked.entries,
  cursor: v.optional(v.pipe(v.string(), v.maxLength(40))),
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(200)),
    "50",
  ),
})
const ById = param(v.object({ id: Uuid }))

/** Every inspection there is: found, shown whole, and changed by the many. */
export function createPartRoutes({
  parts,
  views,
  actions,
  histories,
  table,
}: {
  parts: Parts
  views: PartViews
  actions: PartActions
  histories: PartHistories
  table: PartTable
}) {
  return new Hono<HubEnv>()
    .get(
      "/api/parts",
      allow("reviewer"),
      doc("Parts that a filter finds, newest first.", { 200: PartPage }),
      query(Page),
      (c) => {
        const { filter, cursor, limit } = c.req.valid("query")
        return c.json(parts.page(filter, cursor, limit))
      },
    )
    .get(
      "/api/parts/count",
      allow("reviewer"),
      doc("How many parts a filter finds, up to a thousand.", { 200: PartCount }),
      query(Asked),
      (c) => c.json(parts.count(c.req.valid("query").filter)),
    )
    .get(
      "/api/parts/choices",
      allow("reviewer"),
      doc("What a filter may name here: stations, products, models, sets.", { 200: PartChoices }),
      (c) => c.json(parts.choices()),
    )
    .get(
      "/api/parts/table",
      allow("reviewer"),
      doc("All parts that a filter finds, one a line, as CSV.", { 200: "text/csv" }),
      query(Asked),
      (c) => {
        const rows = table.csv(c.req.valid("query").filter)
        return new Response(streamOf(rows), {
          headers: {
            "content-type": "text/csv; charset=utf-8",
            "content-disposition": 'attachment; filename="crux-parts.csv"',
            "x-content-type-options": "nosniff",
          },
        })
      },
    )
    .get(
      "/api/parts/views",
      allow("reviewer"),
      doc("Filters that are kept: one's own and everybody's.", { 200: listOf(PartView) }),
      (c) => c.json({ items: views.list(actor(c)), next: null }),
    )
    .put(
      "/api/parts/views/:id",
      allow("reviewer"),
      doc("Keeps a filter, or changes one that is kept.", { 200: PartView }),
      ById,
      json(NewPartView),
      (c) => c.json(views.put(actor(c), c.req.valid("param").id, c.req.valid("json"))),
    )
    .delete(
      "/api/parts/views/:id",
      allow("reviewer"),
      doc("Deletes a kept filter.", { 204: null }),
      ById,
      (c) => {
        views.drop(actor(c), c.req.valid("param").id)
        return c.body(null, 204)
      },
    )
    .post(
      "/api/parts/actions/preview",
      allow("reviewer"),
      doc("What an action would do to which parts; nothing is done.", { 200: PartPreview }),
      json(PartPreviewRequest),
      async (c) => {
        const { deed, choice } = c.req.valid("json")
        return c.json(await actions.preview(actor(c), deed, choice))
      },
    )
    .post(
      "/api/parts/actions",
      allow("reviewer"),
      doc("Does one thing to many parts, once per id.", { 201: PartAction }),
      json(NewPartAction),
      async (c) => c.json(await actions.start(actor(c), c.req.valid("json")), 201),
    )
    .get(
      "/api/parts/actions",
      allow("reviewer"),
      doc("What was done to many parts, the newest first.", { 200: listOf(PartAction) }),
      (c) => c.json({ items: actions.list(50), next: null }),
    )
    .get(
      "/api/parts/actions/:id",
      allow("reviewer"),
      doc("How far an action is.", { 200: PartAction }),
      ById,
      (c) => c.json(actions.get(c.req.valid("param").id)),
    )
    .post(
      "/api/parts/actions/:id/undo",
      allow("reviewer"),
      doc("Puts back what nobody has changed since.", { 200: PartAction }),
      ById,
      async (c) => c.json(await actions.undo(actor(c), c.req.valid("param").id)),
    )
    .get(
      "/api/parts/:id",
      allow("reviewer"),
      doc("Everything known of the part that an inspection saw.", { 200: PartHistory }),
      ById,
      (c) => c.json(histories.of(c.req.valid("param").id)),
    )
}
