import * as v from "valibot"

/** Every list of the API answers `{ items, next }`; `next` is the cursor of the following page, null on the last. */
export const listOf = <S extends v.GenericSchema<unknown, unknown>>(item: S) =>
  v.object({ items: v.array(item), next: v.nullable(v.string()) })
export type List<T> = { items: T[]; next: string | null }
