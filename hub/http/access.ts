import type { Hono } from "hono"
import { type Access, type HubEnv, routeAccess } from "./kit.ts"

export type RouteAccess = { method: string; path: string; access: Access }

/**
 * Who may call what, read from the mounted routes. Throws when a route grants no access or two of them: a hub with
 * an unguarded route does not start.
 */
export function accessTable(app: Hono<HubEnv>): RouteAccess[] {
  const grants = new Map<string, Access[]>()
  for (const { method, path, handler } of app.routes) {
    if (method === "ALL") continue
    const key = `${method} ${path}`
    const access = routeAccess(handler)
    grants.set(key, [...(grants.get(key) ?? []), ...(access ? [access] : [])])
  }
  return [...grants].map(([key, accesses]) => {
    const [access, second] = accesses
    if (!access || second) throw new Error(`${key} must name exactly one access, it names ${accesses.length}`)
    const [method = "", path = ""] = key.split(" ")
    return { method, path, access }
  })
}
