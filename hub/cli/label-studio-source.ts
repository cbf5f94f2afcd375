import { readdirSync, readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
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
  /** A bare word or a bare value, where a program gave one. */
  result: v.union([
    v.array(v.record(v.string(), v.unknown())),
    v.string(),
    v.record(v.string(), v.unknown()),
  ]),
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
const TaskPage = v.looseObject({ tasks: v.array(Task), total: v.optional(v.number()) })
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
  /** The bytes a picture's value stands for, or why they cannot be had from here. */
  picture: (task: number, value: string) => Promise<Uint8Array | string>
}

const atOnce = 100
/** Longest wait for one answer. */
const patienceMs = 120_000
/** The same for a picture that lies on another server. */
const elsewhereMs = 20_000
/** Waits before asking again. */
const waits = [1_000, 5_000]

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
  const json = async <S extends v.GenericSchema>(path: string, schema: S): Promise<v.InferOutput<S>> =>
    await read(path, await ask(path), schema)
  const read = async <S extends v.GenericSchema>(
    path: string,
    answer: Response,
    schema: S,
  ): Promise<v.InferOutput<S>> => {
    if (answer.status === 401 || answer.status === 403) throw refused(answer.status)
    if (!answer.ok)
      throw new CommandFailure(
        "failure",
        `Label Studio answered ${answer.status} to ${path}.`,
        "Run it again: what came in is known by its number and is not brought twice.",
      )
    const parsed = v.safeParse(schema, await answer.json().catch(() => null))
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
      let seen = 0
      for (let page = 1; ; page++) {
        const path = `/api/tasks/?project=${project}&page=${page}&page_size=${atOnce}&fields=all`
        const answer = await ask(path)
        // A page beyond the last is "not found" there.
        if (answer.status === 404 && page > 1) return
        const { tasks, total } = await read(path, answer, TaskPage)
        if (tasks.length === 0) return
        yield tasks
        seen += tasks.length
        // A server may give fewer at a time than it was asked for.
        if (total === undefined ? tasks.length < atOnce : seen >= total) return
      }
    },
    async picture(task, value) {
      const path = /^(s3|gs|azure-blob):/.test(value)
        ? `/tasks/${task}/presign/?fileuri=${Buffer.from(value).toString("base64url")}`
        : value
      // Its own files with the key; everybody else's without.
      const own = path.startsWith("/") || path.startsWith(`${base}/`)
      if (!own && !/^https?:/i.test(path)) return "its address is not one that can be asked"
      const answer = own ? await ask(path.replace(base, "")) : await elsewhere(path)
      if (typeof answer === "string") return answer
      return answer.ok ? answer.bytes() : `the server answered ${answer.status}`
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
      return path === undefined ? "it is not in the folder" : new Uint8Array(await readFile(path))
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

/** A picture of somebody else's server: one that is away costs its own pictures alone. */
const elsewhere = (url: string): Promise<Response | string> =>
  fetch(url, { signal: AbortSignal.timeout(elsewhereMs) }).catch(
    () => `nobody answers at ${new URL(url).host}`,
  )

/** Asks once more after a moment when nobody answers, or a proxy says that nobody does: a move takes hours. */
async function reach(url: string, init: RequestInit): Promise<Response> {
  for (const wait of [...waits, null]) {
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(patienceMs) })
      if (wait === null || ![502, 503, 504].includes(answer.status)) return answer
      await answer.body?.cancel()
    } catch (cause) {
      if (wait === null)
        throw new CommandFailure(
          "failure",
          `Nobody answers at ${new URL(url).origin}.`,
          "Is it running? Run the import again.",
          {
            cause,
          },
        )
    }
    await sleep(wait ?? 0)
  }
  throw new Error("unreachable")
}
