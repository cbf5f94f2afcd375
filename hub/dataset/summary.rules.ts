import type { Balance, DatasetSummary } from "#contract/dataset"
import type { SampleLabel } from "#contract/training"

/** Counts of a set by split, product and class. Keys in their order, so that equal sets have equal summaries. */
export function summarise(
  samples: Iterable<{ split: string; product: string | null; label: SampleLabel }>,
): DatasetSummary {
  const splits = new Map<string, Balance>()
  const products = new Map<string, number>()
  for (const { split, product, label } of samples) {
    let own = splits.get(split)
    if (!own) {
      own = empty()
      splits.set(split, own)
    }
    own[label.verdict]++
    if (label.kinds.length > 0)
      for (const kind of new Set(label.kinds)) own.by_kind[kind] = (own.by_kind[kind] ?? 0) + 1
    if (product !== null) products.set(product, (products.get(product) ?? 0) + 1)
  }
  const total = empty()
  for (const { ok, ng, by_kind } of splits.values()) {
    total.ok += ok
    total.ng += ng
    for (const [kind, n] of Object.entries(by_kind)) total.by_kind[kind] = (total.by_kind[kind] ?? 0) + n
  }
  const sorted = <T>(entries: Iterable<readonly [string, T]>) =>
    Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
  const tidy = (balance: Balance): Balance => ({
    ...balance,
    by_kind: sorted(Object.entries(balance.by_kind)),
  })
  return {
    total: tidy(total),
    by_split: sorted([...splits].map(([split, balance]) => [split, tidy(balance)] as const)),
    by_product: sorted(products),
  }
}

const empty = (): Balance => ({ ok: 0, ng: 0, by_kind: {} })
