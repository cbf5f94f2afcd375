import { Hono } from "hono"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import { GoldenSummary, ReferenceMeta, ReferenceReceipt } from "#contract/registry"
import { actor, allow, doc, type HubEnv, query } from "../http/kit.ts"
import type { Dataset } from "./dataset.service.ts"

const maxImageBytes = 32 * 1024 * 1024

const MetaQuery = v.object({ meta: v.pipe(v.string(), v.maxLength(65_536), v.parseJson(), ReferenceMeta) })

/** Golden set and training pool: one picture per request, the bytes are the body. */
export function datasetRoutes(dataset: Dataset) {
  return new Hono<HubEnv>()
    .get("/api/golden", allow("engineer"), doc("The golden set as it stands.", { 200: GoldenSummary }), (c) =>
      c.json(dataset.goldenSummary()),
    )
    .post(
      "/api/golden",
      allow("engineer"),
      doc("Adds an adjudicated part to the golden set.", { 200: ReferenceReceipt }),
      query(MetaQuery),
      async (c) => {
        const bytes = await imageBody(c.req.raw)
        return c.json(await dataset.addReference("golden", c.req.valid("query").meta, bytes, actor(c).id))
      },
    )
    .post(
      "/api/references",
      allow("engineer"),
      doc("Adds a known part to the training pool.", { 200: ReferenceReceipt }),
      query(MetaQuery),
      async (c) => {
        const bytes = await imageBody(c.req.raw)
        return c.json(await dataset.addReference("reference", c.req.valid("query").meta, bytes, actor(c).id))
      },
    )
}

async function imageBody(request: Request): Promise<Uint8Array> {
  const tooLarge = () =>
    new Problem("too_large", "image_too_large", "an image may have 32 MB", { max_mb: 32 })
  // The length is checked before the bytes are read into memory, and again because a client may lie.
  if (Number(request.headers.get("content-length") ?? 0) > maxImageBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > maxImageBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
