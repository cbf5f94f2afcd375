import type { Drawing } from "#contract/drawing"
import type { ExchangeFormat, ExchangeItem, ExchangeProfile, ExportPreview } from "#contract/exchange"
import { byCode, type Entry, type ExportSource, type Split } from "./entry.format.ts"
import { formats } from "./formats.ts"

/** What is to be written, and how. */
export type ExportOrder = {
  format: ExchangeFormat
  profile: ExchangeProfile
  items: ExportSource["items"]
  /** Classes that must have a number although nothing shows them, e.g. those of the catalogue. */
  classes: readonly string[]
  picture?: ((item: ExchangeItem) => Promise<Uint8Array>) | undefined
}

type Survey = { preview: ExportPreview; classes: string[]; splits: Split[] }

/** Goes through the items once: which classes and splits there are, and what the format has no way to write. */
export async function survey({ format, profile, items, classes }: ExportOrder): Promise<Survey> {
  const { writes } = formats[format]
  const found = new Set(classes)
  const splits = new Set<Split>()
  const preview: ExportPreview = { parts: 0, ok: 0, ng: 0, regions: 0, by_kind: {}, left_out: {} }
  for await (const { label, split } of items()) {
    preview.parts++
    splits.add(split)
    if (label?.verdict === "ok") preview.ok++
    if (label?.verdict === "ng") preview.ng++
    for (const kind of label?.kinds ?? []) {
      found.add(kind)
      preview.by_kind[kind] = (preview.by_kind[kind] ?? 0) + 1
    }
    for (const { outline, kinds } of label?.drawing.regions ?? []) {
      preview.regions++
      for (const kind of kinds) found.add(kind)
      if (writes.length > 0 && !writes.includes(outline.type))
        preview.left_out[outline.type] = (preview.left_out[outline.type] ?? 0) + 1
    }
  }
  // Label Studio counts the choices of the verdict among the classes; who moves from it finds the numbers unchanged.
  if (profile === "ls-exact" && format !== "crux-jsonl") for (const word of ["OK", "NG"]) found.add(word)
  const order: Split[] = ["train", "val", "test", undefined]
  return {
    preview,
    classes: [...found].sort(byCode),
    splits: splits.size === 0 ? [undefined] : order.filter((split) => splits.has(split)),
  }
}

/** The files of an export, one after the other; equal items give equal files. */
export async function* writeExport(
  order: ExportOrder,
  onParts?: (parts: number) => void,
): AsyncGenerator<Entry> {
  const { classes, splits, preview } = await survey(order)
  onParts?.(preview.parts)
  const { items, profile, picture } = order
  const source: ExportSource = { items, profile, classes, splits, ...(picture && { picture }) }
  yield* formats[order.format].write(source)
}

/** Boxes as a drawing: what a label without one says. */
export const drawingOfBoxes = (
  boxes: readonly { kind: string; box: [number, number, number, number] }[],
): Drawing => ({
  v: 1,
  regions: boxes.map(({ kind, box }, i) => ({
    id: `r-${i + 1}`,
    kinds: [kind],
    outline: { type: "box", box },
    by: "person",
  })),
})
