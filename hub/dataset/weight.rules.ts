/** How a part came before people: what the model that judged it had said. */
export type Stratum = { model: string | null; eval: string }

/** Parts that came off the line in each stratum, labelled or not. */
export type JudgedCount = Stratum & { parts: number }

/**
 * How many parts of the line each labelled part stands for, on average 1 (post-stratification). People are shown what
 * the model doubts first and of what it passed only an audited share, so labelled parts are odder than the line: taken
 * as they are, they would put the limit of "OK" far above where it belongs. Two significant digits, so that a few parts
 * more on the line do not make another set.
 */
export function weighParts(labelled: readonly Stratum[], judged: readonly JudgedCount[]): number[] {
  const strata = new Map<string, { seen: number; parts: number; raw: number; weight: number }>()
  const stratumOf = ({ model, eval: said }: Stratum) => {
    const key = `${model ?? ""}/${said}`
    let stratum = strata.get(key)
    if (!stratum) {
      stratum = { seen: 0, parts: 0, raw: 0, weight: 0 }
      strata.set(key, stratum)
    }
    return stratum
  }
  for (const count of judged) stratumOf(count).parts = count.parts
  const strataOf = labelled.map(stratumOf)
  for (const stratum of strataOf) stratum.seen++
  for (const stratum of strata.values()) stratum.raw = Math.max(1, stratum.parts / stratum.seen)
  const mean = strataOf.reduce((sum, { raw }) => sum + raw, 0) / strataOf.length
  for (const stratum of strata.values()) stratum.weight = Number((stratum.raw / mean).toPrecision(2))
  return strataOf.map(({ weight }) => weight)
}
