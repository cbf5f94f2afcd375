import { setImmediate } from "node:timers/promises"
import type { DatasetSample } from "#contract/dataset"
import type { DatasetStore, FrozenSample } from "./dataset.store.ts"
import { identitiesOf, type Split } from "./split.rules.ts"

const pageLength = 200

/** What can be asked of frozen sets in any process; nothing here writes. */
export function createDatasetReader(store: Pick<DatasetStore, "splitOf" | "page" | "named">) {
  return {
    /** The split a part or its picture has been given, if any. */
    splitOf(part: string | null, image: string): Split | undefined {
      for (const identity of identitiesOf({ part, image })) {
        const split = store.splitOf(identity)
        if (split !== undefined) return split
      }
      return undefined
    },
    /** Pictures of a version behind one, in their order. */
    page: (digest: string, after: string, limit: number): DatasetSample[] =>
      store.page(digest, after, limit).map(sampleOf),
    /** All pictures of a version in their order, page by page: between two everybody else gets a turn. */
    async *samples(digest: string): AsyncGenerator<FrozenSample> {
      for (let after = "0".repeat(64); ; ) {
        const some = store.page(digest, after, pageLength)
        yield* some
        const last = some.at(-1)
        if (!last) return
        after = last.image
        await setImmediate()
      }
    },
    named: store.named,
  }
}

/** A row of a version as others see it. */
export const sampleOf = ({ size: _, said, ...sample }: FrozenSample): DatasetSample => ({
  ...sample,
  said: said ?? null,
})
