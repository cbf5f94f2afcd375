import * as v from "valibot"
import type { Size } from "./label-studio-outline.format.ts"
import { isMap } from "./label-studio-value.format.ts"

/** An annotation as exports and imports carry it. */
const Annotation = v.looseObject({
  id: v.optional(v.nullable(v.union([v.number(), v.string()]))),
  completed_by: v.optional(v.unknown()),
  was_cancelled: v.optional(v.nullable(v.boolean())),
  ground_truth: v.optional(v.nullable(v.boolean())),
  created_at: v.optional(v.nullable(v.string())),
  updated_at: v.optional(v.nullable(v.string())),
  lead_time: v.optional(v.nullable(v.number())),
  unique_id: v.optional(v.nullable(v.string())),
  result: v.array(v.unknown()),
})
const Prediction = v.looseObject({
  model_version: v.optional(v.nullable(v.string())),
  score: v.optional(v.nullable(v.number())),
  result: v.array(v.unknown()),
})

/** One task of an export or import. Predictions of an export may be ids only; those say nothing. */
const LabelStudioTask = v.looseObject({
  id: v.optional(v.nullable(v.union([v.number(), v.string()]))),
  data: v.record(v.string(), v.unknown()),
  meta: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
  annotations: v.optional(v.nullable(v.array(Annotation)), []),
  predictions: v.optional(v.nullable(v.array(v.union([v.number(), Prediction]))), []),
})
type LabelStudioTask = v.InferOutput<typeof LabelStudioTask>

/** A task, or why it is none. As with results, those of a usual export need no schema. */
export function taskOf(raw: unknown): LabelStudioTask | string {
  if (isMap(raw) && isMap(raw.data) && raw.meta === undefined && Array.isArray(raw.annotations)) {
    const { id, annotations, predictions } = raw
    const isUsual =
      typeof id === "number" &&
      annotations.every(isUsualAnnotation) &&
      Array.isArray(predictions) &&
      predictions.every((one) => typeof one === "number")
    if (isUsual) return raw as LabelStudioTask
  }
  const parsed = v.safeParse(LabelStudioTask, raw)
  return parsed.success ? parsed.output : parsed.issues[0].message
}

const isTextOrNone = (value: unknown) => value === undefined || value === null || typeof value === "string"
const isFlagOrNone = (value: unknown) => value === undefined || value === null || typeof value === "boolean"
const isUsualAnnotation = (raw: unknown) =>
  isMap(raw) &&
  Array.isArray(raw.result) &&
  (raw.id === undefined || typeof raw.id === "number") &&
  isFlagOrNone(raw.was_cancelled) &&
  isFlagOrNone(raw.ground_truth) &&
  isTextOrNone(raw.created_at) &&
  isTextOrNone(raw.updated_at) &&
  isTextOrNone(raw.unique_id) &&
  (raw.lead_time === undefined || raw.lead_time === null || typeof raw.lead_time === "number")

/** The size the results of an annotation speak of; null when none does. */
export function sizeOfResults(results: readonly unknown[]): Size | null {
  for (const result of results)
    if (
      typeof result === "object" &&
      result !== null &&
      "original_width" in result &&
      "original_height" in result
    ) {
      const { original_width: w, original_height: h } = result
      if (Number.isInteger(w) && Number.isInteger(h) && Number(w) > 0 && Number(h) > 0)
        return { w: Number(w), h: Number(h) }
    }
  return null
}
