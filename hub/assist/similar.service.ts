import type { SimilarFilter, SimilarParts } from "#contract/assist"
import type { InspectionView } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { Asker } from "#models/infer/asker"
import { codeOf } from "#models/model-error"
import type { Embeddings } from "./embedding.service.ts"
import type { SimilarOperations } from "./similar.worker.ts"

/** Parts that look like one, nearest first, and what people said of them. */
export function createSimilar({
  embeddings,
  child,
  view,
  idOf,
}: {
  embeddings: Embeddings
  child: Asker<SimilarOperations> | undefined
  view: (id: string) => InspectionView | undefined
  idOf: (n: number) => string | undefined
}) {
  return {
    /** Throws `not_found`, and `unavailable` where this hub cannot compare pictures. */
    async of(id: string, filter: SimilarFilter, count: number): Promise<SimilarParts> {
      if (!view(id))
        throw new Problem("not_found", "inspection", "there is no such inspection", { inspection: id })
      const { state, waiting } = embeddings.status()
      if (!child || state === "off")
        throw new Problem("unavailable", "similar_off", "similar parts are not searched on this hub")
      try {
        const own = await embeddings.vectorOf(id)
        if (!own) return { items: [], judged: judgedOf([]), searched: 0, waiting }
        const { space, vector, image } = own
        const { found, searched } = await child.ask({
          op: "search",
          space,
          vector,
          count,
          filter,
          but: image,
        })
        const items = found.flatMap(({ n, similarity }) => {
          const inspection = view(idOf(n) ?? "")
          return inspection ? [{ similarity, inspection }] : []
        })
        return { items, judged: judgedOf(items.map(({ inspection }) => inspection)), searched, waiting }
      } catch (error) {
        if (error instanceof Problem) throw error
        throw new Problem(
          "unavailable",
          "similar_failed",
          "similar parts could not be searched; nothing is lost, try again",
          { code: codeOf(error) },
          error,
        )
      }
    },
    close: async () => await child?.close(),
  }
}
export type Similar = ReturnType<typeof createSimilar>

function judgedOf(parts: readonly InspectionView[]): SimilarParts["judged"] {
  const kinds = new Map<string, number>()
  const count = { ok: 0, ng: 0, unsure: 0 }
  for (const { label } of parts) {
    if (!label) continue
    count[label.verdict] += 1
    for (const kind of label.kinds) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  const byKind = [...kinds].map(([kind, parts]) => ({ kind, parts })).sort((a, b) => b.parts - a.parts)
  return { ...count, kinds: byKind }
}
