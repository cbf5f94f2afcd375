import { createHash } from "node:crypto"
import type { LsSelection } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Blobs } from "#platform/blobs"
import type { Clock } from "#platform/clock"
import type { Sqlite } from "#platform/sqlite"
import { writeMin } from "../exchange/label-studio-min.format.ts"
import type { ExportRow, ProjectRow, ProjectsStore } from "./projects.store.ts"
import type { RowShapes } from "./shapes.ts"
import type { Tasks } from "./tasks.service.ts"
import type { TaskRow } from "./tasks.store.ts"
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

type Options = {
  /** Tasks without annotations as well. */
  all: boolean
  ids: readonly number[] | null
  /** Snapshots: what of the annotations is wanted, and how much of it. */
  annotations: { usual: boolean; truth: boolean; skipped: boolean }
  whole: { drafts: boolean; predictions: boolean; people: boolean }
}
const atOnce = 200

/** What goes out: the tasks of a project in Label Studio's own forms, and snapshots of them that stay. */
export function createExporting({
  db,
  store,
  tasks,
  shapes,
  people,
  blobs,
  clock,
}: {
  db: Sqlite
  store: ProjectsStore
  tasks: Pick<Tasks, "each" | "configOf">
  shapes: RowShapes
  people: (number: number) => { id: number; email: string; first_name: string; last_name: string }
  blobs: Pick<Blobs, "put" | "read">
  clock: Clock
}) {
  type Exported = ReturnType<typeof taskOf>

  function* rowsOf(project: ProjectRow, { all, ids }: Options): Generator<TaskRow> {
    const selection: LsSelection =
      ids === null ? {} : { selectedItems: { all: false, included: [...ids], excluded: [] } }
    let after = 0
    for (;;) {
      const rows = tasks.each(project.id, selection, after, atOnce)
      yield* rows.filter(({ annotations, cancelled }) => all || annotations + cancelled > 0)
      const last = rows.at(-1)
      if (!last) return
      after = last.id
    }
  }

  const taskOf = (row: TaskRow, { annotations: wanted, whole }: Options) => {
    const { is_labeled: _, overlap: __, annotations, predictions, ...task } = shapes.wholeTask(row)
    const kept = annotations.filter(
      ({ was_cancelled, ground_truth }) =>
        (was_cancelled ? wanted.skipped : wanted.usual) || (ground_truth && wanted.truth),
    )
    return {
      ...task,
      file_upload: task.file_upload,
      drafts: [],
      annotations: kept.map((one) => ({
        ...one,
        completed_by: whole.people && one.completed_by !== null ? people(one.completed_by) : one.completed_by,
      })),
      predictions: whole.predictions ? predictions : predictions.map(({ id }) => id),
    }
  }

  /** One flat object for each annotation that was not skipped, newest first; a task without any is one with its data. */
  function* flat(task: Exported): Generator<Record<string, unknown>> {
    const said = task.annotations.filter(({ was_cancelled }) => !was_cancelled)
    for (const one of said) {
      const who = one.completed_by
      yield writeMin(task.data, one.result as Record<string, unknown>[], {
        id: task.id,
        annotator: typeof who === "object" && who !== null ? who.id : who,
        annotation_id: one.id,
        created_at: one.created_at,
        updated_at: one.updated_at,
        lead_time: one.lead_time,
      })
    }
    if (said.length === 0 && task.annotations.length === 0) yield { ...task.data, id: task.id }
  }

  function* piecesOf(project: ProjectRow, format: Format, options: Options): Generator<string> {
    if (format === "CSV" || format === "TSV") {
      yield* tableOf(project, format === "CSV" ? "," : "\t", options)
      return
    }
    let first = true
    yield "["
    for (const row of rowsOf(project, options)) {
      const task = taskOf(row, options)
      for (const one of format === "JSON" ? [task] : flat(task)) {
        yield `${first ? "" : ", "}${JSON.stringify(one)}`
        first = false
      }
    }
    yield "]"
  }

  /** Columns are known only when all rows have been seen: once through for them, once for the rows. */
  function* tableOf(project: ProjectRow, separator: string, options: Options): Generator<string> {
    const columns = new Set<string>()
    for (const row of rowsOf(project, options))
      for (const one of flat(taskOf(row, options))) for (const key of Object.keys(one)) columns.add(key)
    const sorted = [...columns].sort()
    yield `${sorted.map((column) => cell(column, separator)).join(separator)}\n`
    for (const row of rowsOf(project, options))
      for (const one of flat(taskOf(row, options)))
        yield `${sorted.map((column) => cell(one[column], separator)).join(separator)}\n`
  }

  const nameOf = (project: number, md5: string, format: Format) => {
    const at = iso(clock.now())
    const extension = { JSON: "json", JSON_MIN: "json", CSV: "csv", TSV: "tsv" }[format]
    return `project-${project}-at-${at.slice(0, 10)}-${at.slice(11, 13)}-${at.slice(14, 16)}-${md5.slice(0, 8)}.${extension}`
  }
  const whole = (project: ProjectRow, format: Format, options: Options) => {
    const pieces: Buffer[] = []
    const md5 = createHash("md5")
    for (const piece of piecesOf(project, format, options)) {
      const bytes = Buffer.from(piece)
      md5.update(bytes)
      pieces.push(bytes)
    }
    return { bytes: Buffer.concat(pieces), md5: md5.digest("hex") }
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
    now(project: ProjectRow, format: Format, asked: { all: boolean; ids: readonly number[] | null }) {
      const made = whole(project, format, {
        ...asked,
        annotations: { usual: true, truth: true, skipped: true },
        whole: { drafts: true, predictions: false, people: false },
      })
      return { ...made, name: nameOf(project.id, made.md5, format) }
    },
    formatOf: nameOf,

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
      const made = whole(project, "JSON", {
        all:
          asked.task_filter_options?.only_with_annotations !== true &&
          asked.task_filter_options?.annotated !== "only",
        ids: null,
        annotations: {
          usual: of.usual !== false,
          truth: of.ground_truth === true,
          skipped: of.skipped === true,
        },
        whole: { drafts: false, predictions: isExpanded(how.predictions), people: people?.only_id === false },
      })
      const sha256 = await blobs.put(made.bytes)
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
          size: made.bytes.length,
          md5: made.md5,
          user_id: by.id,
          created_at,
          finished_at: clock.now(),
        }),
      )
      return found(project.id, id)
    },
    /** A snapshot's file in a form. The form is made of the snapshot, not of what the project has become. */
    async download(project: ProjectRow, id: number, format: Format) {
      const row = found(project.id, id)
      const bytes = await blobs.read(row.sha256)
      const name = `${nameOf(project.id, row.md5, format)}`
      if (format === "JSON") return { bytes, name }
      const list = JSON.parse(new TextDecoder().decode(bytes)) as Exported[]
      const flats = list.flatMap((task) => [...flat(task)])
      if (format === "JSON_MIN") return { bytes: Buffer.from(JSON.stringify(flats)), name }
      const separator = format === "CSV" ? "," : "\t"
      const columns = [...new Set(flats.flatMap((one) => Object.keys(one)))].sort()
      const lines = [columns, ...flats.map((one) => columns.map((column) => one[column]))]
      const text = lines
        .map((line) => `${line.map((value) => cell(value, separator)).join(separator)}\n`)
        .join("")
      return { bytes: Buffer.from(text), name }
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

/** Numbers stand bare, everything else is quoted where it must be; what is no text is JSON. */
function cell(value: unknown, separator: string): string {
  if (value === null || value === undefined) return ""
  if (typeof value === "number") return String(value)
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.includes('"') || text.includes(separator) || /[\r\n]/.test(text)
    ? `"${text.replaceAll('"', '""')}"`
    : text
}
