import * as v from "valibot"
import { Count, DeviceId, Instant, Key, Sha256, Share } from "./ids.ts"
import { ShadowState, type Verdict } from "./inspection.ts"

/** Whether two models that both judged a part judged it differently. One that failed has judged nothing. */
export function disagrees(champion: Verdict, shadow: Verdict): boolean {
  return champion.code === undefined && shadow.code === undefined && champion.eval !== shadow.eval
}

/** PUT /api/devices/:id/shadow (engineer): a released model looks at a share of the station's frames; it never decides. */
export const NewShadow = v.object({ model: Sha256, share: v.pipe(Share, v.minValue(0.001)) })

/** GET /api/shadows */
export const ShadowView = v.object({
  device: DeviceId,
  line: Key,
  model: Sha256,
  release: v.number(),
  /** The model on the line it is compared with; null before the first part both have judged. */
  champion: v.nullable(Sha256),
  share: Share,
  assigned_at: Instant,
  assigned_by: v.string(),
  /** What the station says; null before it has spoken of it. */
  state: v.nullable(ShadowState),
  reason: v.nullable(Key),
  /** Frames it should have looked at but did not, because it was still at another; the station's own count. */
  skipped: v.number(),
  /** Parts both have judged, those judged differently, and those the shadow failed on. */
  compared: Count,
  differed: Count,
  failed: Count,
  /** Parts by what the two said, champion first; only where they differ. */
  differences: v.array(v.object({ champion: Key, shadow: Key, parts: Count })),
})
export type ShadowView = v.InferOutput<typeof ShadowView>
