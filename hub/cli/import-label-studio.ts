import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import canonicalize from "canonicalize"
import * as v from "valibot"
import { isConfig, pictureKey, readConfig } from "../label-studio/config.rules.ts"
import { parseCommandArgs, wholeNumber } from "./args.ts"
import { CommandFailure, usageFailure } from "./exit.ts"
import { type HubSession, hubOptions, signIn } from "./hub-session.ts"
import {
  exportSource,
  liveSource,
  type Source,
  type SourceAnnotation,
  type SourceProject,
  type SourceTask,
} from "./label-studio-source.ts"

const Key = v.object({ id: v.string(), token: v.string() })
const TargetProject = v.looseObject({ id: v.number(), title: v.string(), crux_source: v.nullish(v.string()) })
const TargetTask = v.looseObject({
  id: v.number(),
  crux_key: v.nullable(v.string()),
  data: v.record(v.string(), v.unknown()),
  crux_picture: v.picklist(["none", "waiting", "stored", "failed"]),
  annotations: v.array(
    v.looseObject({ unique_id: v.string(), result: v.array(v.unknown()), was_cancelled: v.boolean() }),
  ),
  predictions: v.array(v.looseObject({ result: v.unknown(), model_version: v.string() })),
})

type Report = {
  people: { made: number; known: number; not_made: string[] }
  projects: ProjectReport[]
}
type ProjectReport = {
  source: number
  target: number
  title: string
  tasks: { found: number; new: number; known: number }
  annotations: { found: number; new: number; known: number }
  predictions: { found: number; new: number; known: number }
  pictures: { brought: number; bytes: number; missing: string[] }
  /** Tags of the config that are kept and mean nothing here. */
  unknown_tags: string[]
  /** What is not the same on both sides after the run. */
  differences: string[]
}
const mostNamed = 50

/** Moves whole projects: configs, people, tasks, annotations, predictions, pictures. Again, it brings what is new. */
export async function importLabelStudio(args: readonly string[]): Promise<void> {
  const options = {
    ...hubOptions,
    from: { type: "string" },
    "key-file": { type: "string" },
    project: { type: "string", multiple: true },
    export: { type: "string" },
    config: { type: "string" },
    media: { type: "string" },
    json: { type: "boolean", default: false },
  } as const
  const { values } = parseCommandArgs("import", args, options)
  const wanted = values.project?.map((text) => wholeNumber("import", "project", text, 1, 1e12))
  const source = sourceOf(values)
  const session = await signIn("import", values)
  const target = await openTarget(session)
  const report: Report = { people: { made: 0, known: 0, not_made: [] }, projects: [] }
  try {
    const emails = await bringPeople(source, target, report)
    const projects = (await source.projects()).filter(({ id }) => !wanted || wanted.includes(id))
    for (const project of projects) {
      if (!values.json) console.error(`${project.title} ...`)
      report.projects.push(await bringProject(source, target, project, emails))
    }
  } finally {
    await target.end()
    await session.end()
  }
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else console.log(told(report))
  const differences = report.projects.reduce((sum, project) => sum + project.differences.length, 0)
  if (differences > 0)
    throw new CommandFailure(
      "verification",
      `${differences} things are not the same on both sides.`,
      "The list above names them; what is the same stays, and running it again brings what is missing.",
    )
}

function sourceOf(values: {
  from?: string | undefined
  "key-file"?: string | undefined
  export?: string | undefined
  config?: string | undefined
  media?: string | undefined
}): Source {
  if (values.export !== undefined) {
    if (values.config === undefined)
      throw usageFailure("An export has no labelling config: give --config FILE.", "import")
    return exportSource({ tasks: values.export, config: values.config, media: values.media })
  }
  if (values.from === undefined || !URL.canParse(values.from))
    throw usageFailure("Give --from URL of the Label Studio, or --export FILE.", "import")
  const file = values["key-file"]
  const key = file === undefined ? process.env.LABEL_STUDIO_API_KEY : readFileSync(file, "utf8").trim()
  if (!key)
    throw usageFailure("The key is missing: give --key-file FILE, or set LABEL_STUDIO_API_KEY.", "import")
  return liveSource(values.from, key)
}

