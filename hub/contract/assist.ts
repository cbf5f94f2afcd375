import * as v from "valibot"
import { Count, DefectKey } from "./ids.ts"
import { InspectionView } from "./labelling.ts"

/** How far the background is with looking at pictures. `off`: this hub has no backbone, or similar parts are switched off. */
export const EmbeddingStatus = v.object({
  state: v.picklist(["off", "working", "idle", "failed"]),
  made: Count,
  unreadable: Count,
  /** Parts that have not had their turn, at most this many of them with a picture. */
  waiting: Count,
})
export type EmbeddingStatus = v.InferOutput<typeof EmbeddingStatus>

/** GET /api/inspections/:id/similar: the nearest first, and how people judged them. */
export const SimilarParts = v.object({
  items: v.array(
    v.object({
      /** Cosine of the angle between the two pictures; 1 is the same. */
      similarity: v.number(),
      inspection: InspectionView,
    }),
  ),
  judged: v.object({
    ok: Count,
    ng: Count,
    unsure: Count,
    kinds: v.array(v.object({ kind: DefectKey, parts: Count })),
  }),
  /** Parts that were searched. */
  searched: Count,
  /** Parts that could not be searched yet. */
  waiting: Count,
})
export type SimilarParts = v.InferOutput<typeof SimilarParts>

/** Which parts a search may answer with. */
export type SimilarFilter = {
  product?: string | undefined
  device?: string | undefined
  /** Only parts that people have judged. */
  judged?: boolean | undefined
  verdict?: "ok" | "ng" | "unsure" | undefined
  since?: number | undefined
  until?: number | undefined
}
