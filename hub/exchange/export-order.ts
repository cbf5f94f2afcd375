import { setImmediate } from "node:timers/promises"
import type { ExchangeFormat, ExchangeItem, ExchangeProfile, ExportPreview } from "#contract/exchange"
import { type Entry, type ExportSource, type Split, textPieces } from "./entry.format.ts"
import { formats } from "./formats.ts"
import { type FrozenVersion, itemsOfVersion, type LabelledSnapshot, snapshotOf } from "./labelled-items.ts"
import { createSpool } from "./spool.ts"
import { type ExportOrder, survey, writeExport } from "./survey.ts"

/**
 * Which parts go out: all that are labelled, a frozen version, what a filter finds, or the tasks of a project. `upTo` and
 * `through` are a moment: whoever reads them twice, in whatever process, reads the same.
 */
export type ExportOf =
  | { of: "labelled"; upTo: number }
  | { of: "version"; digest: string }
  | { of: "found"; upTo: number; filter: string; through: number; now: number }
  | { of: "project"; project: number; all: boolean }

/** One export, as a child of the hub is told of it. */
export type ExportTask = {
  which: ExportOf
  format: ExchangeFormat
  profile: ExchangeProfile
  pictures: boolean
  /** Classes that must have a number although nothing shows them. */
  classes: string[]
}

/** Tasks in one of Label Studio's own forms, as they stand at one moment or as a snapshot has kept them: no archive, one text. */
export type TextTask = {
  form: "JSON" | "JSON_MIN" | "CSV" | "TSV"
  of: { project: number; options: TextOptions } | { snapshot: string }
}
export type TextOptions = {
  /** Tasks without annotations as well. */
  all: boolean
  ids: readonly number[] | null
  /** What of the annotations is wanted, and how much of it. */
  annotations: { usual: boolean; truth: boolean; skipped: boolean }
  whole: { predictions: boolean; people: boolean }
}

/** The bundle of a training job as a tar, for a trainer that is not connected. */
export type TarTask = { job: string; bundle: string; dataset: string }
/** Everything that goes out is made of one of these. */
export type Errand = ExportTask | TextTask | TarTask

/** The tasks of projects, which a later domain knows. */
export type ProjectTasks = {
  source: (of: { project: number; all: boolean }) => Omit<ExportSource, "picture">
  text: (task: TextTask) => AsyncIterable<string>
}

/** What exports are made from; the hub and its child each have one. */
export type ExportDeps = {
  labels: LabelledSnapshot
  splitOf: (part: string | null, image: string) => Split
  frozen: FrozenVersion
  picture: (sha256: string) => Promise<Uint8Array>
  /** Numbers of the parts a filter finds up to part `through`, in pieces. */
  found: (filter: string, through: number, now: number) => AsyncIterable<number[]>
  projects: ProjectTasks
  /** The bundles of trainings, which a later domain knows. */
  tar: (task: TarTask, onPicture: () => void) => AsyncIterable<Uint8Array>
  /** For what is read more than once. */
  folder: string
}

/** Makes exports: what one holds, and its files one after the other. */
export function createExporter({
  labels,
  splitOf,
  frozen,
  picture,
  found,
  projects,
  tar,
  folder,
}: ExportDeps) {
  async function itemsOf(which: ExportOf): Promise<ExportOrder["items"]> {
    if (which.of === "version") return () => itemsOfVersion(frozen, which.digest)
    if (which.of === "project") return projects.source(which).items
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
  const bytesOf = ({ image }: ExchangeItem) => picture(image.sha256 ?? "")
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
    ...(pictures && { picture: bytesOf }),
  })
  return {
    preview: async (task: ExportTask): Promise<ExportPreview> => (await survey(await orderOf(task))).preview,
    /** Files one after the other; `onParts` hears once how many parts there are. */
    async *entries(task: ExportTask, onParts?: (parts: number) => void): AsyncGenerator<Entry> {
      const { which, format, pictures } = task
      // A project's config says which classes there are, and it has no splits: nothing to be looked up first.
      if (which.of === "project")
        yield* formats[format].write({ ...projects.source(which), ...(pictures && { picture: bytesOf }) })
      else {
        const order = await orderOf(task)
        const spool = createSpool(order.items, folder)
        try {
          yield* writeExport({ ...order, items: spool.items }, onParts)
        } finally {
          await spool.close()
        }
      }
    },
    text: (task: TextTask): AsyncIterable<Uint8Array> => textPieces(projects.text(task)),
    tar,
  }
}
export type Exporter = ReturnType<typeof createExporter>
