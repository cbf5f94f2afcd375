import { Hono } from "hono"
import { bodyLimit } from "hono/body-limit"
import { matchedRoutes } from "hono/route"
import { Problem } from "#contract/problem"
import type { User } from "#contract/users"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import { accessTable } from "./http/access.ts"
import { securityHeaders } from "./http/headers.ts"
import { createHealthRoutes } from "./http/health.routes.ts"
import { allow, clientIp, type HubEnv, isForMachines, routeBodyBytes, usualBodyBytes } from "./http/kit.ts"
import { openApiDocument } from "./http/openapi.ts"
import { answerProblem } from "./http/problems.ts"
import { createReferenceRoutes } from "./http/reference.routes.ts"
import { sameOriginChanges } from "./http/same-origin.ts"
import { readSessionToken } from "./http/session-cookie.ts"
import { createUiRoutes, type OpenAsset, type OpenWork } from "./http/ui.routes.ts"

export type HttpOptions = {
  /** Routes of the domains, with their full paths, in domain order. */
  routes: readonly Hono<HubEnv>[]
  /** Whose session a cookie's token belongs to. */
  resolveSession: (
    token: string,
  ) => { user: User; sessionId: string; tabletId?: string | undefined } | undefined
  /** Whether a token's session is still open, without counting as use. */
  isSessionOpen: (token: string) => boolean
  /** Whether the disk has room for so many more bytes. */
  hasRoom: (bytes: number) => Promise<boolean>
  ready: () => boolean
  openAsset: OpenAsset
  openWork: OpenWork
  version: string
  ids: Ids
  log: Log
}

/**
 * The hub's HTTP side: plain Request → Response on web APIs. The order below is the order every request goes through.
 * Throws at construction when a route does not name who may call it.
 */
export function createHttp({
  routes,
  resolveSession,
  isSessionOpen,
  hasRoom,
  ready,
  openAsset,
  openWork,
  version,
  ids,
  log,
}: HttpOptions): Hono<HubEnv> {
  const app = new Hono<HubEnv>()
  app.onError((error, c) => answerProblem(c, error, log))
  app.notFound((c) => answerProblem(c, new Problem("not_found", "route", "there is no such address"), log))

  app.use(async (c, next) => {
    const requestId = ids.random(8)
    c.set("requestId", requestId)
    c.set("hasRoom", hasRoom)
    c.header("X-Request-Id", requestId)
    const start = performance.now()
    await next()
    log.debug("request", {
      request_id: requestId,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      ms: Math.round(performance.now() - start),
      user: c.get("user")?.id,
      ip: clientIp(c),
    })
  })
  app.use(securityHeaders)
  app.use("/api/*", async (c, next) => {
    await next()
    // A shared tablet must not show one person's answers to the next; content-addressed images say otherwise themselves.
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store")
  })
  app.use("/api/*", async (c, next) => {
    const token = readSessionToken(c)
    const session = token === undefined ? undefined : resolveSession(token)
    c.set("user", session?.user)
    c.set("sessionId", session?.sessionId)
    c.set("tabletId", session?.tabletId)
    c.set("stillSignedIn", () => token !== undefined && isSessionOpen(token))
    await next()
  })
  app.use(sameOriginChanges)
  app.use(async (c, next) => {
    const handlers = matchedRoutes(c).map(({ handler }) => handler)
    if (handlers.some(isForMachines)) return next()
    const asked = handlers.map(routeBodyBytes)
    const maxSize = asked.find((bytes) => bytes !== undefined) ?? usualBodyBytes
    return bodyLimit({
      maxSize,
      onError: () => {
        throw new Problem("too_large", "body", `the body is larger than ${maxSize} bytes`, { max: maxSize })
      },
    })(c, next)
  })

  app.route("/", createHealthRoutes({ ready }))
  for (const domain of routes) app.route("/", domain)
  app.get("/api/openapi.json", allow("worker"), async (c) => c.json(await openApiDocument(app, version)))
  app.route("/", createReferenceRoutes({ app: () => app, version }))
  app.route("/", createUiRoutes({ openAsset, openWork }))
  accessTable(app)
  return app
}
