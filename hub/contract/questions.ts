import * as v from "valibot"
import { Names } from "./catalogue.ts"
import { Finite, Instant, Key } from "./ids.ts"

/** What a person on a line may draw with. The hand is always there; the eraser comes with the brush. */
export const DrawingTool = v.picklist([
  "box",
  "rotated",
  "ellipse",
  "polygon",
  "line",
  "point",
  "brush",
  "link",
  "segment",
])
export type DrawingTool = v.InferOutput<typeof DrawingTool>

/** What an answer holds: a key of one's own, or the word of a config of Label Studio. Setups are written in lines with `|`. */
const Word = v.pipe(
  v.string(),
  v.maxLength(200),
  v.regex(/^[^\s|-](?:[^|\r\n]*[^\s|])?$/, "not a word for an answer"),
)
const Option = v.strictObject({ key: Word, names: Names })

/** A choice of a tree: what is answered is the path of keys from the root. */
export type TreeOption = {
  key: string
  names: v.InferOutput<typeof Names>
  options?: TreeOption[] | undefined
}
const TreeOption: v.GenericSchema<TreeOption> = v.strictObject({
  key: Word,
  names: Names,
  options: v.optional(v.pipe(v.array(v.lazy(() => TreeOption)), v.maxLength(64))),
})

const common = {
  key: Key,
  names: Names,
  /** Asked of the whole part or of each region. */
  of: v.picklist(["image", "region"]),
  /** NG cannot be given while it is not answered. */
  required: v.optional(v.boolean(), false),
}

const unlike = (options: readonly { key: string }[]) =>
  new Set(options.map(({ key }) => key)).size === options.length

/** How deep a tree may go: an answer's path is no longer. */
const deepest = 8
const depth = (options: readonly TreeOption[]): number =>
  Math.max(0, ...options.map((option) => 1 + depth(option.options ?? [])))
const isTree = (options: readonly TreeOption[]): boolean =>
  unlike(options) && options.every((option) => isTree(option.options ?? []))

/** A question beside the verdict. The answer lies in the drawing's `answers` under the question's key. */
export const Question = v.variant("type", [
  v.strictObject({
    ...common,
    type: v.literal("choice"),
    options: v.pipe(
      v.array(Option),
      v.minLength(2),
      v.maxLength(64),
      v.check((options) => unlike(options), "two options share a key"),
    ),
    /** More than one may be chosen. */
    several: v.optional(v.boolean(), false),
  }),
  v.strictObject({
    ...common,
    type: v.literal("tree"),
    options: v.pipe(
      v.array(TreeOption),
      v.minLength(1),
      v.maxLength(64),
      v.check((options) => isTree(options), "two options beside each other share a key"),
      v.check((options) => depth(options) <= deepest, "the tree is too deep"),
    ),
    several: v.optional(v.boolean(), false),
  }),
  v.strictObject({
    ...common,
    type: v.literal("number"),
    min: v.optional(Finite),
    max: v.optional(Finite),
    unit: v.optional(v.pipe(v.string(), v.maxLength(16))),
  }),
  v.strictObject({ ...common, type: v.literal("text") }),
  v.strictObject({
    ...common,
    type: v.literal("rating"),
    most: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(10)), 5),
  }),
])
export type Question = v.InferOutput<typeof Question>

const Setup = {
  /** In the order they are shown; the first three are at hand. */
  tools: v.pipe(
    v.array(DrawingTool),
    v.check((tools) => new Set(tools).size === tools.length, "a tool twice"),
  ),
  questions: v.pipe(
    v.array(Question),
    v.maxLength(32),
    v.check((questions) => unlike(questions), "two questions share a key"),
    v.check((questions) => questions.every(({ key }) => key !== "note"), "note is every region's own text"),
  ),
}

/** How parts of a product are labelled; `product` null is what all others go by. */
export const LabelSetup = v.object({
  product: v.nullable(Key),
  /** 0: nobody has set it, this is what the hub comes with. */
  revision: v.number(),
  ...Setup,
  changed_at: v.nullable(Instant),
})
export type LabelSetup = v.InferOutput<typeof LabelSetup>

/** PUT /api/label-setups: `revision` is the one that was looked at; a newer one is not overwritten. */
export const NewLabelSetup = v.strictObject({ product: v.nullable(Key), revision: v.number(), ...Setup })
export type NewLabelSetup = v.InferOutput<typeof NewLabelSetup>
