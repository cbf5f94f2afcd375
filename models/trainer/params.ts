import * as v from "valibot"
import { ModelError } from "../model-error.ts"

const Side = v.pipe(v.number(), v.integer(), v.minValue(64), v.maxValue(1024), v.multipleOf(32))

const TapSet = v.pipe(v.array(v.string()), v.minLength(1))

/** Parameters of recipe `patch` as a job may set them in `recipe.params`. */
const PatchParams = v.object({
  /**
   * Edge in pixels of a square with as many pixels as the input; small defects need more, every step costs inference time.
   * 0: the usual one, or a larger one where it pays.
   */
  side: v.optional(v.union([v.literal(0), Side]), 0),
  /** Sets of taps to choose from, the one to prefer first: finer ones show thin defects and cost the station less. */
  taps: v.optional(v.pipe(v.array(TapSet), v.minLength(1)), [
    ["s4", "s8"],
    ["s8", "s16"],
    ["s16", "s32"],
  ]),
  /** Taken while no defect is labelled and there is nothing to choose by: some surfaces need the fine, some the deep. */
  blind_taps: v.optional(TapSet, ["s8", "s16", "s32"]),
  bank_rows: v.optional(v.pipe(v.number(), v.integer(), v.minValue(50), v.maxValue(10_000)), 1500),
  /** Width of the projected patch; distances cost rows x width per cell. */
  projection: v.optional(v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(1024)), 128),
  l2: v.optional(v.pipe(v.number(), v.minValue(1e-6)), 0.01),
  iterations: v.optional(v.pipe(v.number(), v.integer(), v.minValue(5), v.maxValue(500)), 40),
  /** Whether to make a second model whose trunk computes with whole numbers. */
  int8: v.optional(v.boolean(), false),
  rounds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(5)), 2),
})
type PatchParams = v.InferOutput<typeof PatchParams>

export function parseParams(params: unknown): PatchParams {
  const parsed = v.safeParse(PatchParams, params)
  if (!parsed.success) throw new ModelError("training_invalid", `recipe: ${v.summarize(parsed.issues)}`)
  return parsed.output
}
