import { Hono } from "hono"
import { type HubEnv, open } from "./kit.ts"

/** For supervisors: `/livez` answers while the process turns, `/readyz` while it can also store. Both say nothing else. */
export function createHealthRoutes({ ready }: { ready: () => boolean }): Hono<HubEnv> {
  return new Hono<HubEnv>()
    .get("/livez", open("supervisors have no session; no content"), (c) => c.text("ok\n"))
    .get("/readyz", open("supervisors have no session; no content"), (c) =>
      ready() ? c.text("ready\n") : c.text("not ready\n", 503),
    )
}
