/**
 * Names of classes as Python writes a dict of numbers and texts, or a list of texts. A grammar of its own: nothing of
 * somebody's file is ever evaluated. Undefined for anything else.
 */
export function readNames(text: string): string[] | undefined {
  let at = 0
  const blank = () => {
    while (/\s/.test(text[at] ?? "")) at++
  }
  const take = (sign: string): boolean => {
    blank()
    if (text[at] !== sign) return false
    at++
    return true
  }
  const string = (): string | undefined => {
    blank()
    const quote = text[at]
    if (quote !== "'" && quote !== '"') return undefined
    let out = ""
    for (at++; at < text.length; at++) {
      const sign = text[at]!
      if (sign === quote) {
        at++
        return out
      }
      if (sign === "\\") at++
      out += text[at] ?? ""
    }
    return undefined
  }
  const number = (): number | undefined => {
    blank()
    const found = /^\d{1,6}/.exec(text.slice(at, at + 6))
    if (!found) return undefined
    at += found[0].length
    return Number(found[0])
  }
  const names: string[] = []
  const isDict = text.trimStart().startsWith("{")
  if (!take(isDict ? "{" : "[")) return undefined
  const end = isDict ? "}" : "]"
  while (!take(end)) {
    const place = isDict ? number() : names.length
    if (place === undefined || place > 10_000 || (isDict && !take(":"))) return undefined
    const name = string()
    if (name === undefined) return undefined
    names[place] = name
    if (!take(",") && text.slice(at).trimStart()[0] !== end) return undefined
  }
  blank()
  return at === text.length && names.length > 0 ? Array.from(names, (name) => name ?? "") : undefined
}

const good = /^(ok|good|normal|pass|no[ _-]?defect|background|양품|정상)$/i

/** Names for classes that have none. */
export const numbered = (count: number): string[] =>
  Array.from({ length: Math.max(1, count) }, (_, i) => `class-${i}`)
/** Whether nobody has named these classes; the ground of masks needs no name. */
export const isNumbered = (classes: readonly { id: number; key: string }[]): boolean =>
  classes.length > 0 && classes.every(({ id, key }) => key === `class-${id}` || key === "background")

/** A class as the contract has it: the name as a machine name, and whether it is a good one. */
export function classesOf(names: readonly string[]): { id: number; key: string; verdict: "OK" | "NG" }[] {
  const taken = new Set<string>()
  return names.map((name, id) => {
    const plain = name
      .toLowerCase()
      .replace(/[^a-z0-9_.-]+/g, "-")
      .replace(/^[^a-z0-9]+|-+$/g, "")
      .slice(0, 48)
    let key = plain === "" ? `class-${id}` : plain
    if (taken.has(key)) key = `${key}-${id}`
    taken.add(key)
    return { id, key, verdict: good.test(name.trim()) ? ("OK" as const) : ("NG" as const) }
  })
}
