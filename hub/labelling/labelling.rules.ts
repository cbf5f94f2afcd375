import type { LabelBox, NewLabel, QueueReason, StoredImage } from "#contract/labelling"

/** Long enough for a hard part and a coffee; short enough that a tablet left behind holds nothing up. */
export const leaseMs = 5 * 60_000
/** A lease that is still held is prolonged once this much of it has gone. */
export const extendAfterMs = 30_000
/**
 * A part its session holds but does not mention is served to it again only after this time: two draws sent at the same
 * moment must not get the same part, a tablet that was reloaded must get its parts back.
 */
export const reissueAfterMs = 10_000

/** Boxes drawn by hand may stand over the edge by a rounding error, no more. */
const EDGE_TOLERANCE_PX = 0.5

export type LabelFault =
  | "ok_with_kinds"
  | "ng_without_kind"
  | "withdrawn_with_content"
  | "box_kind"
  | "box_outside"

/** What is wrong with a label as such, or null. The catalogue and the part's state are not looked at. */
export function labelFault(
  label: Pick<NewLabel, "verdict" | "kinds" | "boxes">,
  image: StoredImage | null,
): LabelFault | null {
  const empty = label.kinds.length === 0 && label.boxes.length === 0
  if (label.verdict === "ok" && !empty) return "ok_with_kinds"
  if (label.verdict === "withdrawn" && !empty) return "withdrawn_with_content"
  if (label.verdict === "ng" && label.kinds.length === 0) return "ng_without_kind"
  if (label.boxes.some(({ kind }) => !label.kinds.includes(kind))) return "box_kind"
  if (label.boxes.some((box) => !image || !isInside(box, image))) return "box_outside"
  return null
}

function isInside({ box: [x, y, w, h] }: LabelBox, image: StoredImage): boolean {
  const edge = EDGE_TOLERANCE_PX
  return x >= -edge && y >= -edge && x + w <= image.w + edge && y + h <= image.h + edge
}

export type Judgement = { userId: string; verdict: NewLabel["verdict"]; kinds: readonly string[] }

/**
 * Why a part goes (back) into the queue after a judgement, or null when it is settled. `before` is the newest revision
 * so far; `deliberate` says that the person saw it and changed it, rather than judged from a lease that had ended.
 */
export function queueAfter(
  label: Judgement,
  before: Judgement | null,
  deliberate: boolean,
): QueueReason | "first_reason" | null {
  if (label.verdict === "withdrawn") return "first_reason"
  if (label.verdict === "unsure") return "unsure_label"
  const settledBefore = before !== null && (before.verdict === "ok" || before.verdict === "ng")
  // Two people judged without knowing of each other and differ: a reviewer decides (nobody is overwritten silently).
  if (settledBefore && !deliberate && before.userId !== label.userId && !isSameJudgement(label, before))
    return "disagreement"
  return null
}

function isSameJudgement(a: Judgement, b: Judgement): boolean {
  return a.verdict === b.verdict && [...a.kinds].sort().join() === [...b.kinds].sort().join()
}
