/**
 * One line of the benchmark table. `reference` is what the same machine does at best in the same run; `ratio` says how
 * near we come to it: 1 is all there is, also where less is better (`loop time`).
 */
export type BenchRow = {
  name: string
  value: number
  unit: string
  reference: number
  ratio: number
  against: string
}

/** A row of rates (more is better) from rounds measured turn by turn: medians, and their ratio. */
export function row(name: string, unit: string, rounds: Rounds, against: string): BenchRow {
  const [value, reference] = [median(rounds.ours), median(rounds.reference)]
  return { name, value, unit, reference, ratio: value / reference, against }
}

export type Rounds = { reference: number[]; ours: number[] }

/** Measures both turn by turn, so that whatever else the machine does slows both. */
export async function inTurns(
  count: number,
  measure: { reference: () => Promise<number>; ours: () => Promise<number> },
): Promise<Rounds> {
  const rounds: Rounds = { reference: [], ours: [] }
  for (let round = 0; round < count; round++) {
    rounds.reference.push(await measure.reference())
    rounds.ours.push(await measure.ours())
  }
  return rounds
}

/** The middle value (the upper of two); 0 for none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
