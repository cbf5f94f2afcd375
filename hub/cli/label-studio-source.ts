import { readdirSync, readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { basename, join } from "node:path"
import * as v from "valibot"
import { CommandFailure } from "./exit.ts"

const Named = v.looseObject({ id: v.number(), email: v.string() })
const Person = v.looseObject({
  ...Named.entries,
  first_name: v.nullish(v.string()),
  last_name: v.nullish(v.string()),
})
const Project = v.looseObject({
  id: v.number(),
  title: v.string(),
  label_config: v.string(),
  description: v.nullish(v.string()),
  expert_instruction: v.nullish(v.string()),
})
const Annotation = v.looseObject({
  id: v.number(),
  result: v.array(v.record(v.string(), v.unknown())),
  completed_by: v.nullish(v.union([v.number(), Named])),
  was_cancelled: v.nullish(v.boolean()),
  ground_truth: v.nullish(v.boolean()),
  lead_time: v.nullish(v.number()),
  created_at: v.nullish(v.string()),
  unique_id: v.nullish(v.string()),
})
const Prediction = v.looseObject({
  result: v.array(v.record(v.string(), v.unknown())),
  score: v.nullish(v.number()),
  model_version: v.nullish(v.string()),
})
const Task = v.looseObject({
  id: v.number(),
  data: v.record(v.string(), v.unknown()),
  meta: v.nullish(v.record(v.string(), v.unknown())),
  annotations: v.optional(v.array(Annotation), []),
  predictions: v.optional(v.array(v.union([Prediction, v.number()])), []),
})
export type SourcePerson = v.InferOutput<typeof Person>
export type SourceProject = v.InferOutput<typeof Project>
export type SourceTask = v.InferOutput<typeof Task>
export type SourceAnnotation = v.InferOutput<typeof Annotation>

/** Where projects are taken from: a running Label Studio, or what it once exported. */
export type Source = {
  /** A name that stays the same at the next run: what is known is known by it. */
  readonly name: string
  people: () => Promise<SourcePerson[]>
  projects: () => Promise<SourceProject[]>
  /** All tasks of a project, some at a time. */
  tasks: (project: number) => AsyncGenerator<SourceTask[]>
  /** The bytes a picture's value stands for; null for one that cannot be had from here. */
  picture: (task: number, value: string) => Promise<Uint8Array | null>
}

const atOnce = 100

/** A running Label Studio, asked with a key of either kind. */
export function liveSource(url: string, key: string): Source {
  const base = url.replace(/\/+$/, "")
  let access = { token: "", ends: 0 }

  /** A key that is a refresh token is changed for one that lives for minutes. */
  const authorization = async (): Promise<string> => {
    const claims = claimsOf(key)
    if (claims?.token_type !== "refresh") return claims ? `Bearer ${key}` : `Token ${key}`
    if (Date.now() > access.ends - 30_000) {
      const answer = await reach(`${base}/api/token/refresh/`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ refresh: key }),
      })
      if (!answer.ok) throw refused(answer.status)
      const { access: token } = v.parse(v.object({ access: v.string() }), await answer.json())
      access = { token, ends: (claimsOf(token)?.exp ?? 0) * 1000 }
    }
    return `Bearer ${access.token}`
  }
  const ask = async (path: string): Promise<Response> =>
    reach(`${base}${path}`, { headers: { authorization: await authorization() } })
  const json = async <S extends v.GenericSchema>(path: string, schema: S): Promise<v.InferOutput<S>> => {
    const answer = await ask(path)
    if (answer.status === 401 || answer.status === 403) throw refused(answer.status)
    if (!answer.ok)
      throw new CommandFailure(
        "failure",
        `Label Studio answered ${answer.status} to ${path}.`,
        "Run it again.",
      )
    const parsed = v.safeParse(schema, await answer.json())
    if (parsed.success) return parsed.output
    throw new CommandFailure(
      "failure",
      `Label Studio's answer to ${path} is not understood: ${v.getDotPath(parsed.issues[0]) ?? ""} ${parsed.issues[0].message}`,
      "Nothing of it was brought in.",
    )
  }

  return {
    name: new URL(base).host,
    people: () => json("/api/users/", v.array(Person)),
    async projects() {
      const all: SourceProject[] = []
      for (let page = 1; ; page++) {
        const { results, next } = await json(
          `/api/projects/?page=${page}&page_size=${atOnce}`,
          v.looseObject({ results: v.array(Project), next: v.nullish(v.string()) }),
        )
        all.push(...results)
        if (!next || results.length === 0) return all
      }
    },
    async *tasks(project) {
      for (let page = 1; ; page++) {
        const path = `/api/tasks/?project=${project}&page=${page}&page_size=${atOnce}&fields=all`
        const answer = await ask(path)
        // A page beyond the last is "not found" there.
        if (answer.status === 404 && page > 1) return
        if (!answer.ok) throw refused(answer.status)
        const parsed = v.parse(v.looseObject({ tasks: v.array(Task) }), await answer.json())
        if (parsed.tasks.length > 0) yield parsed.tasks
        if (parsed.tasks.length < atOnce) return
      }
    },
    async picture(task, value) {
      const path = /^(s3|gs|azure-blob):/.test(value)
        ? `/tasks/${task}/presign/?fileuri=${Buffer.from(value).toString("base64url")}`
        : value
      // Its own files with the key; everybody else's without.
      const own = path.startsWith("/") || path.startsWith(`${base}/`)
      if (!own && !/^https?:/i.test(path)) return null
      const answer = own ? await ask(path.replace(base, "")) : await reach(path, {})
      return answer.ok ? answer.bytes() : null
    },
  }
}

