import { type FilterTerm, formatTerm } from "#contract/part-filter"
import { useKindName, useWords } from "../../context.ts"

/** What a condition asks for, in the words the screens use; what has no word stands as it was written. */
export function useTermText(): (term: FilterTerm) => string {
  const words = useWords()
  const kindName = useKindName()
  const { verdict, parts, label } = words
  const lists: Partial<Record<FilterTerm["field"], Record<string, string>>> = {
    verdict,
    label: verdict,
    queue: label.reason,
    is: parts.is,
  }
  return (term) => {
    const { field } = term
    switch (term.field) {
      case "text":
        return term.text
      case "score":
        return formatTerm(term).replace(/^-?score:?/, "")
      case "time": {
        const days = /^(\d+)d$/.exec(term.from)?.[1]
        if (term.from !== term.until) return `${term.from} – ${term.until}`
        if (days !== undefined) return parts.days(Number(days))
        return term.from === "today" ? parts.today : term.from
      }
      default:
        return words.common.and(
          term.values.map((value) => {
            if (value === "any" || value === "none") return parts[value]
            const known = lists[field]?.[value]
            return known ?? (field === "label" || field === "found" ? kindName(value) : value)
          }),
        )
    }
  }
}
