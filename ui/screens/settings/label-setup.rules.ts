import type { TreeOption } from "#contract/questions"

/** Choices as a person writes them: one a line, `key | Korean | English`, a step below with a leading `-`. */
export function optionsText(options: readonly TreeOption[], depth = 0): string {
  return options
    .map(({ key, names, options: below = [] }) => {
      const line = `${"-".repeat(depth)}${depth > 0 ? " " : ""}${key} | ${names.ko} | ${names.en}`
      return below.length > 0 ? `${line}\n${optionsText(below, depth + 1)}` : line
    })
    .join("\n")
}

/** Reads such lines; null when one cannot be read, or is more than one step below the line above it. */
export function readOptions(text: string): TreeOption[] | null {
  const root: TreeOption[] = []
  const open: TreeOption[][] = [root]
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue
    const parts = /^\s*(-*)\s*([^|]+)\|([^|]+)\|([^|]+)$/.exec(line)
    if (!parts) return null
    const [, dashes = "", key = "", ko = "", en = ""] = parts
    const into = open[dashes.length]
    if (!into) return null
    const option = { key: key.trim(), names: { ko: ko.trim(), en: en.trim() }, options: [] }
    into.push(option)
    open.length = dashes.length + 1
    open.push(option.options)
  }
  return pruned(root)
}

/** Without empty lists of what lies below. */
const pruned = (options: readonly TreeOption[]): TreeOption[] =>
  options.map(({ key, names, options: below = [] }) =>
    below.length > 0 ? { key, names, options: pruned(below) } : { key, names },
  )
