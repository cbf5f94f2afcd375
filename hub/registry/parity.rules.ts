import type { Box, Evaluation, Finding } from "#contract/inspection"

/** Two resizers differ by a little; a model that is fed or read differently differs by much. */
const mostApart = 0.02
/** Boxes that share less of their area than this are not around the same thing. */
const leastOverlap = 0.5
/** Readers give no more than these: of two full lists the ends need not be the same. */
const mostFindings = 64

/** What a trainer heard from its model about a picture. */
export type Said = {
  name: string
  score: number
  eval: Exclude<Evaluation, "undefined">
  /** Absent when it does not say. */
  findings?: readonly Finding[]
}
type Heard = { score: number | null; eval: Evaluation; code?: string; findings: readonly Finding[] }

/**
 * Whether the hub hears from a model what its trainer heard: the first picture on which it does not, in words; null when
 * all agree. A verdict may differ only where the score lies that near to a threshold; so may what was found.
 */
export function disagreement(
  said: readonly Said[],
  heard: readonly Heard[],
  { t_low, t_high }: { t_low: number; t_high: number },
): string | null {
  for (const [i, theirs] of said.entries()) {
    const ours = heard[i]
    if (ours?.score === null || ours?.score === undefined)
      return `${theirs.name}: the model says nothing here (${ours?.code ?? ours?.eval ?? "missing"})`
    const figures = `${theirs.score.toFixed(4)} at the trainer, ${ours.score.toFixed(4)} here`
    if (!(Math.abs(ours.score - theirs.score) <= mostApart)) return `${theirs.name}: ${figures}`
    const near = [t_low, t_high].some((edge) => Math.abs(theirs.score - edge) <= mostApart)
    if (ours.eval !== theirs.eval && !near)
      return `${theirs.name}: ${theirs.eval} at the trainer, ${ours.eval} here (${figures})`
    // A part that is OK is told without what was found on it.
    if (!theirs.findings || ours.eval === "ok" || theirs.eval === "ok") continue
    const lonely =
      missingFrom(ours.findings, theirs.findings, t_low) ?? missingFrom(theirs.findings, ours.findings, t_low)
    if (lonely)
      return `${theirs.name}: ${worded(lonely)} was found ${theirs.findings.includes(lonely) ? "at the trainer, and not here" : "here, and not at the trainer"}`
  }
  return null
}

/** The first finding of `these` that has no fellow among `others`, though it is clearly above the threshold. */
function missingFrom(
  others: readonly Finding[],
  these: readonly Finding[],
  t_low: number,
): Finding | undefined {
  const full = [these, others].flatMap((list) =>
    list.length >= mostFindings ? [Math.min(...list.map(({ score }) => score))] : [],
  )
  const floor = Math.max(t_low, ...full) + mostApart
  return these.find((one) => one.score > floor && !others.some((other) => isSame(one, other)))
}

function isSame(a: Finding, b: Finding): boolean {
  if (a.kind !== b.kind || Math.abs(a.score - b.score) > mostApart) return false
  return a.box === undefined || b.box === undefined ? a.box === b.box : overlap(a.box, b.box) >= leastOverlap
}

function overlap([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const w = Math.min(ax + aw, bx + bw) - Math.max(ax, bx)
  const h = Math.min(ay + ah, by + bh) - Math.max(ay, by)
  if (w <= 0 || h <= 0) return 0
  return (w * h) / (aw * ah + bw * bh - w * h)
}

const worded = ({ kind, score, box }: Finding) =>
  `${kind} of ${score.toFixed(2)}${box ? ` at ${box.map((value) => Math.round(value)).join(", ")}` : ""}`
