/** What `crux demo --headless --json` prints; rates are shares of 1, times in seconds. */
export type DemoFigures = {
  seed: number
  material: string
  stations: number
  /** First sight of the new kind → a model that knows it committed on every station. */
  loop_seconds: number
  new_kind: string
  /** Decisions people had made when the training of the model that closed the loop began. */
  labels_used: number
  /** On parts no training and no gate has seen: all NG parts, and those of the new kind alone. */
  escape_before: number
  escape_after: number
  overkill_before: number
  overkill_after: number
  undecidable_before: number
  undecidable_after: number
  auroc_before: number
  auroc_after: number
  new_kind_escape_before: number
  new_kind_escape_after: number
  unseen_ok: number
  unseen_ng: number
  /** Trigger to verdict at the stations, milliseconds. */
  latency_p50_ms: number
  latency_p99_ms: number
  inspections: number
  stored: number
  lost: number
  duplicates: number
  refused_candidates: number
  champion_before: string
  champion_after: string
  committed: string[]
  seconds: number
}

/** What must hold for exit 0. Empty when all is well. */
export function failuresOf(figures: DemoFigures): string[] {
  const failures: string[] = []
  if (figures.committed.length !== figures.stations)
    failures.push(`the new model is committed on ${figures.committed.length} of ${figures.stations} stations`)
  if (figures.lost !== 0) failures.push(`${figures.lost} inspections were lost`)
  if (figures.duplicates !== 0) failures.push(`${figures.duplicates} inspections were stored twice`)
  if (figures.champion_before === figures.champion_after)
    failures.push("the champion is still the first model")
  return failures
}

const percent = (share: number) => `${(share * 100).toFixed(1)} %`

/** The figures as a person reads them. */
export function tellFigures(f: DemoFigures): string {
  return [
    `loop time ${f.loop_seconds.toFixed(1)} s with ${f.labels_used} labels (new kind: ${f.new_kind})`,
    `on ${f.unseen_ok} OK and ${f.unseen_ng} NG parts nobody has seen:`,
    `  escape      ${percent(f.escape_before)} → ${percent(f.escape_after)}   (new kind ${percent(f.new_kind_escape_before)} → ${percent(f.new_kind_escape_after)})`,
    `  overkill    ${percent(f.overkill_before)} → ${percent(f.overkill_after)}`,
    `  undecidable ${percent(f.undecidable_before)} → ${percent(f.undecidable_after)}`,
    // A line that goes on has parts under way and was not counted.
    ...(f.inspections > 0
      ? [`${f.inspections} inspections on ${f.stations} stations, ${f.lost} lost, ${f.duplicates} duplicates`]
      : []),
  ].join("\n")
}
