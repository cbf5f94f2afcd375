import * as v from "valibot"
import { LsTaskIn } from "#contract/label-studio"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Clock } from "#platform/clock"
import type { Outbound } from "#platform/outbound"
import { type LabelConfig, pictureKey } from "./config.rules.ts"
import { addressOf, type Pictures } from "./pictures.service.ts"
import type { ProjectRow } from "./projects.store.ts"
import type { TaskIn, Tasks } from "./tasks.service.ts"

/** Tasks that are written as one transaction: others come to turn between two. */
const atOnce = 200
const largestList = 256 * 1024 * 1024

/** A file of an upload. */
export type Sent = { name: string; bytes: Uint8Array }

/** Bringing tasks in, whichever way they come: JSON, files, an address. Everything is checked before anything is stored. */
export function createImporting({
  tasks,
  pictures,
  outbound,
  clock,
}: {
  tasks: Pick<Tasks, "add" | "configOf">
  pictures: Pick<Pictures, "keep" | "unfold">
  outbound: Outbound
  clock: Clock
}) {
  const bring = async (
    by: User,
    project: ProjectRow,
    list: readonly TaskIn[],
    fromFields: readonly string[],
  ) => {
    const started = clock.now()
    const config = tasks.configOf(project)
    checkData(list, config)
    const done = { tasks: [] as number[], annotations: 0, predictions: 0, known: 0 }
    for (let i = 0; i < list.length; i += atOnce) {
      const some: TaskIn[] = []
      for (const one of list.slice(i, i + atOnce))
        some.push({
          ...one,
          data: await pictures.unfold(project.id, config, one.data),
          predictions: [...one.predictions, ...fieldPredictions(one.data, fromFields, config)],
        })
      const added = tasks.add(by, project, some, true)
      done.tasks.push(...added.tasks)
      done.annotations += added.annotations
      done.predictions += added.predictions
      done.known += added.known
      // Let everybody else come to turn.
      await new Promise((resolve) => setTimeout(resolve))
    }
    return { ...done, seconds: (clock.now() - started) / 1000 }
  }

  const answer = (
    done: Awaited<ReturnType<typeof bring>>,
    more: { files: number[]; formats: string[]; columns: string[]; isList: boolean },
    withIds: boolean,
  ) => ({
    task_count: done.tasks.length,
    annotation_count: done.annotations,
    prediction_count: done.predictions,
    duration: done.seconds,
    file_upload_ids: more.files,
    could_be_tasks_list: more.isList,
    found_formats: more.formats,
    data_columns: more.columns,
    ...(withIds && { task_ids: done.tasks }),
    /** Ours: tasks that were here before, by their name. */
    crux_known: done.known,
  })

  return {
    /** A JSON body: one task, a list of them, or the address of either. */
    async json(
      by: User,
      project: ProjectRow,
      body: unknown,
      how: { ids: boolean; fields: readonly string[] },
    ) {
      if (typeof body === "object" && body !== null && "url" in body && Object.keys(body).length === 1) {
        const got = await outbound.fetch(String(body.url), { timeoutMs: 60_000, most: largestList })
        if (got.status !== 200)
          throw new Problem("invalid", "import_url", `the server answered ${got.status}`)
        return this.files(by, project, [{ name: new URL(String(body.url)).pathname, bytes: got.bytes }], how)
      }
      const list = readTasks(body)
      const done = await bring(by, project, list, how.fields)
      return answer(
        done,
        { files: [], formats: [], columns: columnsOf(list), isList: Array.isArray(body) },
        how.ids,
      )
    },

    /** Files: pictures become tasks, lists of tasks are read. */
    async files(
      by: User,
      project: ProjectRow,
      sent: readonly Sent[],
      how: { ids: boolean; fields: readonly string[] },
    ) {
      const key = pictureKey(tasks.configOf(project)) ?? "image"
      const list: TaskIn[] = []
      const files: number[] = []
      let isList = false
      for (const file of sent) {
        if (/\.(json|csv|tsv)$/i.test(file.name)) {
          isList = true
          const text = new TextDecoder().decode(file.bytes)
          list.push(
            ...(/\.json$/i.test(file.name)
              ? readTasks(parseJson(text, file.name))
              : readTable(text, file.name)),
          )
          continue
        }
        const kept = await pictures.keep(project.id, file.name, file.bytes)
        files.push(kept.id)
        list.push({ ...bare({ [key]: addressOf(kept) }), upload: kept.id })
      }
      const done = await bring(by, project, list, how.fields)
      const formats = [...new Set(sent.map(({ name }) => /\.[^.]+$/.exec(name)?.[0]?.toLowerCase() ?? ""))]
      return answer(done, { files, formats, columns: columnsOf(list), isList }, how.ids)
    },
  }
}
export type Importing = ReturnType<typeof createImporting>

