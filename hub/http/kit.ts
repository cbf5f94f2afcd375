import type { Context, MiddlewareHandler } from "hono"
import { describeRoute, resolver, validator } from "hono-openapi"
import type * as v from "valibot"
import { Problem } from "#contract/problem"
import { type Role, roles, type User } from "#contract/users"

/** What the server passes along with a request (`app.fetch(request, client)`), when it knows. */
export type Client = {
  /** Address of the peer, for throttling and the log. */
  ip?: string
  /** True when the browser's connection is TLS although the request's URL says http (a proxy in front). */
  secure?: boolean
}

/** What the middleware in http.ts has put on the request before a route runs. */
export type HubEnv = {
  Bindings: Client
  Variables: {
    requestId: string
    user: User | undefined
    sessionId: string | undefined
    /** The enrolled tablet on which the session was opened. */
    tabletId: string | undefined
    /** Whether the session of this request is still open; asking is not use. For answers that go on for long. */
    stillSignedIn: () => boolean
    /** Whether the disk has room for so many more bytes. */
    hasRoom: (bytes: number) => Promise<boolean>
  }
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

const bodyBytes = new WeakMap<object, number>()
/** Bodies of this route may be up to `bytes` instead of `usualBodyBytes`; checked before the route sees a byte. */
export function bodyUpTo(bytes: number): MiddlewareHandler<HubEnv> {
  const bodyLimit: MiddlewareHandler<HubEnv> = async (_c, next) => next()
  bodyBytes.set(bodyLimit, bytes)
  return bodyLimit
}
/** The body limit a middleware asks for, if it is a `bodyUpTo`. */
export const routeBodyBytes = (handler: object): number | undefined => bodyBytes.get(handler)
/** For what stays on the disk when it is sent: without room it is refused before a byte of it has been taken. */
export const keepsBody: MiddlewareHandler<HubEnv> = async (c, next) => {
  await demandRoom(c.get("hasRoom"), c)
  await next()
}
/** Throws `no_space` where the disk has no room for a request's body. */
export async function demandRoom(hasRoom: (bytes: number) => Promise<boolean>, c: Context): Promise<void> {
  if (await hasRoom(Number(c.req.header("content-length") ?? 0) || 0)) return
  throw new Problem(
    "no_space",
    "no_room",
    "the hub's disk is nearly full: nothing was stored. Make room, then send it again",
  )
}
const machineRoutes = new WeakSet<object>()
/**
 * A route for machines that bring a token of their own and never a cookie: any media type, and the route itself bounds
 * the body, after it has looked at the token.
 */
export function forMachines(): MiddlewareHandler<HubEnv> {
  const machineRoute: MiddlewareHandler<HubEnv> = async (_c, next) => next()
  machineRoutes.add(machineRoute)
  return machineRoute
}
/** Whether a middleware is `forMachines`. */
export const isForMachines = (handler: object): boolean => machineRoutes.has(handler)
/** Enough for every JSON body of the contract. */
export const usualBodyBytes = 1024 * 1024

/** Address of the peer; "unknown" in tests that call `fetch` without a server. */
export const clientIp = (c: Context<HubEnv>): string => c.env?.ip ?? "unknown"

/** The signed-in person. Throws `unauthenticated`. */
export function actor(c: Context<HubEnv>): User {
  const user = c.get("user")
  if (!user) throw new Problem("unauthenticated", "sign_in", "sign in first")
  return user
}

/** The session of the signed-in person. Throws `unauthenticated`. */
export function sessionOf(c: Context<HubEnv>): string {
  const sessionId = c.get("sessionId")
  if (sessionId === undefined) throw new Problem("unauthenticated", "sign_in", "sign in first")
  return sessionId
}

/**
 * For what is stored in a person's name. A tablet changes hands between a tap and its request, and another tab may not have
 * heard: whoever names a person (`crux-user`, an id) who is not the one signed in is refused, and nothing is stored.
 */
export const inTheNameOf: MiddlewareHandler<HubEnv> = async (c, next) => {
  const named = c.req.header("crux-user")
  if (named !== undefined && named !== actor(c).id)
    throw new Problem("conflict", "other_person", "somebody else is signed in here by now")
  await next()
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

/** What a route answers with: a schema (JSON), a media type ("image/*"), or null for no body. */
type Answer = ObjectSchema | string | null

/** OpenAPI description of a route: one sentence, and the answer per status. Errors are problem+json everywhere. */
export function doc(summary: string, answers: Record<number, Answer>): MiddlewareHandler {
  const responses = Object.entries(answers).map(([status, answer]) => [status, response(summary, answer)])
  return describeRoute({
    summary,
    responses: { ...Object.fromEntries(responses), default: { $ref: "#/components/responses/Problem" } },
  })
}

function response(summary: string, answer: Answer) {
  if (answer === null) return { description: "no body" }
  if (typeof answer === "string") return { description: summary, content: { [answer]: {} } }
  return { description: summary, content: { "application/json": { schema: resolver(answer) } } }
}
