import { hasGeometry, labelKeys } from "./label-studio-value.format.ts"

/** The flat form of Label Studio (JSON_MIN): a task's data beside what its controls say. */
type MinFacts = Record<string, unknown>

/** The flat form: the task's data, then one key for each control; a single choice or text stands bare. */
export function writeMin(
  data: MinFacts,
  results: readonly Record<string, unknown>[],
  facts: MinFacts,
): MinFacts {
  const out: MinFacts = { ...data }
  for (const { type, from_name, value, original_width, original_height } of results) {
    if (type === "relation" || typeof from_name !== "string") continue
    const of = value as Record<string, unknown>
    const bare = type === "choices" ? of.choices : type === "textarea" ? of.text : undefined
    const single =
      Array.isArray(bare) && bare.length === 1 && !("x" in of || "points" in of) ? bare[0] : undefined
    const entry = single ?? {
      ...of,
      ...(original_width !== undefined && { original_width, original_height }),
    }
    const known = out[from_name]
    if (single !== undefined && known === undefined) out[from_name] = entry
    else out[from_name] = [...(Array.isArray(known) ? known : known === undefined ? [] : [known]), entry]
  }
  return { ...out, ...facts }
}

/** Where a region lies, as one text: the flat form has no ids, and what was said of a region repeats where it lies. */
const placeKey = (value: MinFacts) =>
  JSON.stringify(
    ["x", "y", "width", "height", "rotation", "radiusX", "radiusY", "points", "vertices"].map(
      (key) => value[key],
    ),
  )

/**
 * Takes the flat form apart: what looks like results becomes results again, the rest is the task's data. Regions are
 * numbered in their order; what was said of one finds it by its place.
 */
export function readMin(flat: MinFacts): { data: MinFacts; results: Record<string, unknown>[] } {
  const data: MinFacts = {}
  const results: Record<string, unknown>[] = []
  const said: Record<string, unknown>[] = []
  const places = new Map<string, string>()
  for (const [name, held] of Object.entries(flat)) {
    const items = Array.isArray(held) ? held : [held]
    const values = items.filter((item) => typeof item === "object" && item !== null) as MinFacts[]
    const typed = values.flatMap((value) => {
      const key = Object.keys(value).find(
        (one) => labelKeys.test(one) || /^(choices|taxonomy|rating|number|text)$/.test(one),
      )
      return key === undefined ? [] : [{ type: key === "text" ? "textarea" : key, value }]
    })
    if (typed.length === 0 || typed.length < items.length) {
      data[name] = held
      continue
    }
    for (const { type, value } of typed) {
      const { original_width, original_height, ...rest } = value
      const result = { from_name: name, type, original_width, original_height, value: rest }
      if (!labelKeys.test(type)) said.push(result)
      else {
        const id = `r${results.length + 1}`
        if (!places.has(placeKey(rest))) places.set(placeKey(rest), id)
        results.push({ id, ...result })
      }
    }
  }
  for (const result of said) {
    const id = hasGeometry(result.value as MinFacts)
      ? places.get(placeKey(result.value as MinFacts))
      : undefined
    results.push(
      id === undefined ? { ...result, value: withoutPlace(result.value as MinFacts) } : { id, ...result },
    )
  }
  return { data, results }
}

/** What is said of no region that is there is said of the picture. */
const withoutPlace = (value: MinFacts): MinFacts =>
  Object.fromEntries(
    Object.entries(value).filter(([key]) => /^(choices|taxonomy|rating|number|text)$/.test(key)),
  )
