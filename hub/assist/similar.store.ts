import type { SimilarFilter } from "#contract/assist"
import type { Sqlite } from "#platform/sqlite"

export type Range = { id: number; low: number; high: number }

/** What the search process reads: vectors as they come, and which parts a filter lets through. */
export function createSimilarStore(db: Sqlite) {
  const range = db.prepare<Range>("SELECT id, low, high FROM embedding_space WHERE name = $name")
  const page = db.prepare<{ inspection_n: number; vector: Uint8Array }>(
    `SELECT inspection_n, vector FROM embedding
     WHERE space = $space AND inspection_n BETWEEN $first AND $last ORDER BY inspection_n LIMIT $limit`,
  )
  const accepted = db.prepare<{ n: number }>(
    `SELECT i.n FROM json_each($of) c CROSS JOIN inspection i ON i.n = c.value
     WHERE i.image_sha256 IS NOT $but
       AND ($product IS NULL OR i.product_id = $product)
       AND ($device IS NULL OR i.device_id = $device)
       AND ($judged = 0 OR i.label_verdict IS NOT NULL)
       AND ($verdict IS NULL OR i.label_verdict = $verdict)
       AND i.received_at BETWEEN $since AND $until`,
  )
  return {
    range: (name: string) => range.get({ name }),
    page: (space: number, first: number, last: number, limit: number) =>
      page.all({ space, first, last, limit }),
    /** Of these parts, those the filter lets through; none that shows the picture `but`. */
    accepted: (of: readonly number[], filter: SimilarFilter, but: string | null): Set<number> =>
      new Set(
        accepted
          .all({
            of: JSON.stringify(of),
            but: but ?? "",
            product: filter.product ?? null,
            device: filter.device ?? null,
            judged: filter.judged ? 1 : 0,
            verdict: filter.verdict ?? null,
            since: filter.since ?? 0,
            until: filter.until ?? Number.MAX_SAFE_INTEGER,
          })
          .map(({ n }) => n),
      ),
  }
}
