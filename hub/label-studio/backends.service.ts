import * as v from "valibot"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Audit } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Log } from "#platform/log"
import type { Outbound } from "#platform/outbound"
import type { Sqlite } from "#platform/sqlite"
import type { BackendRow, BackendsStore } from "./backends.store.ts"
import type { Projects } from "./projects.service.ts"
import type { RowShapes } from "./shapes.ts"
import type { Tasks } from "./tasks.service.ts"
import type { TaskRow } from "./tasks.store.ts"

const Health = v.looseObject({ status: v.literal("UP") })
const Setup = v.looseObject({ model_version: v.nullish(v.union([v.string(), v.number()])) })
const Said = v.looseObject({
  result: v.optional(v.array(v.record(v.string(), v.unknown())), []),
  score: v.nullish(v.number()),
  model_version: v.nullish(v.string()),
})
/** One entry per task, in their order; an entry may be a list of several opinions. */
const Predicted = v.looseObject({
  results: v.array(v.union([v.pipe(v.array(Said), v.minLength(0)), Said, v.null()])),
  model_version: v.nullish(v.string()),
})

const healthMs = 2_000
const setupMs = 10_000
const mostAnswer = 64 * 1024 * 1024
/** Tasks that are asked about in one request: a slow model's time limit is for these, not for a project. */
const atOnce = 16

/** How long a server that failed is not asked about parts that come in: they must not wait for it one after the other. */
const restMs = 60_000

export type Credentials = { user: string; password: string } | { token: string }
/** Its being asked about many tasks: how far it is. */
export type Run = { done: number; of: number; answered: number; error: string | null; ended: boolean }

export type NewBackend = {
  project: number
  url: string
  title: string
  description: string
  interactive: boolean
  prelabels?: boolean
  credentials: Credentials | null
  extra: unknown
  timeoutMs: number
}

/**
 * Model servers that speak Label Studio's protocol, as pre-labellers: what they say of a task becomes a prediction of it.
 * They are asked only where the plant allows it, and a server that fails changes nothing.
 */
