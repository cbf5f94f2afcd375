import { setImmediate } from "node:timers/promises"
import type { ExchangeFormat, ExchangeItem, ExchangeProfile, ExportPreview } from "#contract/exchange"
import type { Entry, Split } from "./entry.format.ts"
import { type FrozenVersion, itemsOfVersion, type LabelledSnapshot, snapshotOf } from "./labelled-items.ts"
import { type ExportOrder, survey, writeExport } from "./survey.ts"

/**
 * Which parts go out: all that are labelled, a frozen version, or what a filter finds. `upTo` and `through` are a moment:
 * whoever reads them twice, in whatever process, reads the same.
 */
export type ExportOf =
  | { of: "labelled"; upTo: number }
  | { of: "version"; digest: string }
  | { of: "found"; upTo: number; filter: string; through: number; now: number }

/** One export, as a child of the hub is told of it. */
export type ExportTask = {
  which: ExportOf
  format: ExchangeFormat
  profile: ExchangeProfile
  pictures: boolean
  /** Classes that must have a number although nothing shows them. */
  classes: string[]
}

/** What exports are made from; the hub and its child each have one. */
export type ExportDeps = {
  labels: LabelledSnapshot
  splitOf: (part: string | null, image: string) => Split
  frozen: FrozenVersion
  picture: (sha256: string) => Promise<Uint8Array>
  /** Numbers of the parts a filter finds up to part `through`, in pieces. */
  found: (filter: string, through: number, now: number) => AsyncIterable<number[]>
}

/** Makes exports: what one holds, and its files one after the other. */
export function createExporter({ labels, splitOf, frozen, picture, found }: ExportDeps) {
  async function itemsOf(which: ExportOf): Promise<ExportOrder["items"]> {
    if (which.of === "version") return () => itemsOfVersion(frozen, which.digest)
    if (which.of === "labelled") return await snapshotOf(labels, splitOf, which.upTo)
    const numbers: number[] = []
    for await (const some of found(which.filter, which.through, which.now)) {
      for (const n of some) numbers.push(n)
      await setImmediate()
    }
    // In the order they came in, whichever way they were found.
    numbers.sort((a, b) => a - b)
    return await snapshotOf(labels, splitOf, which.upTo, numbers)
  }
  const orderOf = async ({
    which,
    format,
    profile,
    pictures,
    classes,
  }: ExportTask): Promise<ExportOrder> => ({
    format,
    profile,
    items: await itemsOf(which),
    classes,
    ...(pictures && { picture: ({ image }: ExchangeItem) => picture(image.sha256 ?? "") }),
  })
  return {
    preview: async (task: ExportTask): Promise<ExportPreview> => (await survey(await orderOf(task))).preview,
    /** Files one after the other; `onParts` hears once how many parts there are. */
    async *entries(task: ExportTask, onParts?: (parts: number) => void): AsyncGenerator<Entry> {
      yield* writeExport(await orderOf(task), onParts)
    },
  }
}
export type Exporter = ReturnType<typeof createExporter>
