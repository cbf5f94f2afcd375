import { Hono } from "hono"
import * as v from "valibot"
import { GoldenSummary, ReferenceMeta, ReferenceReceipt } from "#contract/registry"
import { actor, allow, bodyUpTo, doc, type HubEnv, query } from "../http/kit.ts"
import type { Dataset } from "./dataset.service.ts"

const maxImageBytes = 32 * 1024 * 1024

const MetaQuery = v.object({ meta: v.pipe(v.string(), v.maxLength(65_536), v.parseJson(), ReferenceMeta) })

/** Golden set and training pool: one picture per request, the bytes are the body. */
export function createDatasetRoutes(dataset: Dataset) {
  return new Hono<HubEnv>()
    .get("/api/golden", allow("engineer"), doc("The golden set as it stands.", { 200: GoldenSummary }), (c) =>
      c.json(dataset.goldenSummary()),
    )
    .post(
      "/api/golden",
      allow("engineer"),
      bodyUpTo(maxImageBytes),
      doc("Adds an adjudicated part to the golden set.", { 200: ReferenceReceipt }),
      query(MetaQuery),
      async (c) => {
        const bytes = new Uint8Array(await c.req.arrayBuffer())
        return c.json(await dataset.addReference("golden", c.req.valid("query").meta, bytes, actor(c).id))
      },
    )
    .post(
      "/api/references",
      allow("engineer"),
      bodyUpTo(maxImageBytes),
      doc("Adds a known part to the training pool.", { 200: ReferenceReceipt }),
      query(MetaQuery),
      async (c) => {
        const bytes = new Uint8Array(await c.req.arrayBuffer())
        return c.json(await dataset.addReference("reference", c.req.valid("query").meta, bytes, actor(c).id))
      },
    )
}
