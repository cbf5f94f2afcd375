import { type FilterFault, type FilterTerm, type PartFilter, timeRange } from "#contract/part-filter"

/** What there is to be named. */
export type Known = {
  devices: readonly string[]
  models: readonly { digest: string }[]
  people: readonly { id: string; login: string; name: string }[]
  /** Sets by the names they go by: v1, v2 … of training, g1, g2 … of golden sets. */
  datasets: readonly { name: string; digest: string; role: "training" | "golden" }[]
}
type Meaning = { from: number | null; until: number | null; meant: Map<number, readonly string[]> }

/** `*` stands for any letters. */
function matcher(pattern: string, caseless = false): (text: string) => boolean {
  const source = pattern
    .split("*")
    .map((piece) => piece.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join(".*")
  const expression = new RegExp(`^${source}$`, caseless ? "iu" : "u")
  return (text) => expression.test(text)
}

/** What the names of a filter mean; a name that means nothing is a fault with its place, not an empty list. */
export function meaningOf(
  filter: PartFilter,
  known: Known,
  now: number,
): { meaning: Meaning } | { fault: FilterFault } {
  const meant = new Map<number, readonly string[]>()
  let from: number | null = null
  let until: number | null = null
  for (const [i, term] of filter.entries()) {
    if (term.field === "time") {
      const range = timeRange(term, now)
      if (range.until < range.from) return { fault: faultOf(term, `${term.from}..${term.until}`, "time") }
      // Two opposites of a time have no one range.
      if (term.not) return { fault: faultOf(term, `${term.from}..${term.until}`, "operator") }
      from = from === null ? range.from : Math.max(from, range.from)
      until = until === null ? range.until : Math.min(until, range.until)
      continue
    }
    if (!("values" in term)) continue
    const names = namesOf(term.field, known)
    if (!names) continue
    const all: string[] = []
    for (const value of term.values) {
      const found = names(value)
      if (found.length === 0) return { fault: faultOf(term, value, "value") }
      all.push(...found)
    }
    meant.set(i, [...new Set(all)])
  }
  return { meaning: { from, until, meant } }
}

const faultOf = ({ at, length }: FilterTerm, word: string, code: FilterFault["code"]): FilterFault => ({
  at,
  length,
  code,
  word,
})

function namesOf(field: string, known: Known): ((value: string) => string[]) | undefined {
  switch (field) {
    case "station":
      return (value) => known.devices.filter(matcher(value))
    case "model":
      return (value) =>
        value === "none"
          ? ["none"]
          : known.models.flatMap(({ digest }) =>
              /^[0-9a-f]{4,64}$/.test(value) && digest.startsWith(value) ? [digest] : [],
            )
    case "by":
      return (value) => peopleOf(value, known).map(({ name }) => name)
    case "reviewer":
      return (value) => peopleOf(value, known).map(({ id }) => id)
    case "dataset":
      return (value) => {
        if (value === "any" || value === "none") return [value]
        const { datasets } = known
        if (value === "golden" || value === "training")
          return datasets
            .filter(({ role }) => role === value)
            .slice(-1)
            .map(({ digest }) => digest)
        return datasets.flatMap(({ name, digest }) =>
          name === value || (/^[0-9a-f]{6,64}$/.test(value) && digest.startsWith(value)) ? [digest] : [],
        )
      }
    default:
      return undefined
  }
}

/** By user name, name, or the beginning of a word of the name. */
function peopleOf(value: string, { people }: Known) {
  const matches = matcher(value, true)
  const begins = matcher(`${value}*`, true)
  const exact = people.filter(({ login, name }) => matches(login) || matches(name))
  return exact.length > 0 ? exact : people.filter(({ name }) => name.split(" ").some(begins))
}
