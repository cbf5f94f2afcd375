import type { Finding } from "#contract/inspection"
import type {
  HelpUse,
  InspectionView,
  LabelRevision,
  LabelTask,
  LabelVerdict,
  NewLabel,
} from "#contract/labelling"
import { boundsOf } from "#contract/outline"
import type { LabelSetup, Question } from "#contract/questions"
import { unanswered } from "#contract/setups"
import { type EditorDocument, newDocument, type Outline, type Shape } from "../../editor/document.ts"
import { roundBox } from "../../editor/geometry.ts"
import { documentOfDrawing, drawingOf, isPlain } from "../../editor/saved.ts"

/** The kind of what has no name. */
export const unknownKind = "unknown"

/** Whether anything says which defect it is. */
export const isNamed = (shapes: readonly Shape[], picked: readonly string[]): boolean =>
  shapes.some((shape) => shape.kind !== unknownKind) || picked.length > 0

/**
 * The model's findings in words of the catalogue: a kind it lacks (an old model, or plain "anomaly") is shown and stored
 * as unknown, because the hub takes no label with a kind nobody has defined.
 */
export const inCatalogue = (findings: readonly Finding[], isKnown: (kind: string) => boolean): Finding[] =>
  findings.map((finding) => (isKnown(finding.kind) ? finding : { ...finding, kind: unknownKind }))

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

/** A stored label as marks on the screen again, and the kinds it names without a mark. */
export function openedLabel(label: LabelRevision): { doc: EditorDocument; kinds: string[] } {
  const doc = label.drawing
    ? documentOfDrawing(label.drawing)
    : newDocument({
        shapes: label.boxes.map(
          ({ kind, box }, i): Shape => ({
            id: `b${i + 1}`,
            kind,
            outline: { type: "box", box },
            by: "person",
            state: "kept",
          }),
        ),
      })
  const marked = new Set(doc.shapes.flatMap(kindsOf))
  return { doc, kinds: label.kinds.filter((kind) => !marked.has(kind)) }
}

const kindsOf = ({ kind, also = [] }: Shape): string[] => [kind, ...also]

/** Boxes that go beside each other on the wire; more of them go as a drawing. */
const mostBoxes = 64

export type Judged = Pick<NewLabel, "kinds" | "boxes" | "accepted" | "drawing">

/**
 * What is stored is what is on the screen. OK carries no defects, only answers about the whole part. Unsure carries what a
 * person has marked, so that the next one need not begin anew. NG carries every mark that is still there, also the model's
 * that nobody touched, and the kinds of the marks and of the panel; with neither it is `unknown`.
 */
export function judge(
  inspection: InspectionView,
  verdict: LabelVerdict,
  doc: EditorDocument,
  picked: readonly string[],
): Judged {
  const opinion = verdict === modelVerdict(inspection)
  if (verdict === "ok") {
    const answered = newDocument({ answers: doc.answers })
    return { kinds: [], ...marksOf(answered), accepted: opinion && isPlain(answered) }
  }
  if (verdict === "unsure") {
    const kept = doc.shapes.filter(({ state }) => state === "kept")
    const ids = new Set(kept.map(({ id }) => id))
    const relations = doc.relations.filter(({ from, to }) => ids.has(from) && ids.has(to))
    const own = newDocument({ shapes: kept, relations, answers: doc.answers })
    return { kinds: [...new Set(kept.flatMap(kindsOf))], ...marksOf(own), accepted: false }
  }
  const named = [...new Set([...doc.shapes.flatMap(kindsOf), ...picked])]
  const kinds = named.length > 0 ? named : [unknownKind]
  const before = suggestedShapes(inspection.findings)
  const untouched =
    isPlain(doc) &&
    before.length === doc.shapes.length &&
    before.every((was) =>
      doc.shapes.some((is) => is.id === was.id && is.kind === was.kind && sameBox(is, was)),
    ) &&
    sameSet(picked, suggestedKinds(inspection.findings))
  return { kinds, ...marksOf(doc), accepted: untouched && opinion }
}

