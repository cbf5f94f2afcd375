import type { Evaluation } from "#contract/inspection"

/** Two resizers differ by a little; a model that is fed or read differently differs by much. */
const mostApart = 0.02

type Said = { name: string; score: number; eval: Evaluation }
type Heard = { score: number | null; eval: Evaluation; code?: string }

/**
 * Whether the hub hears from a model what its trainer heard: the first picture on which it does not, in words; null when
 * all agree. A verdict may differ only where the score lies that near to a threshold.
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
  }
  return null
}
