import type * as v from "valibot"
import type { Device } from "#contract/fleet"
import { Problem } from "#contract/problem"
import type { Desired, Probation } from "#contract/release"
import type { NewRollout, RolloutView } from "#contract/rollout"
import { createAfterBurst } from "#platform/after-burst"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Ids } from "#platform/ids"
import type { Log } from "#platform/log"
import type { Sqlite } from "#platform/sqlite"
import type { Fleet } from "../fleet/fleet.service.ts"
import type { Person, Registry } from "../registry/registry.service.ts"
import { groupsOf, nextStep, type Station } from "./rollout.rules.ts"
import { createRolloutStore, type Rollout } from "./rollout.store.ts"
import type { ShadowStore } from "./shadow.store.ts"

export type RolloutDeps = {
  db: Sqlite
  clock: Clock
  ids: Ids
  events: Events
  log: Log
  fleet: Pick<Fleet, "list" | "setDesired">
  registry: Pick<Registry, "released" | "byManifest">
  /** Models that look on; they travel in the same wish. */
  shadows: Pick<ShadowStore, "of" | "drop">
  /** The line that stations run when nobody says otherwise. */
  line: string
  probation: Probation
  sampling: Desired["sampling"]
  /** Puts stations that already run a halted release back to what they ran before. */
  returnOnHalt: boolean
  audit: (entry: { by: Person; action: string; subject: string; before: unknown; after: unknown }) => void
}

const burstMs = 50

