import type { Client } from "./http/kit.ts"

export type Served = { port: number; stop(): Promise<void> }

/** Requests under way get this long to finish; event streams never end by themselves. */
const GRACE_MS = 2_000

/**
 * Serves a web-standard handler over HTTP on Bun. Throws the system's error (`EADDRINUSE`, `EACCES`) when it cannot.
 */
export function serveHttp(options: {
  host: string
  port: number
  tls_in_front?: boolean
  fetch: (request: Request, client: Client) => Promise<Response>
}): Served {
  const server = Bun.serve({
    hostname: options.host,
    port: options.port,
    // Longer than the heartbeat of the event stream; Bun's 10 s would cut it.
    idleTimeout: 120,
    // The app has its own limit per route; a model is the largest body.
    maxRequestBodySize: 2 * 1024 ** 3,
    fetch: (request, bun) => {
      const ip = bun.requestIP(request)?.address
      return options.fetch(request, {
        secure: options.tls_in_front ?? false,
        ...(ip === undefined ? {} : { ip }),
      })
    },
  })
  return {
    port: server.port ?? options.port,
    async stop() {
      const forced = setTimeout(() => void server.stop(true), GRACE_MS)
      await server.stop(false)
      clearTimeout(forced)
    },
  }
}
