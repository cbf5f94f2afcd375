import { type Context, Hono } from "hono"
import { bodyLimit } from "hono/body-limit"
import { matchedRoutes } from "hono/route"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import type { Log } from "#platform/log"
import { accessTable } from "../http/access.ts"
import { demandRoom, forMachines, type HubEnv, open, routeAccess } from "../http/kit.ts"
import { asProblem } from "../http/problems.ts"
import { covers } from "./key-scope.rules.ts"
import type { People } from "./people.service.ts"
import { ConfigRefused } from "./projects.service.ts"

/** Where Label Studio's interface stands: programs take this as the server's address. */
const basePath = "/label-studio"

/** Enough for every body but lists of tasks, which may be as long as there. */
const usualBytes = 32 * 1024 * 1024
const importBytes = 250 * 1024 * 1024

/** A body that does not fit its schema: the fields go where Label Studio's clients look for them. */
class BodyRefused extends Problem {
  readonly fields: Record<string, string[]>
  constructor(fields: Record<string, string[]>) {
    super("invalid", "input", "Validation error")
    this.fields = fields
  }
}

/** Reads a body as JSON and checks it. Throws BodyRefused. */
export async function bodyOf<S extends v.GenericSchema>(
  c: Context<HubEnv>,
  schema: S,
): Promise<v.InferOutput<S>> {
  const parsed = v.safeParse(schema, await jsonOf(c))
  if (parsed.success) return parsed.output
  const fields: Record<string, string[]> = {}
  for (const issue of parsed.issues) {
    const path = v.getDotPath(issue) ?? "non_field_errors"
    fields[path] = [...(fields[path] ?? []), issue.message]
  }
  throw new BodyRefused(fields)
}

/** The body as JSON. Forms are taken as their fields, because clients send both. Throws `invalid`. */
export async function jsonOf(c: Context<HubEnv>): Promise<unknown> {
  const type = c.req.header("content-type") ?? ""
  if (/^(application\/x-www-form-urlencoded|multipart\/form-data)/i.test(type))
    return Object.fromEntries(
      [...(await c.req.raw.formData())].filter(([, value]) => typeof value === "string"),
    )
  const text = await c.req.text()
  if (text.trim() === "") return {}
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Problem("invalid", "json", "JSON parse error")
  }
}

/** A number in a path or a query; the routes' patterns let nothing else through. */
export const numberOf = (text: string | undefined): number => Number(text)
/** `true`, `True`, `1`. */
export const isTrue = (text: string | undefined): boolean => /^(true|1|yes|on)$/i.test(text ?? "")

/**
 * The application that programs written for Label Studio speak to: its own way to sign in, its own form of errors, and
 * addresses with and without a slash at the end. Cookies mean nothing here, so no other site can borrow one.
 */
export function createLabelStudioApp({
  routes,
  people,
  hasRoom,
  version,
  log,
}: {
  routes: readonly Hono<HubEnv>[]
  people: Pick<People, "bearer">
  /** Whether the disk has room for so many more bytes. */
  hasRoom: (bytes: number) => Promise<boolean>
  version: string
  log: Log
}) {
  const app = new Hono<HubEnv>({ strict: false })
  app.onError((error, c) => {
    const problem = asProblem(error)
    if (problem.code === "internal" || problem.code === "unavailable")
      log.error("label_studio_failed", {
        path: c.req.path,
        error: String(problem.cause ?? problem),
        stack: problem.cause instanceof Error ? (problem.cause.stack ?? null) : null,
      })
    return failure(c, problem)
  })
  app.notFound((c) => failure(c, new Problem("not_found", "route", "Not found.")))
  app.use(async (c, next) => {
    const bearer = people.bearer(c.req.header("authorization"), c.req.header("x-api-key"))
    c.set("user", bearer?.user)
    const access = matchedRoutes(c)
      .map(({ handler }) => routeAccess(handler))
      .find((one) => one !== undefined)
    if (bearer && access && "role" in access) {
      const path = c.req.path.slice(basePath.length)
      if (!covers(bearer.scope, { method: c.req.method, path, role: access.role }))
        throw new Problem(
          "forbidden",
          "key_scope",
          `this key is for "${bearer.scope}" alone; make one for this`,
        )
    }
    await next()
  })
  app.use(async (c, next) => {
    const maxSize = /\/import\/?$|\/media\/?$|\/import\/predictions\/?$/.test(c.req.path)
      ? importBytes
      : usualBytes
    const brings = maxSize === importBytes || (c.req.method === "POST" && /\/api\/tasks\/?$/.test(c.req.path))
    // A stranger's body is not read at all.
    if (!c.get("user") && brings)
      throw new Problem("unauthenticated", "sign_in", "Authentication credentials were not provided.")
    // Nor one for which the disk has no room. What people say of parts that are here is always taken.
    if (brings) await demandRoom(hasRoom, c)
    return bodyLimit({
      maxSize,
      onError: () => {
        throw new Problem("too_large", "body", `the body is larger than ${maxSize} bytes`, { max: maxSize })
      },
    })(c, next)
  })
  for (const one of routes) app.route(basePath, one)
  // Each route inside names who may call it, as the hub's own do.
  const table = accessTable(app)

  function failure(c: Context<HubEnv>, problem: Problem): Response {
    const detail =
      problem.code === "unauthenticated" && problem.key === "sign_in"
        ? "Authentication credentials were not provided."
        : problem.message
    const fields =
      problem instanceof ConfigRefused
        ? { label_config: [...problem.faults] }
        : problem instanceof BodyRefused
          ? problem.fields
          : problem.code === "invalid"
            ? { non_field_errors: [problem.message] }
            : undefined
    if (problem.code === "unauthenticated") c.header("WWW-Authenticate", "Token")
    if (problem.code === "rate_limited") c.header("Retry-After", String(problem.params.seconds ?? 5))
    return c.json(
      {
        id: crypto.randomUUID(),
        status_code: problem.status === 409 ? 400 : problem.status,
        version,
        detail: fields ? "Validation error" : detail,
        exc_info: null,
        ...(fields && { validation_errors: fields }),
      },
      // Its clients repeat a 409 as something passing; there, what is taken already is a wrong input.
      (problem.status === 409 ? 400 : problem.status) as 400,
    )
  }

  /** How the hub's own application hands a request over. */
  const mount = new Hono<HubEnv>()
  const handOver = (c: Context<HubEnv>) => app.fetch(c.req.raw, c.env)
  for (const path of [basePath, `${basePath}/*`])
    mount.on(
      ["GET", "POST", "PUT", "PATCH", "DELETE"],
      path,
      open("keys of its own; each route inside names its role"),
      forMachines(),
      handOver,
    )
  // The official client joins this one address so that the last step of a base without a closing slash falls away.
  for (const path of ["/api/token/refresh", "/api/token/refresh/"])
    mount.post(path, open("the refresh token is the right"), forMachines(), (c) => {
      const url = new URL(c.req.url)
      url.pathname = `${basePath}${url.pathname}`
      return app.fetch(new Request(url, c.req.raw), c.env)
    })
  return { mount, table, fetch: app.fetch }
}