type Target = Awaited<ReturnType<typeof openTarget>>

/** The hub, spoken to as any program does, with a key that ends with the run. */
async function openTarget(session: HubSession) {
  const made = await session.fetch("/api/label-studio/keys", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ kind: "legacy" }),
  })
  const key = v.parse(Key, await made.json())
  const send = (method: string, path: string, body?: BodyInit, type = "application/json") =>
    session.fetch(`/label-studio${path}`, {
      method,
      headers: { authorization: `Token ${key.token}`, ...(body !== undefined && { "content-type": type }) },
      ...(body !== undefined && { body }),
    })
  return {
    get: async (path: string): Promise<unknown> => (await send("GET", path)).json(),
    post: async (path: string, body: unknown): Promise<unknown> =>
      (await send("POST", path, JSON.stringify(body))).json(),
    patch: async (path: string, body: unknown): Promise<unknown> =>
      (await send("PATCH", path, JSON.stringify(body))).json(),
    upload: async (path: string, bytes: Uint8Array): Promise<unknown> =>
      (await send("POST", path, bytes as Uint8Array<ArrayBuffer>, "application/octet-stream")).json(),
    end: async () => {
      await session.fetch(`/api/label-studio/keys/${key.id}`, { method: "DELETE" }).catch(() => undefined)
    },
  }
}

/** Everybody by address; who cannot be made is said, and their annotations come in under the importer's name. */
async function bringPeople(source: Source, target: Target, report: Report): Promise<Map<number, string>> {
  const emails = new Map<number, string>()
  const here = v.parse(v.array(v.looseObject({ email: v.string() })), await target.get("/api/users/"))
  const known = new Set(here.map(({ email }) => email))
  for (const { id, email: written, first_name, last_name } of await source.people()) {
    const email = written.trim().toLowerCase()
    if (known.has(email)) report.people.known += 1
    else {
      try {
        await target.post("/api/users/", { email, username: email, first_name, last_name })
        known.add(email)
        report.people.made += 1
      } catch (error) {
        if (!(error instanceof CommandFailure)) throw error
        report.people.not_made.push(`${email}: ${error.message}`)
        continue
      }
    }
    emails.set(id, email)
  }
  return emails
}

async function bringProject(
  source: Source,
  target: Target,
  project: SourceProject,
  emails: ReadonlyMap<number, string>,
): Promise<ProjectReport> {
  const config = readConfig(project.label_config)
  const key = isConfig(config) ? pictureKey(config) : null
  const name = `${source.name}#${project.id}`
  const id = await targetOf(target, project, name)
  const report: ProjectReport = {
    source: project.id,
    target: id,
    title: project.title,
    tasks: { found: 0, new: 0, known: 0 },
    annotations: { found: 0, new: 0, known: 0 },
    predictions: { found: 0, new: 0, known: 0 },
    pictures: { brought: 0, bytes: 0, missing: [] },
    unknown_tags: isConfig(config) ? [...config.unknown] : [],
    differences: [],
  }
  const differ = (what: string) => {
    if (report.differences.length < mostNamed) report.differences.push(what)
  }

  for await (const tasks of source.tasks(project.id)) {
    const keyOf = (task: SourceTask) => `${name}/${task.id}`
    const before = await known(target, id, tasks.map(keyOf))
    const sent = []
    for (const task of tasks) {
      const there = before.get(keyOf(task))
      // One that could not be had the last time may be there now.
      const isWanted = !there || there.crux_picture === "failed"
      const data = isWanted ? await withPicture(source, target, id, key, task, report, differ) : task.data
      if (there && data !== task.data) await target.patch(`/api/tasks/${there.id}/`, { data })
      if (there?.crux_picture === "waiting" && key !== null && there.data[key] === task.data[key])
        differ(`task ${task.id}: its picture has not come yet; the hub goes on asking for it`)
      report.tasks.found += 1
      report.tasks[there ? "known" : "new"] += 1
      report.annotations.found += task.annotations.length
      report.predictions.found += task.predictions.filter((one) => typeof one !== "number").length
      sent.push({
        data,
        meta: task.meta ?? {},
        crux_key: keyOf(task),
        annotations: task.annotations.map((one) => annotationFor(one, name, emails)),
        predictions: task.predictions,
      })
    }
    const done = v.parse(
      v.looseObject({ annotation_count: v.number(), prediction_count: v.number() }),
      await target.post(`/api/projects/${id}/import`, sent),
    )
    report.annotations.new += done.annotation_count
    report.predictions.new += done.prediction_count
    report.predictions.new += await bringPredictions(target, id, tasks, before, keyOf)
    await compare(tasks, await known(target, id, tasks.map(keyOf)), keyOf, name, differ)
  }
  report.annotations.known = report.annotations.found - report.annotations.new
  report.predictions.known = report.predictions.found - report.predictions.new
  return report
}

