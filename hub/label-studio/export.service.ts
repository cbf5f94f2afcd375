import { createReadStream } from "node:fs"
import type { ExchangeFormat } from "#contract/exchange"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import type { TextOptions } from "../exchange/export-order.ts"
import type { Exports } from "../exchange/exports.service.ts"
import type { ExportRow, ProjectRow, ProjectsStore } from "./projects.store.ts"
import { iso } from "./wire.rules.ts"

export const exportFormats = [
  {
    name: "JSON",
    title: "JSON",
    description: "Tasks with everything that belongs to them, as they are imported again.",
  },
  { name: "JSON_MIN", title: "JSON-MIN", description: "One flat object for each annotation." },
  { name: "CSV", title: "CSV", description: "One row for each annotation, separated by commas." },
  { name: "TSV", title: "TSV", description: "One row for each annotation, separated by tabs." },
] as const
type Format = (typeof exportFormats)[number]["name"]

/** What Label Studio calls the formats that the hub writes as archives. */
export const archiveFormats: Readonly<
  Record<string, { format: ExchangeFormat; title: string; pictures: boolean }>
> = {
  COCO: { format: "coco", title: "COCO", pictures: false },
  COCO_WITH_IMAGES: { format: "coco", title: "COCO with Images", pictures: true },
  YOLO: { format: "yolo", title: "YOLO", pictures: false },
  YOLO_WITH_IMAGES: { format: "yolo", title: "YOLO with Images", pictures: true },
  YOLO_OBB: { format: "yolo-obb", title: "YOLOv8 OBB", pictures: false },
  YOLO_OBB_WITH_IMAGES: { format: "yolo-obb", title: "YOLOv8 OBB with Images", pictures: true },
  VOC: { format: "voc", title: "Pascal VOC XML", pictures: false },
}

/** What goes out: the tasks of a project in Label Studio's own forms and as archives, and snapshots of them that stay. */
export function createExporting({
  db,
  store,
  exports,
  numberEverybody,
  blobs,
  clock,
}: {
  db: Sqlite
  store: ProjectsStore
  /** Where exports are made: beside everybody else's work. */
  exports: () => Pick<Exports, "text" | "ofProject">
  /** Gives a number to whoever has none yet: what makes exports writes nothing. */
  numberEverybody: () => void
  blobs: Pick<Blobs, "putStream" | "file">
  clock: Clock
}) {
  const titled = (project: number, extension: string) => {
    const at = iso(clock.now())
    return `project-${project}-at-${at.slice(0, 10)}-${at.slice(11, 13)}-${at.slice(14, 16)}-${extension}`
  }
  const nameOf = (project: number, md5: string, format: Format) => {
    const extension = { JSON: "json", JSON_MIN: "json", CSV: "csv", TSV: "tsv" }[format]
    return titled(project, `${md5.slice(0, 8)}.${extension}`)
  }
  const textOf = (by: User, { id, title }: ProjectRow, form: Format, options: TextOptions) => {
    numberEverybody()
    return exports().text({ form, of: { project: id, options } }, { name: title, by })
  }
  const found = (project: number, id: number): ExportRow => {
    const row = store.export(project, id)
    if (!row) throw new Problem("not_found", "export", "No Export matches the given query.")
    return row
  }

  return {
    format(name: string): Format {
      const format = exportFormats.find((one) => one.name === name.toUpperCase())
      if (!format)
        throw new Problem(
          "invalid",
          "export_type",
          `${name} is not written here; there are ${exportFormats.map((one) => one.name).join(", ")} and, at once, COCO, YOLO, YOLO_OBB and VOC; crux export writes more.`,
        )
      return format.name
    },
    /** Everything at once, under the name Label Studio gives it. */
    async now(
      by: User,
      project: ProjectRow,
      format: Format,
      asked: { all: boolean; ids: readonly number[] | null },
    ) {
      const made = await textOf(by, project, format, {
        ...asked,
        annotations: { usual: true, truth: true, skipped: true },
        whole: { predictions: false, people: false },
      })
      return { ...made, name: nameOf(project.id, made.md5, format) }
    },
    /** An archive, made while it is read. */
    archive(
      by: User,
      project: ProjectRow,
      kind: keyof typeof archiveFormats,
      asked: { all: boolean; pictures: boolean },
    ) {
      const { format, pictures: always } = archiveFormats[kind]!
      const name = titled(project.id, `${kind.toLowerCase()}.zip`)
      const of = { project: project.id, all: asked.all, format, pictures: asked.pictures || always }
      return { name, bytes: exports().ofProject(of, { name, by }) }
    },

    list: (project: number) => store.exports(project),
    found,
    /** A snapshot: the file stays as it was made. */
    async snapshot(
      by: User,
      project: ProjectRow,
      asked: {
        title?: string | null | undefined
        task_filter_options?: Record<string, unknown> | null | undefined
        annotation_filter_options?: Record<string, unknown> | null | undefined
        serialization_options?: Record<string, unknown> | null | undefined
      },
    ): Promise<ExportRow> {
      const of = asked.annotation_filter_options ?? {}
      const how = asked.serialization_options ?? {}
      const people = how.annotations__completed_by as { only_id?: boolean } | undefined
      const created_at = clock.now()
      const made = await textOf(by, project, "JSON", {
        all:
          asked.task_filter_options?.only_with_annotations !== true &&
          asked.task_filter_options?.annotated !== "only",
        ids: null,
        annotations: {
          usual: of.usual !== false,
          truth: of.ground_truth === true,
          skipped: of.skipped === true,
        },
        whole: { predictions: isExpanded(how.predictions), people: people?.only_id === false },
      })
      const { sha256 } = await blobs.putStream(made.bytes)
      const counters = store.counts(project.id)
      const title = asked.title || `${project.title} at ${iso(created_at).slice(0, 16)}`
      const id = db.transaction(() =>
        store.putExport({
          project: project.id,
          title,
          options: JSON.stringify(asked),
          counters: JSON.stringify({
            task_number: counters.task_number,
            annotation_number: counters.total_annotations_number,
            prediction_number: counters.total_predictions_number,
          }),
          sha256,
          size: made.size,
          md5: made.md5,
          user_id: by.id,
          created_at,
          finished_at: clock.now(),
        }),
      )
      return found(project.id, id)
    },
    /** A snapshot's file in a form. The form is made of the snapshot, not of what the project has become. */
    async download(by: User, project: ProjectRow, id: number, format: Format) {
      const { sha256, size, md5 } = found(project.id, id)
      const name = nameOf(project.id, md5, format)
      if (format === "JSON")
        return { name, size, bytes: createReadStream(await blobs.file(sha256)) as AsyncIterable<Uint8Array> }
      return { ...(await exports().text({ form: format, of: { snapshot: sha256 } }, { name, by })), name }
    },
    drop(project: number, id: number): void {
      found(project, id)
      db.transaction(() => store.dropExport(id))
    },
  }
}
export type Exporting = ReturnType<typeof createExporting>

const isExpanded = (value: unknown) =>
  value === true ||
  (typeof value === "object" && value !== null && (value as { only_id?: boolean }).only_id === false)
