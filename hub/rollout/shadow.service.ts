import type * as v from "valibot"
import { Problem } from "#contract/problem"
import type { NewShadow, ShadowView } from "#contract/shadow"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Sqlite } from "#platform/sqlite"
import type { Fleet } from "../fleet/fleet.service.ts"
import type { Person, Registry } from "../registry/registry.service.ts"
import type { RolloutDeps, Rollouts } from "./rollout.service.ts"
import type { Shadow, ShadowStore } from "./shadow.store.ts"

/** Parts of one station by what the model on the line and its shadow said of them. */
export type ShadowCount = { model: string; eval: string; shadow: string; parts: number }

export type ShadowDeps = {
  db: Sqlite
  store: ShadowStore
  clock: Clock
  events: Events
  fleet: Pick<Fleet, "list" | "get">
  registry: Pick<Registry, "released" | "byManifest">
  rollouts: Pick<Rollouts, "running" | "tell">
  counts: (device: string, shadow: string) => ShadowCount[]
  floorOf: (line: string) => number
  audit: RolloutDeps["audit"]
}

/** Lets released models look over the shoulder of the ones on the line, and says how often they see it differently. */
export function createShadows(deps: ShadowDeps) {
  const { db, store, clock, events, fleet, registry, rollouts } = deps

  const viewOf = (shadow: Shadow): ShadowView[] => {
    const release = registry.byManifest(shadow.manifest)
    const running = rollouts.running(shadow.device, shadow.line)
    if (!release || !running) return []
    const champion = registry.byManifest(running)?.model ?? null
    // Only against the model it is compared with now: what an earlier one said is no news of this one.
    const counts = deps.counts(shadow.device, release.model).filter(({ model }) => model === champion)
    const parts = (of: (one: ShadowCount) => boolean) =>
      counts.reduce((sum, one) => (of(one) ? sum + one.parts : sum), 0)
    const differing = counts.filter((one) => one.shadow !== "failed" && one.shadow !== one.eval)
    const reported = fleet.get(shadow.device)?.reported?.shadow
    const told = reported?.manifest === shadow.manifest ? reported : undefined
    return [
      {
        device: shadow.device,
        line: shadow.line,
        model: release.model,
        release: release.release,
        champion: counts.length > 0 ? champion : null,
        share: shadow.share,
        assigned_at: shadow.assigned_at,
        assigned_by: shadow.assigned_by,
        state: told?.state ?? null,
        reason: told?.reason ?? null,
        skipped: told?.skipped ?? 0,
        compared: parts(({ shadow: said }) => said !== "failed"),
        differed: differing.reduce((sum, one) => sum + one.parts, 0),
        failed: parts(({ shadow: said }) => said === "failed"),
        differences: differing.map((one) => ({ champion: one.eval, shadow: one.shadow, parts: one.parts })),
      },
    ]
  }

  const change = (device: string, by: Person, after: Shadow | null, line: string) => {
    db.transaction(() => {
      const before = store.of(device).find((one) => one.line === line) ?? null
      if (after) store.put(after)
      else store.drop(device, line)
      rollouts.tell(device)
      const said = (shadow: Shadow | null) => shadow && { manifest: shadow.manifest, share: shadow.share }
      deps.audit({
        by,
        action: after ? "shadow.assign" : "shadow.end",
        subject: `device:${device}`,
        before: said(before),
        after: said(after),
      })
    })
    events.announce("rollout", { device })
  }

  return {
    list: (): ShadowView[] => store.all().flatMap(viewOf),

    /** Tells a station to let a released model look on. Throws `not_found`, `conflict`. */
    assign(device: string, request: v.InferOutput<typeof NewShadow>, by: Person): ShadowView {
      const station = fleet.list().find((d) => d.id === device && d.revoked_at === undefined)
      if (!station)
        throw new Problem("not_found", "device", `there is no device ${device} in service`, { device })
      const release = registry.released(request.model)
      if (!release) throw new Problem("conflict", "model_not_released", "approve the model first")
      const { line, manifest } = release
      if (release.release < deps.floorOf(line))
        throw new Problem("conflict", "below_floor", "this release is below the floor of its line")
      const running = rollouts.running(device, line)
      if (!running)
        throw new Problem(
          "conflict",
          "shadow_alone",
          "this station runs nothing on that line yet; roll a model out first",
        )
      if (running === manifest.sha256)
        throw new Problem("conflict", "shadow_same", "this model is the one the station runs already")
      if (station.state?.online === true && !station.state.caps?.includes("shadow"))
        throw new Problem(
          "conflict",
          "shadow_unknown",
          "this station's program cannot run a second model; update it first",
        )
      const shadow: Shadow = {
        device,
        line,
        manifest: manifest.sha256,
        share: request.share,
        assigned_at: clock.now(),
        assigned_by: by.name,
      }
      change(device, by, shadow, line)
      return viewOf(shadow)[0]!
    },

    /** Ends it; what was counted stays. Throws `not_found` when there is none. */
    end(device: string, by: Person): void {
      const lines = store.of(device)
      if (lines.length === 0)
        throw new Problem("not_found", "shadow", `station ${device} has no shadow model`, { device })
      for (const { line } of lines) change(device, by, null, line)
    },
  }
}
export type Shadows = ReturnType<typeof createShadows>
