import type { Hono } from "hono"
import { generateSpecs, resolver } from "hono-openapi"
import { ProblemBody } from "#contract/problem"
import { accessTable } from "./access.ts"
import type { HubEnv } from "./kit.ts"

type Operation = { responses?: Record<string, unknown>; security?: unknown; "x-crux-access"?: string }

/** The OpenAPI 3.1 document of everything under /api, with the access each route grants. */
export async function openApiDocument(app: Hono<HubEnv>, version: string): Promise<Record<string, unknown>> {
  const spec = await generateSpecs(app, {
    documentation: {
      openapi: "3.1.0",
      info: { title: "CRUX hub", version, description: "HTTP interface of a CRUX hub." },
      components: {
        securitySchemes: { session: { type: "apiKey", in: "cookie", name: "crux_session" } },
        responses: {
          Problem: {
            description: "What went wrong (RFC 9457), with a message key for people.",
            content: { "application/problem+json": { schema: resolver(ProblemBody) } },
          },
        },
      },
    },
  })
  const paths = spec.paths as Record<string, Record<string, Operation>>
  for (const { method, path, access } of accessTable(app)) {
    const operation = paths[path.replaceAll(/:([a-z_]+)(\{[^}]*\})?/gi, "{$1}")]?.[method.toLowerCase()]
    if (!operation) continue
    // The library's own shape of a refused input; ours is the Problem, like every other error.
    delete operation.responses?.["400"]
    operation.security = "role" in access ? [{ session: [] }] : []
    operation["x-crux-access"] = "role" in access ? access.role : "open"
  }
  const ours = Object.entries(paths).filter(([path]) => path.startsWith("/api/"))
  return { ...spec, paths: Object.fromEntries(ours.sort(([a], [b]) => (a < b ? -1 : 1))) }
}