/** What models have said there since the task came. */
async function bringPredictions(
  target: Target,
  project: number,
  tasks: readonly SourceTask[],
  before: Awaited<ReturnType<typeof known>>,
  keyOf: (task: SourceTask) => string,
): Promise<number> {
  const fresh = tasks.flatMap((task) => {
    const there = before.get(keyOf(task))
    if (!there) return []
    const here = new Set(
      there.predictions.map(({ result, model_version }) => canonicalize([model_version, result])),
    )
    return task.predictions.flatMap((one) =>
      // A bare word is written out here, so that it could not be told whether it is known.
      typeof one === "number" ||
      !Array.isArray(one.result) ||
      here.has(canonicalize([one.model_version || "undefined", one.result]))
        ? []
        : [{ ...one, task: there.id }],
    )
  })
  if (fresh.length === 0) return 0
  const made = await target.post(`/api/projects/${project}/import/predictions`, fresh)
  return v.parse(v.looseObject({ created: v.number() }), made).created
}

async function targetOf(target: Target, project: SourceProject, name: string): Promise<number> {
  const fields = {
    title: project.title,
    label_config: project.label_config,
    description: project.description ?? "",
    expert_instruction: project.expert_instruction ?? "",
  }
  for (let page = 1; ; page++) {
    const { results, next } = v.parse(
      v.looseObject({ results: v.array(TargetProject), next: v.nullable(v.string()) }),
      await target.get(`/api/projects/?page=${page}&page_size=100`),
    )
    const found = results.find(({ crux_source }) => crux_source === name)
    if (found) {
      await target.patch(`/api/projects/${found.id}/`, fields)
      return found.id
    }
    if (next === null) break
  }
  const made = await target.post("/api/projects/", { ...fields, crux_source: name })
  return v.parse(TargetProject, made).id
}

/** Tasks that came before, by the names they came under. */
async function known(target: Target, project: number, keys: readonly string[]) {
  const query = JSON.stringify({
    filters: {
      conjunction: "and",
      items: [{ filter: "filter:tasks:crux_key", operator: "in_list", type: "String", value: keys }],
    },
  })
  const { tasks } = v.parse(
    v.looseObject({ tasks: v.array(TargetTask) }),
    await target.get(`/api/tasks/?project=${project}&page_size=1000&query=${encodeURIComponent(query)}`),
  )
  return new Map(tasks.map((task) => [task.crux_key ?? "", task]))
}

