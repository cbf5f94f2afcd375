import type { SimilarFilter } from "#contract/assist"
import { embeddingSize } from "#models/embed/embedder"
import { createVectorIndex, type VectorIndex } from "#models/embed/vector-index"
import { answerParent } from "#models/infer/answerer"
import type { Sqlite } from "#platform/sqlite"
import { type CoverAnswer, type CoverAsk, createCoverer } from "./coverer.ts"
import { createSimilarStore } from "./similar.store.ts"

export type SimilarOperations = {
  search: {
    ask: {
      space: string
      vector: Uint8Array
      count: number
      filter: SimilarFilter
      /** A picture that is not to be answered with: the one asked about. */
      but: string | null
    }
    answer: { found: { n: number; similarity: number }[]; searched: number }
  }
  /** One slice of working out which waiting parts of a line look unlike what has been judged; asked until it is done. */
  cover: { ask: CoverAsk; answer: CoverAnswer }
}

/** Vectors read at a time, so that no reading holds the writer's log for long. */
const pageSize = 5_000

/**
 * Entry of `crux worker similar`: holds the vectors of one space in memory and searches them. It reads the database
 * itself, so that labels are those of this moment; the hub writes.
 */
export async function runSimilarWorker(db: Sqlite): Promise<void> {
  const store = createSimilarStore(db)
  const cover = createCoverer(db)
  let open: { space: string; low: number; high: number; index: VectorIndex } | undefined

  /** The index with everything the hub has embedded by now. */
  const indexOf = (space: string): VectorIndex => {
    if (open?.space !== space) open = { space, low: 0, high: -1, index: createVectorIndex(embeddingSize) }
    const here = open
    const there = store.range(space)
    if (!there || there.low > there.high) return here.index
    const read = (first: number, last: number) => {
      for (let from = first; from <= last; ) {
        const rows = store.page(there.id, from, last, pageSize)
        for (const { inspection_n, vector } of rows)
          here.index.add(inspection_n, new Int8Array(vector.buffer, vector.byteOffset, vector.length))
        if (rows.length < pageSize) return
        from = rows.at(-1)!.inspection_n + 1
      }
    }
    if (here.high < here.low) read(there.low, there.high)
    else {
      read(here.high + 1, there.high)
      read(there.low, here.low - 1)
    }
    here.low = there.low
    here.high = there.high
    return here.index
  }

  await answerParent<SimilarOperations>("similar", async (ask) => {
    if (ask.op === "cover") return cover(ask)
    const { space, vector, count, filter, but } = ask
    const index = indexOf(space)
    const query = new Int8Array(vector.buffer, vector.byteOffset, vector.length)
    const found = index.nearest(query, count, (keys) => store.accepted(keys, filter, but))
    return { found: found.map(({ key, similarity }) => ({ n: key, similarity })), searched: index.size() }
  })
}
