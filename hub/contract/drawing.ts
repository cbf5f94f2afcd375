import * as v from "valibot"
import { DefectKey, Finite, Key } from "./ids.ts"
import { Box } from "./inspection.ts"
import { spansOf } from "./outline.ts"

/** Image pixels from the top-left corner; a pixel's centre lies at .5. */
const Point = v.strictTuple([Finite, Finite])
export type Point = v.InferOutput<typeof Point>
const points = (least: number) => v.pipe(v.array(Point), v.minLength(least), v.maxLength(20_000))
/** Degrees, clockwise as seen, about the middle of the box. */
const Angle = v.pipe(Finite, v.minValue(-180), v.maxValue(180))
const Side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))

/**
 * Where something is. `box` and `ellipse` may be turned by `angle`; a `mask` is a bitmap of the whole image in the
 * run-length form of COCO (`size` is [height, width], columns first, compressed `counts`), so COCO's own tools read it.
 */
export const Outline = v.variant("type", [
  v.strictObject({ type: v.literal("box"), box: Box, angle: v.optional(Angle) }),
  v.strictObject({ type: v.literal("ellipse"), box: Box, angle: v.optional(Angle) }),
  v.strictObject({ type: v.literal("polygon"), points: points(3) }),
  v.strictObject({ type: v.literal("line"), points: points(2) }),
  v.strictObject({ type: v.literal("point"), at: Point }),
  v.pipe(
    v.strictObject({
      type: v.literal("mask"),
      size: v.strictTuple([Side, Side]),
      counts: v.pipe(v.string(), v.minLength(1), v.maxLength(4_000_000)),
    }),
    // What is read here stays with the outline: whoever measures it does not read it again.
    v.check((mask) => spansOf(mask).length > 0, "not a mask"),
  ),
])
export type Outline = v.InferOutput<typeof Outline>

const Text = v.pipe(v.string(), v.maxLength(2_000))
const Choice = v.pipe(v.string(), v.minLength(1), v.maxLength(200))
/** A text, number or yes/no; choices; or choices of a tree, each as its path from the root. */
const Answer = v.union([
  Text,
  Finite,
  v.boolean(),
  v.pipe(v.array(Choice), v.maxLength(64)),
  v.pipe(v.array(v.pipe(v.array(Choice), v.minLength(1), v.maxLength(16))), v.minLength(1), v.maxLength(64)),
])
export type Answer = v.InferOutput<typeof Answer>

/** What was asked and said, of a region or of the whole image. `note` is free text. */
const Answers = v.pipe(
  v.record(Key, Answer),
  v.check((answers) => Object.keys(answers).length <= 64, "more than 64 answers"),
)
export type Answers = v.InferOutput<typeof Answers>

const RegionId = v.pipe(v.string(), v.regex(/^[a-z0-9-]{1,40}$/, "not the id of a region"))

export const Region = v.strictObject({
  id: RegionId,
  /** Classes it belongs to, the main one first. */
  kinds: v.pipe(v.array(DefectKey), v.minLength(1), v.maxLength(8)),
  outline: Outline,
  /** Who drew it first. */
  by: v.picklist(["model", "person"]),
  score: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  locked: v.optional(v.literal(true)),
  hidden: v.optional(v.literal(true)),
  answers: v.optional(Answers),
})
export type Region = v.InferOutput<typeof Region>

export const Relation = v.strictObject({ from: RegionId, to: RegionId, kind: v.optional(Key) })
export type Relation = v.InferOutput<typeof Relation>

/** Everything marked on one image. Regions lie on each other in their order, the last on top. */
export const Drawing = v.pipe(
  v.strictObject({
    v: v.literal(1),
    regions: v.pipe(v.array(Region), v.maxLength(5_000)),
    relations: v.optional(v.pipe(v.array(Relation), v.maxLength(5_000))),
    answers: v.optional(Answers),
  }),
  v.check(
    ({ regions }) => new Set(regions.map(({ id }) => id)).size === regions.length,
    "two regions share an id",
  ),
  v.check(({ regions, relations = [] }) => {
    const ids = new Set(regions.map(({ id }) => id))
    return relations.every(({ from, to }) => from !== to && ids.has(from) && ids.has(to))
  }, "a relation needs two regions of the drawing"),
)
export type Drawing = v.InferOutput<typeof Drawing>