/** The JSON of a project's export, its config, and a folder of its pictures. */
export function exportSource(files: { tasks: string; config: string; media: string | undefined }): Source {
  const title = basename(files.tasks).replace(/\.json$/i, "")
  const read = async () => {
    const parsed = v.safeParse(v.array(Task), JSON.parse(await readFile(files.tasks, "utf8")))
    if (parsed.success) return parsed.output
    throw new CommandFailure(
      "failure",
      `${files.tasks} is not a JSON export of Label Studio: ${v.getDotPath(parsed.issues[0]) ?? ""} ${parsed.issues[0].message}`,
      "Export the project as JSON, not as JSON-MIN.",
    )
  }
  const pictures = new Map<string, string>()
  if (files.media !== undefined)
    for (const path of readdirSync(files.media, { recursive: true, encoding: "utf8" }))
      pictures.set(basename(path), join(files.media, path))
  return {
    name: `export:${title}`,
    // People whose address the export holds.
    people: async () => {
      const found = new Map<number, SourcePerson>()
      for (const { annotations } of await read())
        for (const { completed_by: who } of annotations)
          if (typeof who === "object" && who !== null) found.set(who.id, who)
      return [...found.values()]
    },
    projects: async () => [{ id: 1, title, label_config: readFileSync(files.config, "utf8") }],
    async *tasks() {
      const all = await read()
      for (let i = 0; i < all.length; i += atOnce) yield all.slice(i, i + atOnce)
    },
    async picture(_task, value) {
      const name = basename(
        new URL(value, "http://x").searchParams.get("d") ?? new URL(value, "http://x").pathname,
      )
      const path = pictures.get(name) ?? pictures.get(decodeURIComponent(name))
      return path === undefined ? null : new Uint8Array(await readFile(path))
    },
  }
}

function claimsOf(token: string): { token_type?: string; exp?: number } | null {
  const [, claims, signature] = token.split(".")
  if (!claims || signature === undefined) return null
  try {
    return JSON.parse(Buffer.from(claims, "base64url").toString()) as { token_type?: string; exp?: number }
  } catch {
    return null
  }
}

const refused = (status: number) =>
  new CommandFailure(
    "permission",
    `Label Studio refuses the key (${status}).`,
    "Make a new one there, and put it into LABEL_STUDIO_API_KEY.",
  )

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (cause) {
    throw new CommandFailure("failure", `Nobody answers at ${url}.`, "Is it running? Run the import again.", {
      cause,
    })
  }
}
