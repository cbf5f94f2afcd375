import { setImmediate } from "node:timers/promises"
import type { ExchangeItem } from "#contract/exchange"
import type { StoredImage } from "#contract/labelling"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Sqlite } from "#platform/sqlite"
import type { ProjectTasks, TextOptions, TextTask } from "../exchange/export-order.ts"
import { readResults } from "../exchange/label-studio.format.ts"
import { writeMin } from "../exchange/label-studio-min.format.ts"
import { sizeOfResults } from "../exchange/label-studio-task.format.ts"
import { isConfig, readConfig } from "./config.rules.ts"
import { dialectOf } from "./dialect.ts"
import { everything, selectedBy } from "./filter.rules.ts"
import { createPeopleStore } from "./people.store.ts"
import { createProjectsStore } from "./projects.store.ts"
import { createShapes } from "./shapes.ts"
import { createTasksStore, type TaskRow } from "./tasks.store.ts"
import { userShape } from "./wire.rules.ts"

const atOnce = 200

/**
 * The tasks of projects as they go out, in any process: as labelled pictures for archives, and in Label Studio's own forms.
 * Nothing here writes. Whoever is named in them must have a number by then.
 */
export function createProjectTasks({
  db,
  userOf,
  imageOf,
  read,
}: {
  db: Sqlite
  userOf: (id: string) => User | undefined
  imageOf: (inspection: string) => StoredImage | null | undefined
  /** Bytes of a snapshot. */
  read: (sha256: string) => Promise<Uint8Array>
}): ProjectTasks {
  const [store, projects, people] = [createTasksStore(db), createProjectsStore(db), createPeopleStore(db)]
  const numberOf = (id: string) => {
    const row = people.byUser(id)
    if (!row) throw new Problem("internal", "internal", "somebody who has annotated has no number")
    return row
  }
  const shapes = createShapes({ projects, tasks: store, people: { numberOf } })
  const person = (number: number) => {
    const row = people.byNumber(number)
    return row ? userShape(row, userOf(row.user_id)) : number
  }

  async function* rowsOf(project: number, ids: readonly number[] | null): AsyncGenerator<TaskRow> {
    const where = ids === null ? everything : selectedBy({ all: false, included: [...ids], excluded: [] })
    for (let after = 0; ; ) {
      const rows = store.after(project, after, where, atOnce)
      yield* rows
      const last = rows.at(-1)
      if (!last) return
      after = last.id
      await setImmediate()
    }
  }

  const taskOf = (row: TaskRow, { annotations: wanted, whole }: TextOptions) => {
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
        completed_by: whole.people && one.completed_by !== null ? person(one.completed_by) : one.completed_by,
      })),
      predictions: whole.predictions ? predictions : predictions.map(({ id }) => id),
    }
  }
  type Exported = ReturnType<typeof taskOf>

  async function* tasksOf({ project, options }: { project: number; options: TextOptions }) {
    for await (const row of rowsOf(project, options.ids))
      if (options.all || row.annotations + row.cancelled > 0) yield taskOf(row, options)
  }
  async function* keptIn(snapshot: string): AsyncGenerator<Exported> {
    yield* JSON.parse(new TextDecoder().decode(await read(snapshot))) as Exported[]
  }

  /** Columns are known only when all rows have been seen: once through for them, once for the rows. */
  async function* table(tasks: () => AsyncIterable<Exported>, separator: string): AsyncGenerator<string> {
    const columns = new Set<string>()
    for await (const task of tasks())
      for (const one of flat(task)) for (const key of Object.keys(one)) columns.add(key)
    const sorted = [...columns].sort()
    const line = (values: readonly unknown[]) =>
      `${values.map((value) => cell(value, separator)).join(separator)}\n`
    yield line(sorted)
    for await (const task of tasks())
      for (const one of flat(task)) yield line(sorted.map((column) => one[column]))
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

  async function* text({ form, of }: TextTask): AsyncGenerator<string> {
    const tasks = () => ("snapshot" in of ? keptIn(of.snapshot) : tasksOf(of))
    if (form === "CSV" || form === "TSV") {
      yield* table(tasks, form === "CSV" ? "," : "\t")
      return
    }
    let first = true
    yield "["
    for await (const task of tasks())
      for (const one of form === "JSON" ? [task] : flat(task)) {
        yield `${first ? "" : ", "}${JSON.stringify(one)}`
        first = false
      }
    yield "]"
  }

  const configOf = (project: number) => {
    const config = readConfig(projects.get(project)?.config ?? "")
    return isConfig(config) ? config : { controls: [], objects: [], unknown: [] }
  }

  /**
   * With Label Studio's words and numbers: classes in alphabetical order over all controls of the config. Of several
   * annotations the newest counts; there each one counts, and the last written wins.
   */
  function source({ project, all }: { project: number; all: boolean }) {
    const config = configOf(project)
    // Words stay as the config has them, known to the catalogue or not.
    const dialect = { ...dialectOf(config, []), kindOf: (label: string) => label }
    const words = new Set(config.controls.flatMap(({ labels }) => labels))
    /** What cannot be placed because nobody knows its picture's size is left out. */
    const itemOf = (row: TaskRow): ExchangeItem | null => {
      const said = store.annotationsOf(row.id).find(({ was_cancelled }) => was_cancelled === 0)
      const results = said ? (JSON.parse(said.result) as unknown[]) : []
      const image = row.picture === "stored" ? imageOf(row.inspection_id) : null
      const size = image ?? sizeOfResults(results)
      if (!size) return null
      const upload = row.upload === null ? undefined : store.uploadById(row.upload)
      const { verdict, drawing } = readResults(results, size, dialect)
      const kinds = [...new Set(drawing.regions.flatMap((region) => region.kinds))]
      return {
        v: 1,
        id: row.inspection_id,
        image: {
          file: `images/${upload?.name ?? `${row.inspection_id}.${extensions[image?.mime ?? "image/png"]}`}`,
          mime: image?.mime ?? "image/png",
          w: size.w,
          h: size.h,
          ...(image && { sha256: image.sha256 }),
        },
        label: said ? { verdict: verdict ?? (kinds.length > 0 ? "ng" : "ok"), kinds, drawing } : null,
      }
    }
    return {
      async *items(): AsyncGenerator<ExchangeItem> {
        for await (const row of rowsOf(project, null)) {
          const item = all || row.annotations > 0 ? itemOf(row) : null
          if (item) yield item
        }
      },
      classes: [...words].sort(),
      splits: [undefined],
      profile: "ls-exact" as const,
    }
  }

  return { source, text }
}

const extensions = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp" } as const

/** Numbers stand bare, everything else is quoted where it must be; what is no text is JSON. */
function cell(value: unknown, separator: string): string {
  if (value === null || value === undefined) return ""
  if (typeof value === "number") return String(value)
  const text = typeof value === "string" ? value : JSON.stringify(value)
  return text.includes('"') || text.includes(separator) || /[\r\n]/.test(text)
    ? `"${text.replaceAll('"', '""')}"`
    : text
}
