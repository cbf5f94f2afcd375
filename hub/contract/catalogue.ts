import * as v from "valibot"
import { DefectKey, Key } from "./ids.ts"

const Name = v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(64))
/** A name in every language of the product. */
export const Names = v.object({ ko: Name, en: Name })

export const Product = v.object({ key: Key, names: Names })
export type Product = v.InferOutput<typeof Product>

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
