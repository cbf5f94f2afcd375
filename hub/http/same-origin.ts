import type { MiddlewareHandler } from "hono"
import { matchedRoutes } from "hono/route"
import { Problem } from "#contract/problem"
import { type HubEnv, isForMachines } from "./kit.ts"

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"])

/**
 * Media types a form or a plain `fetch` of another site cannot send without asking first (Fetch standard, "CORS-safelisted
 * request-header"): everything that changes state must be one of these.
 */
const acceptedTypes = /^(application\/json|application\/octet-stream|image\/(jpeg|png|webp))\s*(;|$)/i

/**
 * Cross-site request forgery: a change is refused when the browser says that another site asked for it, or when its
 * media type is one that any site may send. Programs without a browser send neither header and no cookie of ours.
 */
export const sameOriginChanges: MiddlewareHandler<HubEnv> = async (c, next) => {
  if (safeMethods.has(c.req.method)) return next()
  // No cookie counts there, so no other site can borrow one.
  if (matchedRoutes(c).some(({ handler }) => isForMachines(handler))) return next()
  const site = c.req.header("sec-fetch-site")
  const origin = c.req.header("origin")
  const foreign =
    site !== undefined
      ? site !== "same-origin"
      : origin !== undefined && !isOurs(origin, c.req.header("host") ?? new URL(c.req.url).host)
  // A browser always names the origin of a change; a cookie without it did not come from our page.
  const unnamed = site === undefined && origin === undefined && c.get("sessionId") !== undefined
  if (foreign || unnamed)
    throw new Problem("forbidden", "cross_site", "changes are only taken from the hub's own pages")
  const type = c.req.header("content-type")
  if (type === undefined ? c.req.raw.body !== null : !acceptedTypes.test(type))
    throw new Problem("unsupported", "media_type", "send application/json", { type: type ?? "" })
  await next()
}

function isOurs(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host
}
