import type { QueueReason, Why } from "#contract/labelling"
import type { QueueFloors, QueueWeights } from "#contract/queue"

/** What a stream of waiting parts says of each of them. */
export type ValuedStream = {
  line: string
  reason: QueueReason
  look: 1 | 2
  /** 0..7, how near the model was to not deciding. */
  band: number
  kind: string
  /** 0..3, how early the part was picked for looking unlike what has been judged; 0: not at all. */
  spread?: number
}

/** With these a part nobody could decide is first, then what two judges saw differently, then the random check. */
export const usualWeights: QueueWeights = {
  undecided: 1,
  disagreement: 0.9,
  uncertainty: 0.4,
  coverage: 0.5,
  rare: 0.3,
  audit: 0.8,
  ng: 0.3,
  second_look: 0.5,
  age: 0,
}

/** One of seven parts shows what models and weights cannot, one of ten goes to kinds that are hardly known. */
export const usualFloors: QueueFloors = { audit: 0.15, rare: 0.1 }

const topBand = 7
const topSpread = 3
/** With as many labels in all, looking unlike anything judged counts for one and a half times its weight; at none, double. */
const coldLabels = 40
/** More than all weights together. */
const wantedShare = 20
/** A kind with as many labels is half as rare as one without any. */
const commonLabels = 10
/** A part that has waited so long has half the value that age can give. */
const agingMs = 24 * 60 * 60_000

/** 1 for a kind nobody has labelled yet, towards 0 as labels come. */
export const rarity = (labels: number): number => commonLabels / (commonLabels + Math.max(0, labels))

/** 1 while nobody has labelled anything, towards 0 as labels come: until then a model's doubt says little. */
const coldness = (labels: number): number => coldLabels / (coldLabels + Math.max(0, labels))

/** How many of `recent` draws were of each slice. */
export type Drawn = { recent: number; audit: number; rare: number }

/** Slices that have had less than their share, the one nobody can do without first. */
export function shortOf({ recent, ...had }: Drawn, floors: QueueFloors): ("audit" | "rare")[] {
  const isShort = (slice: "audit" | "rare") => had[slice] < Math.floor((recent + 1) * floors[slice] + 1e-9)
  return (["audit", "rare"] as const).filter(isShort)
}

/** 0 for a part that has just come, towards 1 as it waits. */
export const aging = (waitedMs: number): number => {
  const waited = Math.max(0, waitedMs)
  return waited / (waited + agingMs)
}

/**
 * What a part of a stream is worth without its age: the weights of all that is true of it, added up. An audit part is
 * worth its audit alone: whoever ordered those by what a model says would bend what they are drawn for.
 */
export function worthOf(
  stream: ValuedStream,
  weights: QueueWeights,
  labelsOf: (kind: string) => number,
  /** Parts with a label in all. */
  labelled = Number.POSITIVE_INFINITY,
): Why {
  const { reason, look, band, kind, spread = 0 } = stream
  const shares: Why["shares"] = []
  const add = (part: keyof QueueWeights, how: number) => {
    const share = weights[part] * how
    if (share !== 0) shares.push({ part, share })
  }
  if (reason === "wanted") shares.push({ part: "wanted", share: wantedShare })
  if (reason === "audit") add("audit", 1)
  else {
    if (reason === "undecidable") add("undecided", 1)
    if (reason === "disagreement") add("disagreement", 1)
    if (reason === "ng") add("ng", 1)
    add("uncertainty", band / topBand)
    add("coverage", (spread / topSpread) * (1 + coldness(labelled)))
    if (kind !== "") add("rare", rarity(labelsOf(kind)))
  }
  if (look === 2) add("second_look", 1)
  const isRare = kind !== "" && kind !== "unknown" && labelsOf(kind) < commonLabels
  const slice = reason === "audit" ? "audit" : isRare ? "rare" : undefined
  return { ...whyOf(shares, kind), ...(slice && { slice }) }
}

/** The same with what waiting adds, or takes where the newest are worth more. */
export function withAge(why: Why, weights: QueueWeights, waitedMs: number): Why {
  const share = weights.age * aging(waitedMs)
  if (share === 0) return why
  const { slice, kind = "" } = why
  return { ...whyOf([...why.shares, { part: "age", share }], kind), ...(slice && { slice }) }
}

/** The most a part of the stream can be worth, however long it has waited. */
export const mostOf = (why: Why, weights: QueueWeights): number => why.value + Math.max(0, weights.age)

function whyOf(shares: Why["shares"], kind: string): Why {
  const sorted = shares.toSorted((a, b) => Math.abs(b.share) - Math.abs(a.share))
  const value = sorted.reduce((sum, { share }) => sum + share, 0)
  const rare = sorted.some(({ part }) => part === "rare")
  return { value, shares: sorted, ...(rare && { kind }) }
}
