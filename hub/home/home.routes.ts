import { Hono } from "hono"
import { listOf } from "#contract/list"
import { HomeView, LoopView } from "#contract/rollout"
import { allow, doc, type HubEnv } from "../http/kit.ts"
import type { Home } from "./home.service.ts"

const shownLoops = 50

/** The first screen, and the loops. */
export function createHomeRoutes(home: Home) {
  return new Hono<HubEnv>()
    .get("/api/home", allow("worker"), doc("What matters now.", { 200: HomeView }), (c) =>
      c.json(home.home()),
    )
    .get(
      "/api/loops",
      allow("worker"),
      doc("Open loops, then the last closed.", { 200: listOf(LoopView) }),
      (c) => c.json({ items: home.loops(shownLoops), next: null }),
    )
}
