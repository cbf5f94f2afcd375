/** One thing that goes wrong in a plant, done on purpose to the real programs and judged by what is left afterwards. */
export type Fault = {
  /** Number in the list of faults; several lines may share one. */
  readonly id: string
  readonly name: string
  /** Why it cannot be done on this machine; undefined where it can. */
  readonly impossible?: () => string | undefined
  /** `rounds` is how often, or how much. */
  readonly run: (at: FaultRun) => Promise<Outcome>
  /** Rounds in the ordinary test suite; 0 where even one takes too long for every run. */
  readonly quickRounds: number
  readonly longRounds: number
}

export type FaultRun = { readonly seed: number; readonly rounds: number; readonly folder: string }

/** What was left. `problems` are sentences; none means that the promise was kept. */
export type Outcome = {
  readonly done: string
  readonly acknowledged: number
  readonly stored: number
  readonly lost: number
  readonly duplicates: number
  readonly problems: readonly string[]
}

export type Verdict = Outcome & { readonly fault: Fault; readonly seed: number; readonly seconds: number }

/** The table at the end of `bun run faults`. */
export function faultTable(verdicts: readonly Verdict[]): string {
  const line = (v: Verdict) =>
    `| ${v.fault.id} ${v.fault.name} | ${v.seed} | ${v.done} | ${v.acknowledged} | ${v.stored} | ${v.lost} | ${v.duplicates} | ${v.seconds.toFixed(0)} s | ${v.problems.length === 0 ? "kept" : `**BROKEN**: ${v.problems[0]}`} |`
  return [
    "| fault | seed | what was done | acknowledged | stored | lost | twice | time | verdict |",
    "|---|---:|---|---:|---:|---:|---:|---:|---|",
    ...verdicts.map(line),
  ].join("\n")
}
