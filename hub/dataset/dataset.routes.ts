import { Hono } from "hono"
import * as v from "valibot"
import {
  DatasetDiff,
  DatasetFrozen,
  DatasetSample,
  DatasetVersion,
  FreezeRequest,
  FreezeState,
} from "#contract/dataset"
import { Sha256 } from "#contract/ids"
import { listOf } from "#contract/list"
import { GoldenSummary, ReferenceMeta, ReferenceReceipt } from "#contract/registry"
import { actor, allow, bodyUpTo, doc, type HubEnv, json, keepsBody, param, query } from "../http/kit.ts"
import type { Dataset } from "./dataset.service.ts"
import type { Freezes } from "./freeze.service.ts"

const maxImageBytes = 32 * 1024 * 1024

const ByDigest = param(v.object({ digest: Sha256 }))
const Page = v.object({
  after: v.optional(Sha256, "0".repeat(64)),
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(500)),
    "100",
  ),
})

const MetaQuery = v.object({ meta: v.pipe(v.string(), v.maxLength(65_536), v.parseJson(), ReferenceMeta) })

/** Golden set and training pool: one picture per request, the bytes are the body. */
export function createDatasetRoutes({ dataset, freezes }: { dataset: Dataset; freezes: Freezes }) {
  return new Hono<HubEnv>()
    .get(
      "/api/datasets",
      allow("worker"),
      doc("Frozen sets, the newest first.", { 200: listOf(DatasetVersion) }),
      (c) => c.json({ items: dataset.versions(100), next: null }),
    )
    .post(
      "/api/datasets",
      allow("engineer"),
      doc("Freezes all that is labelled now; the same labels give the same sets.", { 200: DatasetFrozen }),
      json(FreezeRequest),
      async (c) => c.json(await freezes.freeze(c.req.valid("json"))),
    )
    .get(
      "/api/datasets/freeze",
      allow("engineer"),
      doc("How far a freeze is, or how the last one ended.", { 200: FreezeState }),
      (c) => c.json(freezes.state()),
    )
    .get(
      "/api/datasets/:digest",
      allow("worker"),
      doc("One frozen set with its counts.", { 200: DatasetVersion }),
      ByDigest,
      (c) => c.json(dataset.version(c.req.valid("param").digest)),
    )
    .get(
      "/api/datasets/:digest/samples",
      allow("engineer"),
      doc("Pictures of a frozen set in their order; `next` goes into `after`.", {
        200: listOf(DatasetSample),
      }),
      ByDigest,
      query(Page),
      (c) => {
        const { after, limit } = c.req.valid("query")
        const items = dataset.page(c.req.valid("param").digest, after, limit)
        return c.json({ items, next: items.length === limit ? (items.at(-1)?.image ?? null) : null })
      },
    )
    .get(
      "/api/datasets/:digest/diff/:other",
      allow("engineer"),
      doc("What has changed from `other` to `digest`.", { 200: DatasetDiff }),
      param(v.object({ digest: Sha256, other: Sha256 })),
      (c) => {
        const { digest, other } = c.req.valid("param")
        return c.json(dataset.diff(digest, other))
      },
    )
    .get(
      "/api/golden",
      allow("engineer"),
      doc("The golden set as it stands.", { 200: GoldenSummary }),
      async (c) => {
        const golden = await freezes.golden()
        return c.json({ ...golden, looks: golden.digest === null ? 0 : dataset.looks(golden.digest) })
      },
    )
    .post(
      "/api/golden",
      allow("engineer"),
      bodyUpTo(maxImageBytes),
      keepsBody,
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
      keepsBody,
      doc("Adds a known part to the training pool.", { 200: ReferenceReceipt }),
      query(MetaQuery),
      async (c) => {
        const bytes = new Uint8Array(await c.req.arrayBuffer())
        return c.json(await dataset.addReference("reference", c.req.valid("query").meta, bytes, actor(c).id))
      },
    )
}
