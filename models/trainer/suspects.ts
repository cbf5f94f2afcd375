import type { Suspect } from "#contract/training"

/** What a model that never saw a part makes of it, beside what people said. `classes[0]` is OK. */
export type HonestLook = {
  sample: string
  /** Places among the classes; more than one where several kinds were labelled. */
  given: readonly number[]
  probabilities: readonly number[]
}

/** With fewer parts of a class nobody can tell what is usual for it. */
const leastOfClass = 5
/** So many labels in a hundred are doubted at most, and a few in any case: the second look costs people's time. */
const mostShare = 0.05
const mostInAnyCase = 3

/**
 * Labels that are likely wrong, after confident learning: a model is confident of a class where it gives it at least the
 * probability that it gives it, on average, to parts so labelled. Where it is confident of another class than the label
 * and surer of it than of the label, the label is doubted; the widest differences first.
 */
export function suspectsOf(classes: readonly string[], looks: readonly HonestLook[]): Suspect[] {
  const usual = classes.map((_, c) => {
    const own = looks.filter(({ given }) => given.length === 1 && given[0] === c)
    const sum = own.reduce((total, { probabilities }) => total + probabilities[c]!, 0)
    return own.length >= leastOfClass ? sum / own.length : null
  })
  const doubted = looks.flatMap((look) => {
    const { sample, given, probabilities } = look
    // Of a kind with few parts the model knows little: that it does not recognise one says nothing.
    if (given.some((c) => usual[c] === null)) return []
    const p_given = given.reduce((sum, c) => sum + probabilities[c]!, 0)
    const said = classes.reduce<number | null>((best, _, c) => {
      const limit = usual[c] ?? null
      if (limit === null || given.includes(c) || probabilities[c]! < limit) return best
      return best !== null && probabilities[best]! >= probabilities[c]! ? best : c
    }, null)
    if (said === null || probabilities[said]! <= p_given) return []
    const p_said = probabilities[said]!
    const suspect: Suspect = {
      sample,
      given: given.filter((c) => c > 0).map((c) => classes[c]!),
      said: said === 0 ? null : classes[said]!,
      p_given: rounded(p_given),
      p_said: rounded(p_said),
    }
    return [{ suspect, margin: p_said - p_given }]
  })
  const most = Math.max(mostInAnyCase, Math.floor(looks.length * mostShare))
  return doubted
    .sort((a, b) => b.margin - a.margin || (a.suspect.sample < b.suspect.sample ? -1 : 1))
    .slice(0, most)
    .map(({ suspect }) => suspect)
}

const rounded = (p: number) => Math.min(1, Math.max(0, Number(p.toFixed(3))))
