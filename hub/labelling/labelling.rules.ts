import type { Outline } from "#contract/drawing"
import type { LabelBox, NewLabel, QueueReason, StoredImage } from "#contract/labelling"
import { boundsOf } from "#contract/outline"

/** Long enough for a hard part and a coffee; short enough that a tablet left behind holds nothing up. */
export const leaseMs = 5 * 60_000
/** A part laid in for work without the network: about as long as a row of 24 takes a careful person. */
export const stockLeaseMs = 20 * 60_000
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
  | "region_outside"
  | "mask_size"

/** What is wrong with a label as such, or null. The catalogue and the part's state are not looked at. */
export function labelFault(
  label: Pick<NewLabel, "verdict" | "kinds" | "boxes" | "drawing">,
  image: StoredImage | null,
): LabelFault | null {
  const regions = label.drawing?.regions ?? []
  const empty = label.kinds.length === 0 && label.boxes.length === 0 && regions.length === 0
  if (label.verdict === "ok" && !empty) return "ok_with_kinds"
  if (label.verdict === "withdrawn" && !empty) return "withdrawn_with_content"
  if (label.verdict === "ng" && label.kinds.length === 0) return "ng_without_kind"
  if (label.boxes.some(({ kind }) => !label.kinds.includes(kind))) return "box_kind"
  if (label.boxes.some((box) => !image || !isInside(box, image))) return "box_outside"
  if (regions.some(({ outline }) => !image || !isOn(outline, image))) return "region_outside"
  if (regions.some(({ outline }) => outline.type === "mask" && !isSize(outline.size, image)))
    return "mask_size"
  return null
}

/** A turned box or ellipse may stand over the edge as long as its middle is on the image. */
function isOn(outline: Outline, image: StoredImage): boolean {
  const [x, y, w, h] = boundsOf(outline)
  const edge = EDGE_TOLERANCE_PX
  if ((outline.type === "box" || outline.type === "ellipse") && outline.angle)
    return (
      x + w / 2 >= -edge && y + h / 2 >= -edge && x + w / 2 <= image.w + edge && y + h / 2 <= image.h + edge
    )
  // A mask is held to the size of the image instead.
  if (outline.type === "mask") return true
  return x >= -edge && y >= -edge && x + w <= image.w + edge && y + h <= image.h + edge
}

const isSize = ([h, w]: readonly [number, number], image: StoredImage | null) =>
  image?.h === h && image.w === w

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