export function createBackends({
  db,
  store,
  outbound,
  projects,
  tasks,
  shapes,
  keyFor,
  address,
  audit,
  clock,
  log,
}: {
  db: Sqlite
  store: BackendsStore
  outbound: Outbound
  projects: Pick<Projects, "get">
  tasks: Tasks
  shapes: RowShapes
  /** A short-lived key with which a server may fetch pictures in this person's name. */
  keyFor: (user: User) => string
  /** Where this hub's interface is reached from outside. */
  address: () => string
  audit: Audit
  clock: Clock
  log: Log
}) {
  const get = (id: number): BackendRow => {
    const row = store.get(id)
    if (!row) throw new Problem("not_found", "backend", "No MLBackend matches the given query.")
    projects.get(row.project)
    return row
  }
  const headersOf = ({ credentials }: Pick<BackendRow, "credentials">): Record<string, string> => {
    if (credentials === null) return {}
    const known = JSON.parse(credentials) as Credentials
    if ("token" in known) return { authorization: `Bearer ${known.token}` }
    return { authorization: `Basic ${Buffer.from(`${known.user}:${known.password}`).toString("base64")}` }
  }
  const ask = async <S extends v.GenericSchema>(
    row: BackendRow,
    method: string,
    path: string,
    schema: S,
    timeoutMs: number,
    body?: unknown,
  ): Promise<v.InferOutput<S>> => {
    const { status, bytes } = await outbound.fetch(`${row.url.replace(/\/+$/, "")}${path}`, {
      method,
      headers: { ...headersOf(row), ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      timeoutMs,
      most: mostAnswer,
    })
    if (status < 200 || status > 299)
      throw new Problem("unavailable", "backend", `the model server answered ${status} to ${path}`)
    let answer: unknown
    try {
      answer = JSON.parse(new TextDecoder().decode(bytes))
    } catch (cause) {
      throw new Problem(
        "unavailable",
        "backend",
        `the model server's answer to ${path} is not JSON`,
        {},
        cause,
      )
    }
    const parsed = v.safeParse(schema, answer)
    if (!parsed.success)
      throw new Problem(
        "unavailable",
        "backend",
        `the model server's answer to ${path} is not understood: ${parsed.issues[0].message}`,
      )
    return parsed.output
  }
  /** The name a server knows a project by. */
  const nameOf = (project: number) => {
    const row = projects.get(project)
    return `${row.id}.${Math.floor(row.created_at / 1000)}`
  }

  /** Whether it is up, and which model it runs; the outcome is kept on its row. */
  const connect = async (by: User, row: BackendRow): Promise<BackendRow> => {
    let after: BackendRow
    try {
      await ask(row, "GET", "/health", Health, healthMs)
      const { model_version } = await ask(row, "POST", "/setup", Setup, setupMs, {
        project: nameOf(row.project),
        schema: projects.get(row.project).config,
        hostname: address(),
        access_token: keyFor(by),
        extra_params: row.extra_params,
      })
      after = { ...row, state: "CO", error: null, model_version: String(model_version ?? "undefined") }
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      after = { ...row, state: "ER", error: error.message }
    }
    db.transaction(() => store.update(after, clock.now()))
    return after
  }

  const predictSome = async (row: BackendRow, ids: readonly number[], context: unknown) => {
    const project = projects.get(row.project)
    const asked = ids.map((id) => tasks.task(id))
    const { results, model_version } = await ask(row, "POST", "/predict", Predicted, row.timeout_ms, {
      tasks: asked.map((one) => shapes.wholeTask(one)),
      project: nameOf(row.project),
      label_config: project.config,
      params: { login: null, password: null, ...(context !== undefined && { context }) },
    })
    const version = model_version ?? row.model_version
    const opinions = results.map((entry) =>
      (Array.isArray(entry) ? entry : [entry]).flatMap((one) =>
        one === null ? [] : [{ ...one, model_version: one.model_version ?? version }],
      ),
    )
    return { asked, opinions }
  }

  const runs = new Map<number, Run>()
  const resting = new Map<number, number>()
  let open = true
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const failed = (id: number, error: Problem) => {
    const row = store.get(id)
    if (row && open)
      db.transaction(() => store.update({ ...row, state: "ER", error: error.message }, clock.now()))
  }

  /** Asks about a group of tasks and keeps what is said; returns how many tasks got a prediction. */
  const predictGroup = async (row: BackendRow, some: readonly number[]): Promise<number> => {
    const { asked, opinions } = await predictSome(row, some, undefined)
    // Who answers for another number of tasks cannot be trusted to mean these.
    const sure = opinions.length === some.length
    const each = sure
      ? asked.map((of, n) => ({ of, said: opinions[n]! }))
      : await Promise.all(
          asked.map(async (of) => ({
            of,
            said: (await predictSome(row, [of.id], undefined)).opinions[0] ?? [],
          })),
        )
    let answered = 0
    for (const { of, said } of each) {
      if (!open) break
      const known = new Set(said.map(({ model_version }) => model_version))
      const before = tasks.predictionsOf(of.id).filter(({ model_version }) => known.has(model_version))
      tasks.removePredictions(before.map(({ id }) => id))
      for (const one of said)
        tasks.predict(of, { result: one.result, score: one.score ?? null, model_version: one.model_version })
      if (said.length > 0) answered += 1
    }
    return answered
  }

  return {
    list: (project: number | null) => store.list(project),
    get,
    check: (by: User, id: number): Promise<BackendRow> => connect(by, get(id)),
    async create(by: User, asked: NewBackend): Promise<BackendRow> {
      projects.get(asked.project)
      const fault = outbound.fault(asked.url)
      if (fault !== null) throw new Problem("invalid", "url", fault)
      const id = db.transaction(() => {
        const made = store.insert(
          {
            project: asked.project,
            url: asked.url,
            title: asked.title,
            description: asked.description,
            is_interactive: asked.interactive ? 1 : 0,
            prelabels: asked.prelabels ? 1 : 0,
            credentials: asked.credentials === null ? null : JSON.stringify(asked.credentials),
            extra_params:
              asked.extra === undefined || asked.extra === null ? null : JSON.stringify(asked.extra),
            timeout_ms: asked.timeoutMs,
            state: "DI",
            error: null,
            model_version: "",
            created_by: by.id,
          },
          clock.now(),
        )
        audit.record({
          by,
          action: "ls_backend.create",
          subject: `ls_backend:${made}`,
          before: null,
          after: { project: asked.project, url: asked.url },
        })
        return made
      })
      return connect(by, get(id))
    },
    async change(by: User, id: number, patch: Partial<BackendRow>): Promise<BackendRow> {
      const before = get(id)
      const after = { ...before, ...patch }
      const fault = outbound.fault(after.url)
      if (fault !== null) throw new Problem("invalid", "url", fault)
      db.transaction(() => {
        store.update(after, clock.now())
        audit.record({
          by,
          action: "ls_backend.change",
          subject: `ls_backend:${id}`,
          before: { url: before.url, prelabels: before.prelabels === 1 },
          after: { url: after.url, prelabels: after.prelabels === 1 },
        })
      })
      return connect(by, get(id))
    },
    remove(by: User, id: number): void {
      const before = get(id)
      db.transaction(() => {
        store.drop(id)
        audit.record({
          by,
          action: "ls_backend.delete",
          subject: `ls_backend:${id}`,
          before: { project: before.project, url: before.url },
          after: null,
        })
      })
    },

    /** Asks about tasks and keeps what is said as their predictions; returns how many tasks got one. */
    async predict(row: BackendRow, ids: readonly number[]): Promise<number> {
      let answered = 0
      for (let i = 0; i < ids.length && open; i += atOnce)
        answered += await predictGroup(row, ids.slice(i, i + atOnce))
      return answered
    },
    /** The same without anybody waiting for it. Throws `conflict` while it is at it. */
    predictSoon(row: BackendRow, ids: readonly number[]): Run {
      if (runs.get(row.id)?.ended === false)
        throw new Problem("conflict", "server_busy", "it is being asked already; wait for the end of it")
      const run: Run = { done: 0, of: ids.length, answered: 0, error: null, ended: ids.length === 0 }
      runs.set(row.id, run)
      const work = async () => {
        for (let i = 0; i < ids.length && open; i += atOnce) {
          // Somebody may have ended it meanwhile.
          if (!store.get(row.id)) break
          const some = ids.slice(i, i + atOnce)
          run.answered += await predictGroup(row, some)
          run.done += some.length
        }
      }
      work()
        .catch((error: unknown) => {
          if (!open) return
          run.error = error instanceof Problem ? error.message : "the hub failed"
          if (error instanceof Problem) failed(row.id, error)
          else log.error("predictions_failed", { backend: row.id, error: String(error) })
        })
        .finally(() => {
          run.ended = true
        })
      return run
    },
    /** How far the newest of these is. */
    run: (id: number): Run | null => runs.get(id) ?? null,

    /**
     * Asks the servers that pre-label about tasks whose parts are about to wait for people. Never throws and never lets them
     * wait for a server that has just failed: what is not said is not offered.
     */
    async prelabel(rows: readonly TaskRow[]): Promise<void> {
      const ask = async (project: number) => {
        const row = store.list(project).find(({ prelabels }) => prelabels === 1)
        if (!row || (resting.get(row.id) ?? 0) > clock.now()) return
        const ids = rows.filter((one) => one.project === project && one.predictions === 0).map(({ id }) => id)
        try {
          for (let i = 0; i < ids.length && open; i += atOnce)
            await predictGroup(row, ids.slice(i, i + atOnce))
        } catch (error) {
          if (!open) return
          resting.set(row.id, clock.now() + restMs)
          if (error instanceof Problem) failed(row.id, error)
          else log.error("predictions_failed", { backend: row.id, error: String(error) })
        }
      }
      const asked = [...new Set(rows.map(({ project }) => project))].map(ask)
      await Promise.race([Promise.all(asked), ended])
    },
    /** What servers are still asked is not waited for, and not kept. */
    stop(): void {
      open = false
      end()
    },
    /** One question of somebody who is drawing right now; nothing is kept. */
    async interactive(row: BackendRow, task: number, context: Record<string, unknown>) {
      const { opinions } = await predictSome(row, [task], context)
      return opinions[0]?.[0] ?? { result: [], score: null, model_version: row.model_version }
    },
    /** Tells a server to train; what it makes of that is its own affair. */
    async train(by: User, row: BackendRow): Promise<void> {
      await ask(row, "POST", "/webhook", v.unknown(), setupMs, {
        action: "START_TRAINING",
        project: {
          ...shapes.project(projects.get(row.project)),
          hostname: address(),
          access_token: keyFor(by),
        },
      })
      db.transaction(() => store.update({ ...row, state: "TR" }, clock.now()))
    },
    async versions(row: BackendRow): Promise<string[]> {
      try {
        const { versions } = await ask(
          row,
          "GET",
          "/versions",
          v.looseObject({ versions: v.array(v.string()) }),
          healthMs,
        )
        return versions
      } catch (error) {
        // Older servers know no such question.
        if (!(error instanceof Problem)) throw error
        return row.model_version === "" ? [] : [row.model_version]
      }
    },
  }
}
export type Backends = ReturnType<typeof createBackends>
