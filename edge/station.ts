import type { InspectionHeader, Timing } from "#contract/inspection"
import type { Log } from "#platform/log"
import type { Picture } from "./inspector.ts"
import type { Live } from "./live.ts"
import type { Output } from "./outputs/output.ts"
import type { Recorder } from "./recorder.ts"
import type { Statistics } from "./statistics.ts"

/** One triggered picture. `at` and `triggered` are the same instant on the wall clock and on `performance.now()`. */
export type Shot = {
  picture: Picture
  id: string
  at: number
  triggered: number
  capture_ms?: number
  part: Pick<InspectionHeader, "part_id" | "product_id" | "recipe_id" | "job_id" | "simulated">
}

export type StationDeps = {
  shots: AsyncIterable<Shot>
  live: Live
  output: Output
  recorder: Recorder
  statistics: Statistics
  log: Log
}

/**
 * The inspection loop: picture, verdict, signal, record, next. It waits for the camera and the model alone, never
 * for disk, hub or network. Resolves when the camera has no more pictures.
 */
export async function runStation({ shots, live, output, recorder, statistics, log }: StationDeps) {
  for await (const shot of shots) {
    const { verdict, findings, timing, model } = await live.inspect(shot.picture)
    const e2e = performance.now() - shot.triggered
    try {
      await output.signal({ id: shot.id, part_id: shot.part.part_id }, verdict)
    } catch (error) {
      // The line's own watchdog stops an unsignalled part; losing the record as well would hide it.
      log.error("output_failed", { id: shot.id, why: String(error) })
    }
    statistics.add(verdict.eval, e2e)
    recorder.record(
      {
        v: 1,
        id: shot.id,
        ts: shot.at,
        ...shot.part,
        verdict,
        findings,
        ...(model && { model }),
        timing: rounded({ ...timing, capture: shot.capture_ms, e2e }),
      },
      shot.picture,
    )
  }
}

/** Hundredths of a millisecond: more digits would be noise in every record. */
function rounded(times: { [K in keyof Timing]: Timing[K] | undefined }): Timing {
  const known = Object.entries(times).filter((entry): entry is [string, number] => entry[1] !== undefined)
  return Object.fromEntries(known.map(([name, ms]) => [name, Math.round(ms * 100) / 100]))
}
