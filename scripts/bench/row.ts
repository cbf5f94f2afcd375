/** One line of the benchmark table. `reference` is what the same machine does at best in the same run; `ratio` = value / reference. */
export type BenchRow = {
  name: string
  value: number
  unit: string
  reference: number
  ratio: number
  against: string
}

export function row(name: string, value: number, unit: string, reference: number, against: string): BenchRow {
  return { name, value, unit, reference, ratio: value / reference, against }
}
