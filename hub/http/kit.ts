import type { Context, MiddlewareHandler } from "hono"
import { describeRoute, resolver, validator } from "hono-openapi"
import type * as v from "valibot"
import { Problem } from "#contract/problem"
import { type Role, roles, type User } from "#contract/users"

/** What the middleware in http.ts has put on the request before a route runs. */
export type HubEnv = {
  Variables: { requestId: string; user: User | undefined; sessionId: string | undefined }
}

/** How a route says who may call it. Every route names exactly one; a test walks all routes and fails on one without. */
export type Access = { role: Role } | { open: string }
const accessOf = new WeakMap<object, Access>()
/** The access a middleware grants, if it is one of `allow` or `open`. */
export const routeAccess = (handler: object): Access | undefined => accessOf.get(handler)

/** Signed-in people of this role or a higher one. */
export function allow(role: Role): MiddlewareHandler<HubEnv> {
  const allowRole: MiddlewareHandler<HubEnv> = async (c, next) => {
    const user = actor(c)
    if (roles.indexOf(user.role) < roles.indexOf(role))
      throw new Problem("forbidden", "role", `this needs the role ${role}`, { role })
    await next()
  }
  accessOf.set(allowRole, { role })
  return allowRole
}

/** Reachable without a session; `why` is shown in the access table. */
export function open(why: string): MiddlewareHandler<HubEnv> {
  const openRoute: MiddlewareHandler<HubEnv> = async (_c, next) => next()
  accessOf.set(openRoute, { open: why })
  return openRoute
}

/** The signed-in person. Throws `unauthenticated`. */
export function actor(c: Context<HubEnv>): User {
  const user = c.get("user")
  if (!user) throw new Problem("unauthenticated", "sign_in", "sign in first")
  return user
}

type ObjectSchema = v.GenericSchema<unknown, unknown>

const refuse =
  (where: string) =>
  (result: { success: boolean; error?: readonly { message: string; path?: unknown }[] }) => {
    if (result.success) return
    const issue = result.error?.[0]
    const path = Array.isArray(issue?.path)
      ? issue.path
          .map((p: unknown) =>
            typeof p === "object" && p !== null && "key" in p ? String(p.key) : String(p),
          )
          .join(".")
      : ""
    throw new Problem(
      "invalid",
      "input",
      `${where}${path ? ` ${path}` : ""}: ${issue?.message ?? "not valid"}`,
      {
        path,
        why: issue?.message ?? "",
      },
    )
  }

/** Validated JSON body: `c.req.valid("json")`. */
export const json = <S extends ObjectSchema>(schema: S) => validator("json", schema, refuse("body"))
/** Validated query string: `c.req.valid("query")`. */
export const query = <S extends ObjectSchema>(schema: S) => validator("query", schema, refuse("query"))
/** Validated path parameters: `c.req.valid("param")`. */
export const param = <S extends ObjectSchema>(schema: S) => validator("param", schema, refuse("path"))

/** OpenAPI description of a route: one sentence, and the schema per status it answers with (null = no body). */
export function doc(summary: string, answers: Record<number, ObjectSchema | null>): MiddlewareHandler {
  return describeRoute({
    summary,
    responses: Object.fromEntries(
      Object.entries(answers).map(([status, schema]) => [
        status,
        schema === null
          ? { description: "no body" }
          : { description: summary, content: { "application/json": { schema: resolver(schema) } } },
      ]),
    ),
  })
}