/** Brings releases to the stations: canary, then the rest; halts and returns by itself; survives a restart. */
export function createRollouts(deps: RolloutDeps) {
  const { db, clock, ids, events, log, fleet, registry } = deps
  const store = createRolloutStore(db)

  const announce = (id: string) => events.announce("rollout", { id, state: store.get(id)?.state })
  const found = (id: string): Rollout => {
    const rollout = store.get(id)
    if (!rollout) throw new Problem("not_found", "rollout", `there is no rollout ${id}`, { rollout: id })
    return rollout
  }
  const stations = (): Station[] =>
    fleet.list().map((d) => ({ id: d.id, revoked: d.revoked_at !== undefined, reported: d.reported }))

  /** Tells a station to run a manifest on a line; its other lines stay as they are. Returns the wish's revision. */
  const want = (device: string, line: string, manifest: string, probation: Probation): number => {
    store.want(device, line, manifest, probation)
    // What is now on the line has nobody to be compared with.
    if (shadowOf(device, line)?.manifest.sha256 === manifest) deps.shadows.drop(device, line)
    return tell(device)
  }

  const shadowOf = (device: string, line: string) => {
    const shadow = deps.shadows.of(device).find((one) => one.line === line)
    const release = shadow && registry.byManifest(shadow.manifest)
    return release && { manifest: release.manifest, release: release.release, share: shadow.share }
  }

  /** Signs and sends a station's wish as it stands in the tables. Returns its revision. */
  const tell = (device: string): number => {
    const wanted = store.wanted(device)
    const floors = store.floors()
    const lines = wanted.flatMap((w) => {
      const release = registry.byManifest(w.manifest)
      if (!release) return []
      const shadow = shadowOf(device, w.line)
      const line = {
        manifest: release.manifest,
        release: release.release,
        action: "run" as const,
        probation: w.probation,
        ...(shadow && { shadow }),
      }
      return [[w.line, line] as const]
    })
    return fleet.setDesired(device, {
      lines: Object.fromEntries(lines),
      floor: Object.fromEntries(wanted.map((w) => [w.line, floors.get(w.line) ?? 1])),
      sampling: deps.sampling,
    }).rev
  }

  /** What a station runs now, by its own word; before it has spoken, what the line runs. */
  const runningOn = (line: string, device: Device): string | null => {
    const slot = device.reported?.slots.current
    if (slot && slot.line === line && registry.byManifest(slot.manifest)) return slot.manifest
    const champion = store.champion(line)
    return champion && store.told(line).has(device.id)
      ? (registry.released(champion.model)?.manifest.sha256 ?? null)
      : null
  }

  /**
   * Puts every station that is told to run this release back: to what it ran before, or, when it came later, to what
   * the line ran before. As far as the floor allows. Returns the stations.
   */
  const putBack = (rollout: Rollout): string[] => {
    const { line } = rollout
    const floor = store.floors().get(line) ?? 1
    const earlier = store.champion(line, rollout.id)
    const fallback = earlier && registry.released(earlier.model)?.manifest.sha256
    const before = new Map(rollout.devices.map((d) => [d.device, d.before]))
    const told = store.told(line)
    return stations().flatMap(({ id, revoked }) => {
      const target = before.get(id) ?? fallback
      if (revoked || told.get(id) !== rollout.manifest || !target || target === rollout.manifest) return []
      if ((registry.byManifest(target)?.release ?? 0) < floor) return []
      want(id, line, target, rollout.probation)
      return [id]
    })
  }

  /** One step of one rollout; true when something moved and another look is due. */
  const step = (id: string): boolean =>
    db.transaction(() => {
      const rollout = found(id)
      const now = clock.now()
      const { observed, ask, join, turn } = nextStep(rollout, stations())
      const before = new Map(rollout.devices.map((d) => [d.device, d]))
      const news = observed.filter((o) => {
        const known = before.get(o.device)
        return known?.state !== o.state || known.progress !== o.progress || known.reason !== o.reason
      })
      for (const o of news) store.observe(id, o, o.committed ? now : null)
      for (const device of ask)
        store.asked(id, device, want(device, rollout.line, rollout.manifest, rollout.probation))
      for (const device of join) store.addDevice(id, { device, group: rollout.group, before: null })
      if (turn?.to === "advance") store.setGroup(id, rollout.group + 1)
      if (turn?.to === "finish") store.setState(id, "finished", now)
      if (turn?.to === "halt") {
        store.halt(id, { device: turn.device, reason: turn.reason }, now)
        const returned = deps.returnOnHalt ? putBack(found(id)) : []
        log.warn("rollout_halted", {
          rollout: id,
          device: turn.device,
          reason: turn.reason,
          returned: returned.length,
        })
      }
      const moved = ask.length > 0 || join.length > 0 || turn !== null
      if (moved || news.length > 0) setImmediate(announce, id)
      return moved
    })

  /** Stations enrolled since get what the line runs. */
  const welcome = (): void => {
    const champion = store.champion(deps.line)
    const release = champion && registry.released(champion.model)
    if (!champion || !release) return
    const told = store.told(deps.line)
    const taken = new Set(store.active().flatMap((r) => r.devices.map((d) => d.device)))
    for (const { id, revoked } of stations()) {
      if (revoked || taken.has(id) || told.has(id)) continue
      db.transaction(() => want(id, deps.line, release.manifest.sha256, champion.probation))
    }
  }

  /** Looks at every active rollout until nothing moves. Derived from rows and reports, so it may run at any time. */
  const reconcile = (): void => {
    for (const { id } of store.active()) while (step(id)) {}
    welcome()
  }

  const viewOf = (r: Rollout): RolloutView => {
    const online = new Set(fleet.list().flatMap((d) => (d.presence === "online" ? [d.id] : [])))
    return {
      id: r.id,
      line: r.line,
      release: r.release,
      model: r.model,
      manifest: r.manifest,
      state: r.state,
      group: r.group,
      groups: 1 + Math.max(0, ...r.devices.map((d) => d.group)),
      devices: r.devices.map((d) => ({
        device: d.device,
        group: d.group,
        state: d.state,
        progress: d.progress,
        reason: d.reason,
        online: online.has(d.device),
        committed_at: d.committedAt,
      })),
      halt_reason: r.halt,
      created_at: r.createdAt,
      finished_at: r.finishedAt,
      created_by: r.createdBy,
    }
  }

  /** Changes a rollout by an order of a person, audited. */
  const order = (id: string, by: Person, verb: string, change: (rollout: Rollout) => void): RolloutView => {
    db.transaction(() => {
      const rollout = found(id)
      change(rollout)
      const after = { state: found(id).state }
      deps.audit({
        by,
        action: `rollout.${verb}`,
        subject: `rollout:${id}`,
        before: { state: rollout.state },
        after,
      })
    })
    reconcile()
    announce(id)
    return viewOf(found(id))
  }
  const mustBe = (rollout: Rollout, ...states: Rollout["state"][]) => {
    if (!states.includes(rollout.state))
      throw new Problem("conflict", "rollout_state", `this rollout is ${rollout.state}`, {
        state: rollout.state,
      })
  }

  return {
    /** Starts bringing a released model to the stations. A rollout of the same line that still runs is superseded. */
    create(request: v.InferOutput<typeof NewRollout>, by: Person): RolloutView {
      const release = registry.released(request.model)
      if (!release) throw new Problem("conflict", "model_not_released", "approve the model first")
      const { line } = release
      if (release.release < (store.floors().get(line) ?? 1))
        throw new Problem("conflict", "below_floor", "this release is below the floor of its line")
      const inService = fleet.list().filter((d) => d.revoked_at === undefined)
      const chosen = request.devices && new Set(request.devices)
      const unknown = [...(chosen ?? [])].find((id) => !inService.some((d) => d.id === id))
      if (unknown !== undefined)
        throw new Problem("not_found", "device", `there is no device ${unknown} in service`, {
          device: unknown,
        })
      const targets = inService.filter((d) => !chosen || chosen.has(d.id))
      const groups = groupsOf(targets.map((d) => ({ id: d.id, online: d.presence === "online" })))
      const id = ids.uuid()
      db.transaction(() => {
        const at = clock.now()
        store.supersede(line, at)
        store.insert({
          id,
          line,
          release: release.release,
          model: request.model,
          manifest: release.manifest.sha256,
          everyone: chosen === undefined,
          probation: { ...deps.probation, ...request.probation },
          at,
          by: by.name,
        })
        for (const device of targets)
          store.addDevice(id, {
            device: device.id,
            group: groups.get(device.id)!,
            before: runningOn(line, device),
          })
        deps.audit({
          by,
          action: "rollout.create",
          subject: `rollout:${id}`,
          before: null,
          after: { model: request.model, release: release.release, devices: targets.map((d) => d.id) },
        })
      })
      reconcile()
      announce(id)
      return viewOf(found(id))
    },

    list: (limit: number): RolloutView[] => store.newest(limit).map(viewOf),
    get: (id: string): RolloutView => viewOf(found(id)),

    pause: (id: string, by: Person): RolloutView =>
      order(id, by, "pause", (r) => {
        mustBe(r, "running")
        store.setState(id, "paused", null)
      }),
    resume: (id: string, by: Person): RolloutView =>
      order(id, by, "resume", (r) => {
        mustBe(r, "paused")
        store.setState(id, "running", null)
      }),
    /** Puts all its stations back to what they ran before. Throws `conflict` when there is nothing to return to. */
    rollback: (id: string, by: Person): RolloutView =>
      order(id, by, "rollback", (r) => {
        mustBe(r, "running", "paused", "halted", "finished")
        if (r.state === "finished" && store.champion(r.line)?.model !== r.model)
          throw new Problem(
            "conflict",
            "rollout_old",
            "a newer release has been rolled out since; roll that one back",
          )
        if (putBack(r).length === 0)
          throw new Problem(
            "conflict",
            "no_previous",
            "no station of this rollout has an earlier release to return to",
          )
        store.setState(id, "rolled_back", clock.now())
      }),

    /** Model of the newest finished rollout of a line: what the line runs. */
    champion: (line: string): string | null => store.champion(line)?.model ?? null,

    /** Manifest a station is told to run on a line. */
    running: (device: string, line: string): string | undefined => store.told(line).get(device),
    floorOf: (line: string): number => store.floors().get(line) ?? 1,
    tell,
    reconcile,
    /** Follows the stations from now on. Returns a function that stops it. */
    start(): () => void {
      reconcile()
      const look = createAfterBurst({ name: "rollouts", quietMs: burstMs, log, work: reconcile })
      const deaf = events.listen("rollouts", ({ type }) => {
        if (type === "device") look.poke()
      })
      return () => {
        deaf()
        look.stop()
      }
    },
  }
}
export type Rollouts = ReturnType<typeof createRollouts>
