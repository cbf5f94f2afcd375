import type { Grouping } from "#contract/dataset"
import type { LabelledPart } from "./dataset.service.ts"
import type { FrozenSample, ReferenceImage } from "./dataset.store.ts"
import { type Candidate, type Placement, placeCandidates, type Source, type Split } from "./split.rules.ts"
import { type JudgedCount, weighParts } from "./weight.rules.ts"

type Upload = Candidate & Omit<FrozenSample, "split" | "group"> & { at: number }

/** Pictures of one station within a minute are one burst. */
const burstMs = 60_000

/** Everything labelled with the side it stands on, as a version would hold it. Pure: equal input, equal sets. */
export function placeLabelled({
  references,
  parts,
  judged,
  assigned,
  drawn,
  grouping,
}: {
  references: readonly ReferenceImage[]
  parts: readonly LabelledPart[]
  judged: readonly JudgedCount[]
  assigned: ReadonlyMap<string, Split>
  drawn: ReadonlyMap<string, number>
  grouping: Grouping
}): Placement<Upload> & { samples: FrozenSample[] } {
  const candidates = newestPerImage([...uploads(references), ...fromLine(parts, judged, grouping)])
  const keepsGolden = candidates.some((c) => c.source === "golden")
  const placement = placeCandidates(candidates, assigned, drawn, keepsGolden)
  const samples = placement.placed.map(({ candidate: c, split, group }): FrozenSample => {
    const { id, image, mime, w, h, size, product, label, said } = c
    const weight = split === "golden" ? 1 : c.weight
    const sample = { id, image, mime, w, h, size, product, label, split, group, weight }
    return said ? { ...sample, said } : sample
  })
  return { ...placement, samples }
}

const uploads = (references: readonly ReferenceImage[]): Upload[] =>
  references.map(({ pool, addedAt, addedBy, ...r }) => ({
    ...r,
    source: pool satisfies Source,
    weight: 1,
    verdict: r.label.verdict,
    kinds: r.label.kinds,
    at: addedAt,
    said: { by: addedBy, at: addedAt },
  }))

const fromLine = (
  parts: readonly LabelledPart[],
  judged: readonly JudgedCount[],
  grouping: Grouping,
): Upload[] => {
  const weights = weighParts(parts, judged)
  // Written out: a hundred thousand copies of "all the rest" take longer than everything else here.
  return parts.map((p, i): Upload => {
    const upload: Upload = {
      id: p.inspectionId,
      image: p.image.sha256,
      mime: p.image.mime,
      w: p.image.w,
      h: p.image.h,
      size: p.image.size,
      part: p.partId,
      product: p.productId,
      source: "line",
      label: p.label,
      verdict: p.label.verdict,
      kinds: p.label.kinds,
      weight: weights[i]!,
      at: p.labelledAt,
    }
    const together = togetherOf(p, grouping)
    if (together !== undefined) upload.together = together
    if (p.labelledBy !== undefined) upload.said = { by: p.labelledBy, at: p.labelledAt }
    return upload
  })
}

/** The name of what a part must not be parted from. */
function togetherOf(
  part: Pick<LabelledPart, "lot" | "device" | "capturedAt">,
  grouping: Grouping,
): string | undefined {
  if (grouping === "lot") return part.lot ? `lot:${part.lot}` : undefined
  if (grouping === "burst") return `burst:${part.device ?? ""}:${Math.floor(part.capturedAt / burstMs)}`
  return undefined
}

/** One picture, one truth: the newest statement counts, an adjudicated golden one before all. */
function newestPerImage(candidates: readonly Upload[]): Upload[] {
  const byImage = new Map<string, Upload>()
  const rank = (u: Upload) => (u.source === "golden" ? Number.MAX_SAFE_INTEGER : u.at)
  for (const candidate of candidates) {
    const known = byImage.get(candidate.image)
    if (
      !known ||
      rank(candidate) > rank(known) ||
      (rank(candidate) === rank(known) && candidate.id > known.id)
    )
      byImage.set(candidate.image, candidate)
  }
  return [...byImage.values()]
}
