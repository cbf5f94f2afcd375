import type { Client } from "./http/kit.ts"

export type Served = {
  port: number
  /** New connections see the new certificate; those that are up stay up. */
  renew(): void
  stop(): Promise<void>
}

/** Requests under way get this long to finish; event streams never end by themselves. */
const GRACE_MS = 2_000

/**
 * Serves a web-standard handler over HTTP on Bun. Throws the system's error (`EADDRINUSE`, `EACCES`) when it cannot.
 */
export function serveHttp(options: {
  host: string
  port: number
  tls_in_front?: boolean
  /** Serve HTTPS with what this answers; asked again at `renew`. */
  certificate?: (() => { cert: string; key: string }) | undefined
  fetch: (request: Request, client: Client) => Promise<Response>
}): Served {
  const { certificate } = options
  const secure = certificate !== undefined || (options.tls_in_front ?? false)
  const open = (port: number) =>
    Bun.serve({
      hostname: options.host,
      port,
      ...(certificate && { tls: certificate() }),
      // Longer than the heartbeat of the event stream; Bun's 10 s would cut it.
      idleTimeout: 120,
      // The app has its own limit per route; a model is the largest body.
      maxRequestBodySize: 2 * 1024 ** 3,
      fetch: (request, bun) => {
        const ip = bun.requestIP(request)?.address
        return options.fetch(request, {
          secure,
          ...(ip === undefined ? {} : { ip }),
        })
      },
    })
  let server = open(options.port)
  const port = server.port ?? options.port
  const older: (typeof server)[] = []
  return {
    port,
    renew() {
      // Bun's `reload` keeps the certificate (1.4.5): the old server answers who is connected, a new one listens.
      const old = server
      older.push(old)
      void old.stop(false).then(() => older.splice(older.indexOf(old), 1))
      server = open(port)
    },
    async stop() {
      const all = [...older, server]
      const forced = setTimeout(() => {
        for (const one of all) void one.stop(true)
      }, GRACE_MS)
      await Promise.all(all.map((one) => one.stop(false)))
      clearTimeout(forced)
    },
  }
}