/** The task's data with its picture brought over; the digest the hub answers with must be that of the bytes read. */
async function withPicture(
  source: Source,
  target: Target,
  project: number,
  key: string | null,
  task: SourceTask,
  report: ProjectReport,
  differ: (what: string) => void,
): Promise<Record<string, unknown>> {
  const value = key === null ? undefined : task.data[key]
  if (key === null || typeof value !== "string" || value === "" || value.startsWith("data:")) return task.data
  const missing = (why: string) => {
    if (report.pictures.missing.length < mostNamed)
      report.pictures.missing.push(`task ${task.id}: ${value}: ${why}`)
    differ(`task ${task.id}: its picture was not brought: ${why}`)
    return task.data
  }
  const bytes = await source.picture(task.id, value)
  if (typeof bytes === "string") return missing(bytes)
  const path = new URL(value, "http://x")
  const name = (path.searchParams.get("d") ?? path.pathname).split("/").at(-1) ?? "image"
  let kept: { file: string; sha256: string }
  try {
    const answer = await target.upload(
      `/api/projects/${project}/media?name=${encodeURIComponent(plainName(name))}`,
      bytes,
    )
    kept = v.parse(v.looseObject({ file: v.string(), sha256: v.string() }), answer)
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error
    return missing(error.message)
  }
  if (kept.sha256 !== createHash("sha256").update(bytes).digest("hex"))
    differ(`task ${task.id}: the digest of its picture is another one here`)
  report.pictures.brought += 1
  report.pictures.bytes += bytes.length
  return { ...task.data, [key]: kept.file }
}

/** Without the eight digits that Label Studio, and this hub again, put before a file's name. */
const plainName = (name: string) => {
  try {
    return decodeURIComponent(name).replace(/^[0-9a-f]{8}-/, "")
  } catch {
    return name.replace(/^[0-9a-f]{8}-/, "")
  }
}

const uniqueOf = (one: SourceAnnotation, name: string) => one.unique_id ?? `${name}/annotation/${one.id}`

function annotationFor(one: SourceAnnotation, name: string, emails: ReadonlyMap<number, string>) {
  const { completed_by: by } = one
  const email = typeof by === "number" ? emails.get(by) : by ? by.email.trim().toLowerCase() : undefined
  const isHere = email !== undefined && [...emails.values()].includes(email)
  return {
    result: one.result,
    was_cancelled: one.was_cancelled ?? false,
    ground_truth: one.ground_truth ?? false,
    lead_time: one.lead_time ?? null,
    created_at: one.created_at ?? null,
    unique_id: uniqueOf(one, name),
    import_id: one.id,
    ...(isHere && { completed_by: { email } }),
  }
}

/** What stands on both sides now, annotation by annotation. */
async function compare(
  tasks: readonly SourceTask[],
  there: Awaited<ReturnType<typeof known>>,
  keyOf: (task: SourceTask) => string,
  name: string,
  differ: (what: string) => void,
): Promise<void> {
  for (const task of tasks) {
    const found = there.get(keyOf(task))
    if (!found) {
      differ(`task ${task.id} is not here`)
      continue
    }
    const predicted = task.predictions.filter((one) => typeof one !== "number").length
    if (found.predictions.length < predicted)
      differ(`task ${task.id} has ${predicted} predictions there and ${found.predictions.length} here`)
    for (const one of task.annotations) {
      const same = found.annotations.find(({ unique_id }) => unique_id === uniqueOf(one, name))
      if (!same) differ(`annotation ${one.id} of task ${task.id} is not here`)
      else if (canonicalize(same.result) !== canonicalize(one.result))
        differ(`annotation ${one.id} of task ${task.id} was changed on one side; both stay as they are`)
      else if (same.was_cancelled !== (one.was_cancelled ?? false))
        differ(`annotation ${one.id} of task ${task.id} was skipped on one side only`)
    }
  }
}

function told({ people, projects }: Report): string {
  const lines = [`People: ${people.made} made, ${people.known} known.`]
  for (const line of people.not_made) lines.push(`  not made: ${line}`)
  for (const project of projects) {
    const { tasks, annotations, predictions, pictures } = project
    lines.push(
      `${project.title} (${project.source} → ${project.target}): ${tasks.new} new tasks, ${tasks.known} known;`,
      `  ${annotations.new} new annotations, ${annotations.known} known; ${predictions.new} new predictions, ${predictions.known} known;`,
      `  ${pictures.brought} pictures, ${(pictures.bytes / 1e6).toFixed(1)} MB.`,
    )
    if (project.unknown_tags.length > 0)
      lines.push(`  kept without meaning: ${project.unknown_tags.join(", ")}`)
    for (const difference of project.differences) lines.push(`  ${difference}`)
  }
  return lines.join("\n")
}
