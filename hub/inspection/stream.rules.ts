import { createHash } from "node:crypto"
import type { InspectionHeader } from "#contract/inspection"
import type { QueueReason } from "#contract/labelling"

/** Steps of uncertainty: 0 where the model is sure, `topBand` where it cannot decide. */
export const topBand = 7

/** What parts have in common that wait in one stream: one of them is worth as much as the next. */
export type Stream = {
  /** The line of the model that looked; '' without one. */
  line: string
  reason: QueueReason
  /** 1: nobody has judged it. 2: a second look, by someone who reviews. */
  look: 1 | 2
  band: number
  /** The kind the model is surest of; '' when it names none. */
  kind: string
  /** How early the part was picked for looking unlike what has been judged, 1 to `topSpread`; 0: not at all. */
  spread: number
}

/** What the hub knows beside the part itself when it puts one into the queue. */
export type Placing = {
  /** Whether the catalogue has a kind: all others are one, so that a camera that invents names makes no thousand streams. */
  hasKind(kind: string): boolean
  /** The share of a line's parts that the hub draws at random, whatever the model says. */
  hubAudit(line: string): number
  /** The share of OK parts that a station draws at random; null when the hub does not know. */
  stationAudit(device: string): number | null
}

/** Second looks that no label asks for. */
const secondLooks: readonly QueueReason[] = ["second_opinion", "skipped"]

/** The stream of a part as it is stored. An audit part's holds nothing a model said: its order must not lean. */
export function streamOf(
  header: InspectionHeader,
  reason: QueueReason,
  labelled: boolean,
  hasKind: (kind: string) => boolean,
): string {
  const look = labelled || secondLooks.includes(reason) ? 2 : 1
  const blind = reason === "audit"
  return JSON.stringify([
    header.model?.line ?? "",
    reason,
    look,
    blind ? 0 : bandOf(header),
    blind ? "" : kindOf(header, hasKind),
  ])
}

/** Keys seen so far: there are some hundreds, and every draw asks what each of them stands for. */
const parsed = new Map<string, Stream>()
const mostParsed = 10_000

export function parseStream(key: string): Readonly<Stream> {
  const known = parsed.get(key)
  if (known) return known
  if (parsed.size >= mostParsed) parsed.clear()
  const stream = read(key)
  parsed.set(key, stream)
  return stream
}

function read(key: string): Stream {
  const [line, reason, look, band, kind, spread = 0] = JSON.parse(key) as [
    ...[line: string, reason: QueueReason, look: 1 | 2, band: number, kind: string],
    spread?: number,
  ]
  return { line, reason, look, band, kind, spread }
}

/**
 * The stream of a part that is picked for how it looks, or no more (0). Audit parts and second looks stay where they are:
 * nothing that a picture shows may lean the one, and the other has been looked at.
 */
export function spreadStream(key: string, spread: number): string {
  const { line, reason, look, band, kind } = parseStream(key)
  const plain = [line, reason, look, band, kind]
  return JSON.stringify(spread > 0 && reason !== "audit" && look === 1 ? [...plain, spread] : plain)
}

/** How near the model was to not deciding, in steps: from the threshold outwards to the end of the scale. */
function bandOf({
  verdict: { eval: evaluation, score, t_low = 0.5, t_high = 0.5 },
}: InspectionHeader): number {
  if (evaluation === "undecidable" || evaluation === "undefined") return topBand
  if (score === undefined) return 0
  if (score < t_low) return Math.round(topBand * Math.max(0, score / t_low))
  if (score > t_high) return Math.round(topBand * Math.max(0, (1 - score) / (1 - t_high)))
  return topBand
}

function kindOf({ findings }: InspectionHeader, hasKind: (kind: string) => boolean): string {
  const surest = findings.reduce<(typeof findings)[number] | undefined>(
    (best, finding) => (best && best.score >= finding.score ? best : finding),
    undefined,
  )
  if (!surest) return ""
  return hasKind(surest.kind) ? surest.kind : "unknown"
}

/**
 * Whether chance picks a part for the audit slice, and with which probability. The hub's coin falls by the part's id, so
 * that a part which comes twice falls the same way; the station's has fallen before it looked at the score.
 */
export function auditChance(
  { id, policy }: InspectionHeader,
  hubShare: number,
  stationShare: () => number | null,
): { hub: boolean; probability: number | null } {
  if (hubShare > 0 && coinOf(id) < hubShare) return { hub: true, probability: hubShare }
  return { hub: false, probability: policy.why_sent === "audit" ? stationShare() : null }
}

/** A number in [0, 1) that is the same for the same id. */
const coinOf = (id: string): number => createHash("sha256").update(id).digest().readUIntBE(0, 6) / 2 ** 48
