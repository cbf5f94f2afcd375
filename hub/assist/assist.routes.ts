import { Hono } from "hono"
import * as v from "valibot"
import { CoverageStatus, EmbeddingStatus, SimilarParts } from "#contract/assist"
import { DeviceId, Instant, Key, Uuid } from "#contract/ids"
import { LabelVerdict } from "#contract/labelling"
import { allow, doc, type HubEnv, param, query } from "../http/kit.ts"
import type { Coverages } from "./coverage.service.ts"
import type { Embeddings } from "./embedding.service.ts"
import type { Similar } from "./similar.service.ts"

const time = v.pipe(v.string(), v.regex(/^\d{1,16}$/), v.transform(Number), Instant)

const SimilarQuery = v.object({
  product: v.optional(Key),
  device: v.optional(DeviceId),
  /** Only parts that people have judged. */
  judged: v.optional(
    v.pipe(
      v.picklist(["true", "false"]),
      v.transform((text) => text === "true"),
    ),
  ),
  verdict: v.optional(LabelVerdict),
  /** Arrival at the hub in milliseconds since 1970, both inclusive. */
  since: v.optional(time),
  until: v.optional(time),
  limit: v.optional(
    v.pipe(v.string(), v.regex(/^\d{1,3}$/), v.transform(Number), v.minValue(1), v.maxValue(100)),
    "12",
  ),
})

export function createAssistRoutes({
  embeddings,
  similar,
  coverages,
}: {
  embeddings: Embeddings
  similar: Similar
  coverages: Coverages
}) {
  return new Hono<HubEnv>()
    .get(
      "/api/inspections/:id/similar",
      allow("worker"),
      doc("Parts that look like this one, the nearest first, and how people judged them.", {
        200: SimilarParts,
      }),
      param(v.object({ id: Uuid })),
      query(SimilarQuery),
      async (c) => {
        const { limit, ...filter } = c.req.valid("query")
        return c.json(await similar.of(c.req.valid("param").id, filter, limit))
      },
    )
    .get(
      "/api/assist/embeddings",
      allow("worker"),
      doc("How far the background is with looking at pictures.", { 200: EmbeddingStatus }),
      (c) => c.json(embeddings.status()),
    )
    .get(
      "/api/assist/coverage",
      allow("reviewer"),
      doc("Which waiting parts look unlike what has been judged: how many were picked, line by line.", {
        200: CoverageStatus,
      }),
      (c) => c.json(coverages.status()),
    )
}
