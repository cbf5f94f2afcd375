/** How a part came before people: what the model that judged it had said. */
export type Stratum = { model: string | null; eval: string }

/** Parts that came off the line in each stratum, labelled or not. */
export type JudgedCount = Stratum & { parts: number }

const keyOf = ({ model, eval: said }: Stratum) => `${model ?? ""}/${said}`

/**
 * How many parts of the line each labelled part stands for, on average 1 (post-stratification). People are shown what
 * the model doubts first and of what it passed only an audited share, so labelled parts are odder than the line: taken
 * as they are, they would put the limit of "OK" far above where it belongs. Two significant digits, so that a few parts
 * more on the line do not make another set.
 */
export function weighParts(labelled: readonly Stratum[], judged: readonly JudgedCount[]): number[] {
  const seen = new Map<string, number>()
  for (const part of labelled) seen.set(keyOf(part), (seen.get(keyOf(part)) ?? 0) + 1)
  const parts = new Map(judged.map((count) => [keyOf(count), count.parts]))
  const raw = labelled.map((part) => Math.max(1, (parts.get(keyOf(part)) ?? 0) / seen.get(keyOf(part))!))
  const mean = raw.reduce((sum, weight) => sum + weight, 0) / raw.length
  return raw.map((weight) => Number((weight / mean).toPrecision(2)))
}