/** Upright boxes alone go as boxes; the hub works them out of a drawing. */
function marksOf(doc: EditorDocument): Pick<NewLabel, "boxes" | "drawing"> {
  if (!isPlain(doc) || doc.shapes.length > mostBoxes) return { boxes: [], drawing: drawingOf(doc) }
  return { boxes: doc.shapes.map((shape) => ({ kind: shape.kind, box: roundBox(boundsOf(shape.outline)) })) }
}

/** By which a label was made: the hub holds its answers to these questions. */
export const namedSetup = ({ product, revision }: LabelSetup) => ({ product, revision })

/** A judgement as the hub takes it. */
export const labelOf = (
  { inspection, lease, criteria: current }: Pick<LabelTask, "inspection" | "lease" | "criteria">,
  said: Pick<NewLabel, "id" | "verdict" | "shown_at" | "decided_at" | "active_ms"> & {
    judged: Judged
    setup: LabelSetup
    criteria?: number | undefined
  },
): NewLabel => {
  const { judged, setup, criteria = current, verdict, ...rest } = said
  return {
    ...rest,
    inspection_id: inspection.id,
    ...(verdict === "withdrawn"
      ? {}
      : {
          lease_id: lease.id,
          base_revision: inspection.label?.revision ?? 0,
          setup: namedSetup(setup),
        }),
    verdict,
    ...judged,
    ...(criteria === undefined ? {} : { criteria }),
  }
}

/** A question that must be answered before NG, of the part or of one of its regions. */
export type Gap = { question: Question; region: string | null }

export function gapIn(questions: readonly Question[], doc: EditorDocument): Gap | null {
  const question = unanswered(questions, "image", doc.answers)
  if (question) return { question, region: null }
  for (const { id, answers } of doc.shapes) {
    const own = unanswered(questions, "region", answers)
    if (own) return { question: own, region: id }
  }
  return null
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

/** What somebody, or something, says of a part as a whole. */
export type Advice = { verdict: "ok" | "ng"; kinds: readonly string[] }

/** What most people said of parts that look alike; null when they were not of one mind. */
export function adviceOfParts({
  ok,
  ng,
  unsure,
  kinds,
}: {
  ok: number
  ng: number
  unsure: number
  kinds: readonly { kind: string; parts: number }[]
}): Advice | null {
  const all = ok + ng + unsure
  if (ok * 2 > all) return { verdict: "ok", kinds: [] }
  if (ng * 2 > all)
    return { verdict: "ng", kinds: kinds.filter(({ parts }) => parts * 2 > ng).map(({ kind }) => kind) }
  return null
}

export function adviceOfModel(said: Pick<InspectionView, "verdict" | "findings">): Advice | null {
  const { eval: evaluation } = said.verdict
  if (evaluation === "ok") return { verdict: "ok", kinds: [] }
  const kinds = [...new Set(said.findings.map(({ kind }) => kind))]
  return evaluation === "ng" || kinds.length > 0 ? { verdict: "ng", kinds } : null
}

/** What became of advice that a person was shown. */
export function takenOf(advice: Advice, verdict: string, kinds: readonly string[]): HelpUse["taken"] {
  if (verdict !== advice.verdict) return "no"
  return sameSet([...new Set(kinds)], advice.kinds) ? "as_is" : "changed"
}

export type Offer = { outline: Outline; taps: number }

/**
 * What became of the outlines an assistant made: left as the first tap gave them, changed (by hand or by more taps), or
 * taken away again. Of several the least friendly mixture counts as changed.
 */
export function helpOf(offered: ReadonlyMap<string, Offer>, shapes: readonly Shape[]): HelpUse[] {
  if (offered.size === 0) return []
  const fates = [...offered].map(([id, { outline, taps }]) => {
    const shape = shapes.find((other) => other.id === id)
    if (!shape) return "no"
    return shape.outline === outline && taps === 1 ? "as_is" : "changed"
  })
  const [first = "no"] = fates
  return [{ tool: "segment", taken: fates.every((fate) => fate === first) ? first : "changed" }]
}
