import { createHash } from "node:crypto"
import type { LabelBox, NewLabel } from "#contract/labelling"
import type { CheckPlan, Shares } from "#contract/review"
import { overlapOf } from "./merge.rules.ts"

/** Nothing is checked until somebody says so; what is checked costs people's time. */
export const noChecks: CheckPlan = {
  review: 0,
  second: 0,
  blind_to_model: false,
  stations: {},
  known: 0,
  repeat: 0,
  counts: "latest",
  overlap: 0.5,
}

/** A part comes back to the same person under another guise after this long at the earliest. */
export const repeatAfterMs = 60 * 60_000
/** And a part with a known answer after this. */
export const askAgainAfterMs = 20 * 60 * 60_000
/** How far back a repeat may reach: the criteria of last season were others. */
export const repeatWithinMs = 30 * 24 * 60 * 60_000
/** While the queue has work, one draw in so many goes to a part that waits for a second person or for a study. */
const wantedShare = 0.25

export const sharesOf = (plan: CheckPlan, station: string): Shares => plan.stations?.[station] ?? plan

/** A number from 0 to 1 that belongs to a text and to nothing else: the same part is chosen whoever asks, and when. */
export function chanceOf(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32BE() / 2 ** 32
}

/** Whether a part is among this share of all parts; the choices for different purposes know nothing of each other. */
export const isChosen = (share: number, purpose: string, part: string): boolean =>
  chanceOf(`${purpose}:${part}`) < share

export type Purpose = "second" | "reference" | "repeat" | "study"

/**
 * Which blind looks to try before the queue, by one throw of the dice. Known parts and repeats are only mixed into real
 * work: somebody whose queue is empty is not kept busy with them.
 */
export function looksBefore(plan: CheckPlan, chance: number, hasWork: boolean): Purpose[] {
  if (!hasWork) return []
  if (chance < plan.known) return ["reference"]
  if (chance < plan.known + plan.repeat) return ["repeat"]
  return chance < plan.known + plan.repeat + wantedShare ? ["study", "second"] : []
}

type Said = { verdict: NewLabel["verdict"]; kinds: readonly string[]; boxes: readonly LabelBox[] }

/**
 * Whether two people judged a part the same: verdict, kinds, and where, when both said where. Boxes of one kind are
 * the same places when each has a partner on the other side that it overlaps enough.
 */
export function isSameJudgement(a: Said, b: Said, overlap: number): boolean {
  if (a.verdict !== b.verdict || kindsOf(a) !== kindsOf(b)) return false
  if (a.boxes.length === 0 || b.boxes.length === 0) return true
  return isCovered(a.boxes, b.boxes, overlap) && isCovered(b.boxes, a.boxes, overlap)
}

const kindsOf = ({ kinds }: Said) => [...new Set(kinds)].sort().join()

const isCovered = (some: readonly LabelBox[], by: readonly LabelBox[], overlap: number) =>
  some.every(({ kind, box }) =>
    by.some((other) => other.kind === kind && overlapOf(box, other.box) >= overlap),
  )
