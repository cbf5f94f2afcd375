import type { Finding } from "#contract/inspection"
import type { InspectionView, LabelVerdict, NewLabel } from "#contract/labelling"
import { boundsOf } from "#contract/outline"
import type { Shape } from "../../editor/document.ts"
import { roundBox } from "../../editor/geometry.ts"

/**
 * The model's findings in words of the catalogue: a kind it lacks (an old model, or plain "anomaly") is shown and stored
 * as unknown, because the hub takes no label with a kind nobody has defined.
 */
export const inCatalogue = (findings: readonly Finding[], isKnown: (kind: string) => boolean): Finding[] =>
  findings.map((finding) => (isKnown(finding.kind) ? finding : { ...finding, kind: "unknown" }))

/** The model's boxes as suggestions on the canvas. */
export function suggestedShapes(findings: readonly Finding[]): Shape[] {
  return findings.flatMap((finding, i): Shape[] =>
    finding.box
      ? [
          {
            id: `m${i + 1}`,
            kind: finding.kind,
            outline: { type: "box", box: finding.box },
            by: "model",
            state: "suggested",
            score: finding.score,
          },
        ]
      : [],
  )
}

/** Kinds the model named without saying where. */
export const suggestedKinds = (findings: readonly Finding[]): string[] => [
  ...new Set(findings.filter((finding) => !finding.box).map((finding) => finding.kind)),
]

/** What the model would have said, as a label; null when it has no opinion a person could take over. */
export function modelVerdict(inspection: InspectionView): "ok" | "ng" | null {
  const { eval: evaluation } = inspection.verdict
  if (evaluation === "ok" || evaluation === "ng") return evaluation
  return inspection.findings.length > 0 ? "ng" : null
}

const sameSet = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((value) => b.includes(value))

/** Boxes of the model are the same ones for as long as nobody touches them. */
const sameBox = (a: Shape, b: Shape) =>
  a.outline.type === "box" && b.outline.type === "box" && a.outline.box === b.outline.box && !a.outline.angle

export type Judged = Pick<NewLabel, "kinds" | "boxes" | "accepted">

/**
 * What is stored is what is on the screen. OK and unsure carry no defects. NG carries every box that is still there,
 * also the model's that nobody touched, and the kinds of the boxes and of the panel; with neither it is `unknown`.
 */
export function judge(
  inspection: InspectionView,
  verdict: LabelVerdict,
  shapes: readonly Shape[],
  picked: readonly string[],
): Judged {
  if (verdict !== "ng") return { kinds: [], boxes: [], accepted: verdict === modelVerdict(inspection) }
  const boxes = shapes.map((shape) => ({ kind: shape.kind, box: roundBox(boundsOf(shape.outline)) }))
  const named = [...new Set([...boxes.map((box) => box.kind), ...picked])]
  const kinds = named.length > 0 ? named : ["unknown"]
  const before = suggestedShapes(inspection.findings)
  const untouched =
    before.length === shapes.length &&
    before.every((was) =>
      shapes.some((is) => is.id === was.id && is.kind === was.kind && sameBox(is, was)),
    ) &&
    sameSet(picked, suggestedKinds(inspection.findings))
  return { kinds, boxes, accepted: untouched && modelVerdict(inspection) === "ng" }
}

/** A machine name for a kind a worker has just named; `taken` are the keys that exist. */
export function keyForKind(name: string, other: string, taken: readonly string[]): string {
  const latin = [other, name]
    .map((text) =>
      text
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .slice(0, 32),
    )
    .find((text) => text !== "")
  const base = latin ?? "kind"
  if (latin !== undefined && !taken.includes(base)) return base
  for (let i = 2; ; i++) if (!taken.includes(`${base}-${i}`)) return `${base}-${i}`
}