const bare = (data: Record<string, unknown>): TaskIn => ({
  data,
  meta: {},
  annotations: [],
  predictions: [],
  key: null,
  upload: null,
})

function readTasks(body: unknown): TaskIn[] {
  const list: unknown[] = Array.isArray(body) ? body : [body]
  return list.map((item, i) => {
    if (typeof item !== "object" || item === null || Array.isArray(item))
      throw new Problem("invalid", "tasks", `Error at item ${i}: a task is an object`)
    // An object without `data` is the data.
    if (!("data" in item)) return bare(item as Record<string, unknown>)
    const parsed = v.safeParse(LsTaskIn, item)
    if (!parsed.success) {
      const [issue] = parsed.issues
      throw new Problem(
        "invalid",
        "tasks",
        `Error at item ${i}: ${v.getDotPath(issue) ?? ""} ${issue.message}`,
      )
    }
    const { data, meta, annotations, predictions, crux_key } = parsed.output
    // The form of older exports.
    const older =
      "completions" in item && Array.isArray(item.completions) ? (item.completions as never[]) : []
    return {
      data,
      meta: meta ?? {},
      annotations: annotations && annotations.length > 0 ? annotations : older,
      predictions: (predictions ?? []).filter((one) => typeof one !== "number"),
      key: crux_key ?? null,
      upload: null,
    }
  })
}

function checkData(list: readonly TaskIn[], config: LabelConfig): void {
  const key = pictureKey(config)
  if (key === null) return
  const without = list.findIndex(({ data }) => !(key in data))
  if (without >= 0)
    throw new Problem("invalid", "tasks", `Error at item ${without}: "${key}" key is expected in task data`)
}

const columnsOf = (list: readonly TaskIn[]) => Object.keys(list[0]?.data ?? {})

/** Fields of the data that are predictions: `?preannotated_from_fields=verdict`. */
function fieldPredictions(data: Record<string, unknown>, fields: readonly string[], config: LabelConfig) {
  return fields.flatMap((field) => {
    const value = data[field]
    const control = config.controls.find(({ name }) => name === field)
    if (!control || (typeof value !== "string" && !Array.isArray(value))) return []
    const said = Array.isArray(value) ? value : [value]
    const key = control.type === "textarea" ? "text" : control.type
    const result = [
      { from_name: field, to_name: control.toName[0] ?? "", type: control.type, value: { [key]: said } },
    ]
    return [{ result, score: 1, model_version: field }]
  })
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem("invalid", "tasks", `${name} is not JSON`)
  }
}

/** A table with a header; quoted fields may hold the separator, quotes and line ends (RFC 4180). */
function readTable(text: string, name: string): TaskIn[] {
  const separator = /\.tsv$/i.test(name) ? "\t" : ","
  const [header, ...rows] = cellsOf(text.replace(/^\uFEFF/, ""), separator)
  if (!header || header.length === 0) throw new Problem("invalid", "tasks", `${name} has no header`)
  return rows
    .filter((row) => row.some((cell) => cell !== ""))
    .map((row) => bare(Object.fromEntries(header.map((column, i) => [column, row[i] ?? ""]))))
}

function cellsOf(text: string, separator: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let cell = ""
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!
    if (quoted) {
      if (sign !== '"') cell += sign
      else if (text[i + 1] === '"') {
        cell += '"'
        i += 1
      } else quoted = false
      continue
    }
    if (sign === '"' && cell === "") quoted = true
    else if (sign === separator) {
      row.push(cell)
      cell = ""
    } else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && text[i + 1] === "\n") i += 1
      rows.push([...row, cell])
      row = []
      cell = ""
    } else cell += sign
  }
  if (cell !== "" || row.length > 0) rows.push([...row, cell])
  return rows
}
