import * as v from "valibot"
import { ModelError } from "../model-error.ts"

const Side = v.pipe(v.number(), v.integer(), v.minValue(64), v.maxValue(1024), v.multipleOf(32))

/** Parameters of recipe `patch` as a job may set them in `recipe.params`. */
const PatchParams = v.object({
  /** Edge in pixels of a square with as many pixels as the input; small defects need more, every step costs inference time. */
  side: v.optional(Side, 384),
  /** Sets of taps to choose from by out-of-fold loss; without a labelled defect the first is taken. */
  taps: v.optional(v.array(v.pipe(v.array(v.string()), v.minLength(1))), [
    ["s8", "s16"],
    ["s4", "s8"],
    ["s16", "s32"],
  ]),
  bank_rows: v.optional(v.pipe(v.number(), v.integer(), v.minValue(50), v.maxValue(10_000)), 1500),
  /** Width of the projected patch; distances cost rows x width per cell. */
  projection: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(1024)), 128),
  l2: v.optional(v.pipe(v.number(), v.minValue(1e-6)), 0.01),
  iterations: v.optional(v.pipe(v.number(), v.integer(), v.minValue(5), v.maxValue(500)), 40),
  rounds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5)), 2),
})
type PatchParams = v.InferOutput<typeof PatchParams>

export function parseParams(params: unknown): PatchParams {
  const parsed = v.safeParse(PatchParams, params)
  if (!parsed.success) throw new ModelError("training_invalid", `recipe: ${v.summarize(parsed.issues)}`)
  return parsed.output
}
