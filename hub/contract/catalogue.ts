import * as v from "valibot"
import { DefectKey, Instant, Key, Uuid } from "./ids.ts"
import { Box } from "./inspection.ts"

const Name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64))
/** A name in every language of the product. */
export const Names = v.object({ ko: Name, en: Name })

/** POST /api/products */
export const NewProduct = v.object({ key: Key, names: Names })
export type NewProduct = v.InferOutput<typeof NewProduct>
/** `active` is false for what is made no more: parts name it for ever, so it is not deleted. */
export const Product = v.object({ ...NewProduct.entries, active: v.boolean() })
export type Product = v.InferOutput<typeof Product>
/** PATCH /api/products/:key */
export const ProductPatch = v.partial(v.object({ names: Names, active: v.boolean() }))

/** `icon` and `color` name entries of the UI's icon set and defect palette; never colour alone. */
export const DefectClass = v.object({
  key: DefectKey,
  names: Names,
  icon: Key,
  color: Key,
  severity: v.picklist(["critical", "major", "minor"]),
  active: v.boolean(),
})
export type DefectClass = v.InferOutput<typeof DefectClass>

/** POST /api/defect-classes (any signed-in person may propose a new kind; it is active at once and audited). */
export const NewDefectClass = v.object({
  key: DefectKey,
  names: Names,
  icon: v.optional(Key),
  color: v.optional(Key),
  severity: v.optional(v.picklist(["critical", "major", "minor"])),
})

/** PATCH /api/defect-classes/:key. A class is deprecated (`active` false), never deleted: labels name it for ever. */
export const DefectClassPatch = v.partial(
  v.object({
    names: Names,
    icon: Key,
    color: Key,
    severity: v.picklist(["critical", "major", "minor"]),
    active: v.boolean(),
  }),
)

const CriterionText = v.pipe(v.string(), v.trim(), v.maxLength(4000))
const Texts = v.object({ ko: CriterionText, en: CriterionText })

/** POST /api/criteria: the next version. Null stands for every kind, or every product. Empty texts end a criterion. */
export const NewCriterion = v.object({
  kind: v.nullable(DefectKey),
  product: v.nullable(Key),
  texts: Texts,
  /** What is new, and why: for whoever asks later. */
  change: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(500)),
})

/** What is still good and what is not, in words. `version` counts over all criteria: a label's names all that held then. */
export const Criterion = v.object({
  ...NewCriterion.entries,
  version: v.number(),
  by: v.string(),
  at: Instant,
})
export type Criterion = v.InferOutput<typeof Criterion>

const Note = v.pipe(v.string(), v.trim(), v.maxLength(200))

/** POST /api/limit-samples: a part's picture that shows where the boundary lies. `id` makes a repeat harmless. */
export const NewLimitSample = v.object({
  id: Uuid,
  kind: v.nullable(DefectKey),
  product: v.nullable(Key),
  verdict: v.picklist(["ok", "ng"]),
  inspection_id: Uuid,
  /** Where on the picture to look. */
  box: v.optional(Box),
  notes: v.object({ ko: Note, en: Note }),
})

export const LimitSample = v.object({
  ...NewLimitSample.entries,
  image: v.object({ sha256: v.string(), w: v.number(), h: v.number() }),
  by: v.string(),
  at: Instant,
})
export type LimitSample = v.InferOutput<typeof LimitSample>

/** GET /api/guide: what people judge by, as it holds now or as it held at a version. */
export const Guide = v.object({
  version: v.number(),
  criteria: v.array(Criterion),
  samples: v.array(LimitSample),
})
export type Guide = v.InferOutput<typeof Guide>
