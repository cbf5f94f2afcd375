import type { LabelBox, LabelVerdict } from "#contract/labelling"
import type { ReviewCase } from "#contract/review"

export type Opinion = {
  key: string
  what: "newest" | "earlier" | "second" | "model" | "reference"
  by: string | null
  verdict: LabelVerdict | "undecidable" | "undefined"
  kinds: readonly string[]
  boxes: readonly LabelBox[]
}

/**
 * What everybody said of a part, the newest label first. Of each person only their last word stands; the model's and
 * the known answer come at the end, so that they do not lead the eye.
 */
export function opinionsOf(found: ReviewCase): Opinion[] {
  const { revisions, seconds, reference, inspection } = found
  const last = revisions.at(-1)
  const lastWords = new Map(revisions.map((revision) => [revision.by.id, revision]))
  const labels = [...lastWords.values()].sort((a, b) => b.revision - a.revision)
  return [
    ...labels.flatMap(({ id, by, verdict, kinds, boxes }): Opinion[] =>
      verdict === "withdrawn"
        ? []
        : [{ key: id, what: id === last?.id ? "newest" : "earlier", by: by.name, verdict, kinds, boxes }],
    ),
    ...seconds.map(
      ({ by, verdict, kinds, boxes }): Opinion => ({
        key: `second ${by.id}`,
        what: "second",
        by: by.name,
        verdict,
        kinds,
        boxes,
      }),
    ),
    {
      key: "model",
      what: "model",
      by: null,
      verdict: inspection.verdict.eval,
      kinds: [...new Set(inspection.findings.map(({ kind }) => kind))],
      boxes: inspection.findings.flatMap(({ kind, box }) => (box ? [{ kind, box }] : [])),
    },
    ...(reference
      ? [{ key: "reference", what: "reference" as const, by: null, ...reference, boxes: [] }]
      : []),
  ]
}

/** What an opinion comes to as a label; null when it is no verdict. Kinds the catalogue lacks are unknown ones. */
export function labelOf(opinion: Opinion, isKnown: (kind: string) => boolean) {
  if (opinion.verdict === "ok") return { verdict: "ok" as const, kinds: [], boxes: [] }
  if (opinion.verdict !== "ng") return null
  const name = (kind: string) => (isKnown(kind) ? kind : "unknown")
  const boxes = opinion.boxes.map(({ kind, box }) => ({ kind: name(kind), box }))
  const kinds = [...new Set([...opinion.kinds.map(name), ...boxes.map(({ kind }) => kind)])]
  return { verdict: "ng" as const, kinds: kinds.length > 0 ? kinds : ["unknown"], boxes }
}
