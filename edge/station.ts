import type { InspectionHeader, Timing } from "#contract/inspection"
import type { Log } from "#platform/log"
import type { Picture } from "./inspector.ts"
import type { Live } from "./live.ts"
import type { Output } from "./outputs/output.ts"
import type { Recorder } from "./recorder.ts"
import type { Shadow } from "./shadow/shadow.ts"
import type { Statistics } from "./statistics.ts"

/** One triggered picture, or the code of why there is none. `at` and `triggered` are the same instant on the wall clock and on `performance.now()`. */
export type Shot = {
  picture: Picture | { missing: string }
  id: string
  at: number
  triggered: number
  capture_ms?: number
  part: Pick<InspectionHeader, "part_id" | "product_id" | "recipe_id" | "job_id" | "simulated">
}

export type StationDeps = {
  shots: AsyncIterable<Shot>
  live: Live
  /** The model on the line has yet to prove itself. */
  onTrial: () => boolean
  output: Output
  recorder: Recorder
  /** A second model that looks when everything is said. */
  shadow: Pick<Shadow, "look">
  statistics: Statistics
  log: Log
}

/**
 * Parts under way at once. A line slower than the model never has more than one; where frames wait, the next is
 * prepared while the model looks at the one before. A model on trial gets them one by one: its first failure takes it
 * off the line, and must not cost more than that part.
 */
const mostUnderWay = 3
const mostOnTrial = 1

/**
 * The inspection loop: picture, verdict, signal, record, next. It waits for the camera and the model alone, never
 * for disk, hub or network; signals and records keep the order of the parts. Resolves when the camera has no more
 * pictures and the last part is recorded.
 */
export async function runStation(deps: StationDeps) {
  const { shots, live, onTrial, output, recorder, shadow, statistics, log } = deps
  const underWay: Promise<void>[] = []
  for await (const shot of shots) {
    while (underWay.length >= (onTrial() ? mostOnTrial : mostUnderWay)) await underWay.shift()
    output.begin()
    underWay.push(finish(shot, judge(shot), underWay.at(-1)))
  }
  await underWay.at(-1)

  function judge({ picture, part }: Shot): ReturnType<Live["inspect"]> {
    if (!("missing" in picture)) return live.inspect(picture, part.product_id)
    const verdict = { eval: "undecidable", code: picture.missing } as const
    return Promise.resolve({ verdict, findings: [], timing: {} })
  }

  async function finish(shot: Shot, judged: ReturnType<Live["inspect"]>, before: Promise<void> | undefined) {
    const { verdict, findings, timing, model } = await judged
    await before
    const e2e = performance.now() - shot.triggered
    try {
      const { simulated: _, ...facts } = shot.part
      await output.signal({ id: shot.id, ts: shot.at, ...facts }, verdict)
    } catch (error) {
      // The line's own watchdog stops an unsignalled part; losing the record as well would hide it.
      log.error("output_failed", { id: shot.id, why: String(error) })
    }
    statistics.add(verdict.eval, e2e)
    const picture = "missing" in shot.picture ? undefined : shot.picture
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
      picture,
      picture && shadow.look(picture, verdict, shot.part.product_id),
    )
  }
}

/** Hundredths of a millisecond: more digits would be noise in every record. */
function rounded(times: { [K in keyof Timing]: Timing[K] | undefined }): Timing {
  const known = Object.entries(times).filter((entry): entry is [string, number] => entry[1] !== undefined)
  return Object.fromEntries(known.map(([name, ms]) => [name, Math.round(ms * 100) / 100]))
}
