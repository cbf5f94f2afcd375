import type { QueueReason, ValuePart, Why } from "#contract/labelling"
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

/** What is known of labels when a part is valued. */
export type Labels = {
  /** Parts with a label of a kind. */
  of: (kind: string) => number
  /** Parts with a label in all. */
  all: number
}

/**
 * All that is true of a part of a stream, and what it counts for. An audit part is worth its audit alone: whoever ordered
 * those by what a model says would bend what they are drawn for.
 */
function eachShare(
  { reason, look, band, kind, spread = 0 }: ValuedStream,
  weights: QueueWeights,
  labels: Labels,
  say: (part: ValuePart, share: number) => void,
): void {
  const add = (part: keyof QueueWeights, how: number) => {
    const share = weights[part] * how
    if (share !== 0) say(part, share)
  }
  if (reason === "wanted") say("wanted", wantedShare)
  if (reason === "audit") add("audit", 1)
  else {
    if (reason === "undecidable") add("undecided", 1)
    if (reason === "disagreement") add("disagreement", 1)
    if (reason === "ng") add("ng", 1)
    add("uncertainty", band / topBand)
    add("coverage", (spread / topSpread) * (1 + coldness(labels.all)))
    if (kind !== "") add("rare", rarity(labels.of(kind)))
  }
  if (look === 2) add("second_look", 1)
}

/** What a part of a stream is worth without its age: the weights of all that is true of it, added up. */
export function streamValue(stream: ValuedStream, weights: QueueWeights, labels: Labels): number {
  let value = 0
  eachShare(stream, weights, labels, (_, share) => {
    value += share
  })
  return value
}

/** The slice a part counts towards that has a share of all draws. */
export function sliceOf({ reason, kind }: ValuedStream, labels: Labels): Why["slice"] {
  if (reason === "audit") return "audit"
  return kind !== "" && kind !== "unknown" && labels.of(kind) < commonLabels ? "rare" : undefined
}

/** The same with what it is made of, the most first. */
export function worthOf(stream: ValuedStream, weights: QueueWeights, labels: Labels): Why {
  const shares: Why["shares"] = []
  eachShare(stream, weights, labels, (part, share) => shares.push({ part, share }))
  const slice = sliceOf(stream, labels)
  return { ...whyOf(streamValue(stream, weights, labels), shares, stream.kind), ...(slice && { slice }) }
}

/** The same with what waiting adds, or takes where the newest are worth more. */
export function withAge(why: Why, weights: QueueWeights, waitedMs: number): Why {
  const share = weights.age * aging(waitedMs)
  if (share === 0) return why
  const { slice, kind = "" } = why
  return {
    ...whyOf(why.value + share, [...why.shares, { part: "age", share }], kind),
    ...(slice && { slice }),
  }
}

/** The most a part of a stream of that value can be worth, however long it has waited. */
export const mostOf = (value: number, weights: QueueWeights): number => value + Math.max(0, weights.age)

function whyOf(value: number, shares: Why["shares"], kind: string): Why {
  const sorted = shares.toSorted((a, b) => Math.abs(b.share) - Math.abs(a.share))
  const rare = sorted.some(({ part }) => part === "rare")
  return { value, shares: sorted, ...(rare && { kind }) }
}
