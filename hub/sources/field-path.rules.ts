/** A step is a name or a place in an array. */
type Step = string | number

/** Splits `a.b[0]["odd name"]` into its steps; the text must fit the contract's FieldPath. */
function stepsOf(path: string): Step[] {
  return [...path.matchAll(/\[(\d+)\]|\["([^"]+)"\]|([^.[\]"]+)/g)].map(
    ([, index, quoted, name]) => quoted ?? name ?? Number(index),
  )
}

/** What came with a message: its data, and beside it the topic's named levels, the file's name, form and query. */
export type Scope = {
  readonly data: unknown
  readonly beside: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** The value at a path, or undefined. Only own properties count: a message must not reach into the language. */
export function valueAt(scope: Scope, path: string): unknown {
  const steps = stepsOf(path)
  let at: unknown = typeof steps[0] === "string" && steps[0].startsWith("$") ? scope.beside : scope.data
  for (const step of steps) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<Step, unknown>)[step]
  }
  return at
}

/** A text, number or truth value as people read it; undefined for everything else, and for empty texts. */
export function textAt(scope: Scope, path: string): string | undefined {
  const value = valueAt(scope, path)
  if (typeof value === "number" ? !Number.isFinite(value) : !["string", "boolean"].includes(typeof value))
    return undefined
  const text = String(value).trim()
  return text === "" ? undefined : text
}
