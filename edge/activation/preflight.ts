import type { CheckImage, Manifest } from "#contract/release"
import type { Inspector } from "../inspector.ts"
import { quantile } from "../statistics.ts"

/** Why a candidate must not go on the line; undefined when it passed. */
export type PreflightFinding = { reason: string; detail: string } | undefined

/** Runs that a p99 is taken from, and how often a station busy with other work may try again. */
const timedRuns = 30
const rounds = 3

/**
 * Runs the signed check images through a loaded candidate: every evaluation must agree, every score lie within its
 * tolerance, and p99 within the budget. Nothing on the line is touched. `latency: false` skips the last, for a model
 * that has already proven itself here: a rollback must not fail because the machine is busy.
 */
export async function preflight(
  candidate: Inspector,
  manifest: Manifest,
  images: readonly { check: CheckImage; bytes: Uint8Array }[],
  options: { latency: boolean },
): Promise<PreflightFinding> {
  for (const { check, bytes } of images) {
    const { verdict } = await candidate.inspect({ bytes })
    const name = check.image.sha256.slice(0, 8)
    if (verdict.code !== undefined) return { reason: verdict.code, detail: `check image ${name}` }
    if (verdict.eval !== check.expect.eval) {
      return {
        reason: "preflight_eval",
        detail: `check image ${name}: ${verdict.eval}, expected ${check.expect.eval}`,
      }
    }
    // Written so that a missing or NaN score fails too.
    if (!(Math.abs((verdict.score ?? Number.NaN) - check.expect.score) <= check.expect.tol)) {
      return {
        reason: "preflight_score",
        detail: `check image ${name}: ${verdict.score}, expected ${check.expect.score} ± ${check.expect.tol}`,
      }
    }
  }
  return options.latency && images.length > 0 ? await tooSlow(candidate, manifest, images) : undefined
}

async function tooSlow(
  candidate: Inspector,
  { budget }: Manifest,
  images: readonly { bytes: Uint8Array }[],
): Promise<PreflightFinding> {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds && best > budget.p99_ms; round++) {
    const times: number[] = []
    for (let run = 0; run < timedRuns; run++) {
      const image = images[run % images.length]
      if (!image) break
      const { timing } = await candidate.inspect({ bytes: image.bytes })
      times.push((timing.pre ?? 0) + (timing.infer ?? 0) + (timing.post ?? 0))
    }
    best = Math.min(best, quantile(times, 0.99))
  }
  if (best <= budget.p99_ms) return undefined
  return { reason: "preflight_latency", detail: `p99 ${best} ms, budget ${budget.p99_ms} ms` }
}
