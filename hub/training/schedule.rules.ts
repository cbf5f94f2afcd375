/** When the hub trains by itself. */
export type TrainingPolicy = {
  automatic: boolean
  /** Labels since the last job that make a new one worth its time. */
  newLabels: number
  /** Labels of a kind no model knows after which it can be learned at all. */
  kindLabels: number
}

export type LabelCounts = { labelled: number; byKind: Readonly<Record<string, number>> }

export type ScheduleInput = {
  policy: TrainingPolicy
  labels: LabelCounts
  /** Kinds that the model on the line, or a candidate that waits for approval, has a class for; null: no model yet. */
  known: ReadonlySet<string> | null
  /** Whether a job waits or runs: there is one at a time. */
  busy: boolean
  /** Labels at the newest job's freeze, and how many jobs since the last success brought nothing. */
  last: (LabelCounts & { failures: number }) | null
}

/**
 * Whether to train now, and why. After a refused, failed or cancelled job only labels that came since then count, and
 * each further one doubles what is asked for: the same labels again would make the same model again.
 */
export function trainNow({
  policy,
  labels,
  known,
  busy,
  last,
}: ScheduleInput): "new_kind" | "new_labels" | null {
  // The first model is an engineer's decision: before it, nobody has said that the pictures are any good.
  if (!policy.automatic || busy || (known === null && last === null)) return null
  const patience = 2 ** Math.min(6, Math.max(0, (last?.failures ?? 0) - 1))
  const fresh = (kind: string) => (labels.byKind[kind] ?? 0) - (last?.byKind[kind] ?? 0)
  const learnable = Object.keys(labels.byKind).some((kind) => {
    if (kind === "unknown" || known?.has(kind)) return false
    const tried = (last?.byKind[kind] ?? 0) >= policy.kindLabels
    const wanted = tried ? policy.kindLabels * patience : 1
    return (labels.byKind[kind] ?? 0) >= policy.kindLabels && fresh(kind) >= wanted
  })
  if (learnable) return "new_kind"
  return labels.labelled - (last?.labelled ?? 0) >= policy.newLabels * patience ? "new_labels" : null
}
