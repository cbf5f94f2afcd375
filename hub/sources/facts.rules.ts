import type { SourceFacts, SourceFields, SourceNote } from "#contract/source"
import { type Scope, textAt } from "./field-path.rules.ts"

const day = 24 * 60 * 60_000
const year2000 = Date.UTC(2000, 0, 1)

/**
 * What a message says about the part, read by the profile's paths. What is missing or makes no sense becomes a note and
 * never a guess: a word that nobody has given a meaning is undecidable, so a person looks at the part.
 */
export function readFacts(
  fields: SourceFields,
  scope: Scope,
  now: number,
): { facts: SourceFacts; notes: SourceNote[] } {
  const notes: SourceNote[] = []
  const note = (code: string, value?: string) => {
    notes.push({ code, ...(value !== undefined && { value: value.slice(0, 128) }) })
  }
  const text = (path: string | undefined, name: string, most: number): string | undefined => {
    if (path === undefined) return undefined
    const found = textAt(scope, path)
    if (found === undefined) note(`${name}_missing`, path)
    else if (found.length > most) note(`${name}_too_long`, found)
    return found?.slice(0, most)
  }
  const key = (path: string | undefined, name: string): string | undefined => {
    const found = text(path, name, 64)?.toLowerCase().replace(/\s+/g, "-")
    if (found === undefined || /^[a-z0-9][a-z0-9_.-]*$/.test(found)) return found
    note(`${name}_not_a_key`, found)
    return undefined
  }

  const id = text(fields.id, "id", 256)
  const part = text(fields.part, "part", 128)
  const product = key(fields.product, "product")
  const recipe = key(fields.recipe, "recipe")
  const job = text(fields.job, "job", 128)
  const verdict = readVerdict(fields, scope, note)
  const score = readScore(fields, scope, note)
  const ts = readTime(fields, scope, now, note)
  return {
    facts: {
      ...(id !== undefined && { key: id }),
      ...(part !== undefined && { part_id: part }),
      ...(product !== undefined && { product_id: product }),
      ...(recipe !== undefined && { recipe_id: recipe }),
      ...(job !== undefined && { job_id: job }),
      verdict: { ...verdict, ...(score !== undefined && { score }) },
      ...(ts !== undefined && { ts }),
    },
    notes,
  }
}

type Note = (code: string, value?: string) => void

function readVerdict({ verdict: map }: SourceFields, scope: Scope, note: Note): SourceFacts["verdict"] {
  if (!map) return { eval: "undefined", code: "not_judged" }
  const word = textAt(scope, map.path)
  if (word === undefined) {
    note("verdict_missing", map.path)
    return { eval: "undecidable", code: "verdict_missing" }
  }
  const same = (other: string) => other.toLowerCase() === word.toLowerCase()
  // NG first: a word that stands in both lists must not pass a part.
  if (map.ng.some(same)) return { eval: "ng" }
  if (map.undecidable.some(same)) return { eval: "undecidable", code: "camera_undecided" }
  if (map.ok.some(same)) return { eval: "ok" }
  note("verdict_unknown", word)
  return { eval: "undecidable", code: "verdict_unknown" }
}

function readScore({ score: map }: SourceFields, scope: Scope, note: Note): number | undefined {
  if (!map) return undefined
  const word = textAt(scope, map.path)
  const value = Number(word)
  if (word === undefined || !Number.isFinite(value)) {
    note("score_missing", word ?? map.path)
    return undefined
  }
  const share = (value - map.min) / (map.max - map.min)
  if (share < 0 || share > 1) {
    note("score_out_of_range", word)
    return undefined
  }
  return map.high === "ng" ? share : 1 - share
}

function readTime({ time: map }: SourceFields, scope: Scope, now: number, note: Note): number | undefined {
  if (!map) return undefined
  const word = textAt(scope, map.path)
  const at = word === undefined ? undefined : instantOf(word, map.form)
  if (at === undefined) {
    note("time_missing", word ?? map.path)
    return undefined
  }
  // A camera without a clock starts in 1970: its time would sort parts wrongly for ever.
  if (at < year2000 || at > now + day) {
    note("time_implausible", word)
    return undefined
  }
  return at
}

function instantOf(word: string, form: "auto" | "s" | "ms" | "iso"): number | undefined {
  if (/^\d{1,14}(\.\d{1,9})?$/.test(word) && form !== "iso") {
    const value = Number(word)
    const inSeconds = form === "s" || (form === "auto" && value < 100_000_000_000)
    return Math.round(inSeconds ? value * 1000 : value)
  }
  if (form === "s" || form === "ms" || !/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(word)) return undefined
  const at = Date.parse(word.replace(" ", "T"))
  return Number.isNaN(at) ? undefined : at
}
