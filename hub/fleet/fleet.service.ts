import type { CloneAlarm, Device, DeviceState } from "#contract/fleet"
import { Problem } from "#contract/problem"
import { type Desired, type Envelope, payloadTypes, type Reported } from "#contract/release"
import type { DeviceEvent, TriggerFacts } from "#contract/topics"
import { type Actor, type Audit, theHub } from "#platform/audit"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { GroupCommit } from "#platform/group-commit"
import type { Signer } from "#platform/signing"
import type { Sqlite } from "#platform/sqlite"
import { certificateStep } from "./certificate.rules.ts"
import { cloneOf, keptSightings, type Sighting } from "./clone.rules.ts"
import type { FleetStore, StoredDevice } from "./fleet.store.ts"
import { createPatientWrites } from "./patient-writes.ts"
import { presenceOf, speaksForSession } from "./presence.rules.ts"

/** What the caller decides; the fleet adds device, revision, epoch and signature. */
export type Wish = Pick<Desired, "lines" | "floor" | "sampling">

/** The transport's side of the fleet; it attaches itself, so that the fleet knows nothing of MQTT. */
export type FleetWire = {
  /** The committed wish of a device has changed: publish it, retained. */
  readonly publishDesired?: (device: string, envelope: string) => void
  /**
   * The device may not speak any more (revoked, or enrolled anew elsewhere): close its connection now, and clear what
   * is retained for it and of it.
   */
  readonly disconnect?: (device: string) => void
  /** Who may connect has changed. */
  readonly onAccess?: () => void
  /** Asks a connected device for an inspection; false when it is not connected. Never kept for later. */
  readonly trigger?: (device: string, facts: string) => boolean
}

const keptEvents = 200
/** Clocks of a plant are seconds apart. */
const clocksAgreeMs = 5 * 60_000
/** Days a station's certificate has left when the station asks for a new one: two thirds of its year are over then. */
const renewedWithDays = 365 / 3

/** Who the stations are, which of them are here, what each was told and what each says it does. */
export function createFleet({
  sqlite,
  store,
  commits,
  audit,
  clock,
  events,
  signer,
  epoch,
}: {
  sqlite: Sqlite
  audit: Audit
  store: FleetStore
  commits: GroupCommit
  clock: Clock
  events: Events
  signer: Signer
  /** Random per hub start. */
  epoch: string
}) {
  const wires: FleetWire[] = []
  const connected = new Map<
    string,
    { since: number; state: DeviceState | undefined; address: string; ahead?: number }
  >()
  /** Who spoke as whom lately. A restart forgets it; two boxes with one identity show themselves again in seconds. */
  const histories = new Map<string, { sightings: Sighting[]; takeovers: number[] }>()

  const writes = createPatientWrites(commits)
  /** The newest words of each station since the start: they hold also while a full disk cannot take them. */
  const heard = new Map<string, Pick<StoredDevice, "state" | "reported" | "reportedAt">>()
  const hear = (
    id: string,
    words: Pick<StoredDevice, "state"> | Pick<StoredDevice, "reported" | "reportedAt">,
  ) =>
    heard.set(id, {
      state: undefined,
      reported: undefined,
      reportedAt: undefined,
      ...heard.get(id),
      ...words,
    })
  const newest = (stored: StoredDevice): StoredDevice => {
    const words = heard.get(stored.id)
    return {
      ...stored,
      state: words?.state ?? stored.state,
      reported: words?.reported ?? stored.reported,
      reportedAt: words?.reportedAt ?? stored.reportedAt,
    }
  }

  const view = (stored: StoredDevice): Device => {
    const device = newest(stored)
    const live = connected.get(device.id)
    const heardAt = live && Math.max(live.since, device.reportedAt ?? 0)
    const presence = presenceOf(
      { connected: live !== undefined, state: live?.state, heardAt, seenAt: device.seenAt },
      clock.now(),
    )
    const within =
      device.certificateExpiresAt === undefined || device.revokedAt !== undefined
        ? undefined
        : certificateStep({ expiresAt: device.certificateExpiresAt, renewedWithDays }, clock.now())
    return {
      id: device.id,
      name: device.name,
      enrolled_at: device.enrolledAt,
      presence,
      desired_rev: device.desiredRev,
      ...(device.revokedAt !== undefined && { revoked_at: device.revokedAt }),
      ...(device.seenAt !== undefined && { seen_at: device.seenAt }),
      ...(device.state !== undefined && { state: device.state }),
      ...(device.reported !== undefined && { reported: device.reported }),
      proof: device.proof,
      ...(device.certificateExpiresAt !== undefined && {
        certificate_expires_at: device.certificateExpiresAt,
      }),
      ...(within !== undefined && { certificate_within_days: within }),
      ...(presence === "online" && live?.ahead !== undefined && { clock_offset_ms: live.ahead }),
      ...(device.clone !== undefined && { clone: device.clone }),
    }
  }
  const get = (id: string): Device | undefined => {
    const device = store.get(id)
    return device && view(device)
  }
  const announce = (id: string) => events.announce("device", { id, presence: get(id)?.presence })
  const historyOf = (id: string) => {
    const known = histories.get(id) ?? { sightings: [], takeovers: [] }
    histories.set(id, known)
    return known
  }
  /** Raises the alarm once; it stands until a person has cleared it up. */
  const lookForClone = (id: string): void => {
    const { sightings, takeovers } = historyOf(id)
    const now = clock.now()
    const why = cloneOf(sightings, takeovers, now)
    if (why === undefined) return
    const clone: CloneAlarm = {
      at: now,
      why,
      addresses: [...new Set(sightings.map((one) => one.address))].filter((address) => address !== ""),
    }
    const raised = sqlite.transaction(() => {
      if (!store.setClone(id, clone)) return false
      audit.record({
        by: theHub,
        action: "device.clone",
        subject: `device:${id}`,
        before: null,
        after: clone,
      })
      return true
    })
    if (raised) announce(id)
  }
  /** Reads what is committed, so a wish whose transaction was undone is never published. */
  const publishLater = (id: string) =>
    setImmediate(() => {
      const envelope = store.desiredOf(id)
      if (envelope !== undefined) for (const wire of wires) wire.publishDesired?.(id, envelope)
    })

  return {
    epoch,
    attach: (wire: FleetWire): void => {
      wires.push(wire)
    },
    list: (): Device[] => store.all().map(view),
    get,
    events: store.events,
    /** Whether this device is enrolled and not revoked. */
    isInService: store.isInService,
    brokerEntries: store.brokerEntries,
    /** Certificates that a broker of the plant must not take any more. */
    endedCertificates: () => store.endedCertificates(clock.now()),
    /** For enrolment: proofs have changed and nobody was replaced. */
    renewed: (): void => {
      for (const wire of wires) wire.onAccess?.()
    },

    /**
     * Replaces a device's wish as a whole. May run inside a caller's transaction; it is published after commit.
     * The revision also rises above what the device says it has seen, so a hub restored from a backup is obeyed.
     */
    setDesired: (id: string, wish: Wish): Desired => {
      const desired = sqlite.transaction(() => {
        const device = store.get(id)
        if (!device || device.revokedAt !== undefined)
          throw new Problem("not_found", "device", `there is no device ${id} in service`, { device: id })
        const rev = Math.max(device.desiredRev, newest(device).reported?.rev_seen ?? 0) + 1
        const next: Desired = { v: 1, device: id, rev, epoch, ...wish }
        const envelope = signer.sign(payloadTypes.desired, new TextEncoder().encode(JSON.stringify(next)))
        store.setDesired(id, rev, JSON.stringify(envelope))
        return next
      })
      publishLater(id)
      return desired
    },
    /** The committed wish of a device in service. */
    desired: (id: string): Desired | undefined => {
      const text = store.desiredOf(id)
      if (text === undefined) return undefined
      const envelope = JSON.parse(text) as Envelope
      return JSON.parse(Buffer.from(envelope.payload, "base64").toString()) as Desired
    },
    /** Every committed wish, for the broker's start: its retained messages live in memory only. */
    allDesired: () => store.desired(),

    /**
     * Asks a station that listens to the hub for an inspection, now. That it was passed on says nothing of a picture:
     * the station's record does. Throws `unavailable` when the station is not connected.
     */
    trigger: (id: string, facts: TriggerFacts): void => {
      const text = JSON.stringify(facts)
      const passed = wires.map((wire) => wire.trigger?.(id, text)).some((sent) => sent === true)
      if (passed) return
      throw new Problem(
        "unavailable",
        "device_away",
        `station ${id} is not connected; nothing was triggered, and nothing will be later`,
        { device: id },
      )
    },

    /** The device may not connect any more; a live connection is closed at once. Throws `not_found`. */
    revoke: (by: Actor, id: string): void => {
      sqlite.transaction(() => {
        if (!store.revoke(id, clock.now()))
          throw new Problem("not_found", "device", `there is no device ${id} in service`, { device: id })
        store.endCertificates(id, clock.now())
        audit.record({ by, action: "device.revoke", subject: `device:${id}`, before: null, after: null })
      })
      for (const wire of wires) wire.disconnect?.(id)
      for (const wire of wires) wire.onAccess?.()
      announce(id)
    },
    /** A person has seen to it that only one box speaks with this identity. Throws `not_found`. */
    clearClone: (by: Actor, id: string): void => {
      sqlite.transaction(() => {
        const before = store.get(id)?.clone
        if (!store.clearClone(id))
          throw new Problem("not_found", "clone", `there is no such alarm for ${id}`, { device: id })
        audit.record({ by, action: "device.clone_cleared", subject: `device:${id}`, before, after: null })
      })
      histories.delete(id)
      announce(id)
    },
    /**
     * Gives a camera of another maker its name among the devices, inside the caller's transaction. Throws `conflict`
     * when the name is taken: whose inspections are whose must stay clear for ever. `again`: the camera that had it was
     * taken away.
     */
    addSource: (id: string, name: string, again = false): void => {
      const kind = store.kindOf(id)
      if (again && kind === "source") {
        store.renameSource(id, name)
        return
      }
      if (kind !== undefined)
        throw new Problem("conflict", "device_name", `the name ${id} is taken; choose another`, {
          device: id,
        })
      store.insertSource({ id, name, at: clock.now() })
    },
    /** The same for one of the hub's own, which may be there already. Throws `conflict` when a station has the name. */
    ensureSource: (id: string, name: string): void => {
      const kind = store.kindOf(id)
      if (kind === "station")
        throw new Problem("conflict", "device_name", `a station is called ${id}; give it another name`, {
          device: id,
        })
      if (kind === undefined) store.insertSource({ id, name, at: clock.now() })
    },
    /** For enrolment: an older box of the same name is cut off; what the name is wished to run stays. */
    replaced: (id: string): void => {
      histories.delete(id)
      heard.delete(id)
      for (const wire of wires) wire.disconnect?.(id)
      for (const wire of wires) wire.onAccess?.()
      publishLater(id)
      announce(id)
    },

    onConnected: (id: string, address = ""): void => {
      connected.set(id, { since: clock.now(), state: undefined, address })
    },
    /** A connection has pushed out a living one with the same identity. */
    onTakenOver: (id: string): void => {
      const history = historyOf(id)
      history.takeovers = [...history.takeovers, clock.now()].slice(-keptSightings)
      lookForClone(id)
    },
    onDisconnected: async (id: string): Promise<void> => {
      if (!connected.delete(id)) return
      await commits.commit(() => store.setSeen(id, clock.now()))
      announce(id)
    },
    /** Birth, or the end of a session. False when it belongs to a session that has been replaced. */
    onState: async (id: string, state: DeviceState): Promise<boolean> => {
      const live = connected.get(id)
      if (!speaksForSession(state, live?.state?.session)) return false
      if (live) live.state = state
      if (live && state.online) {
        const history = historyOf(id)
        const sighting = { at: clock.now(), boot: state.boot, address: live.address }
        history.sightings = [...history.sightings, sighting].slice(-keptSightings)
        lookForClone(id)
      }
      const at = clock.now()
      hear(id, { state })
      await writes.write(`${id}/state`, () => store.setState(id, state, at))
      announce(id)
      return true
    },
    onReported: async (id: string, reported: Reported): Promise<void> => {
      if (reported.device !== id) throw new Problem("forbidden", "device", "a device reports for itself only")
      const at = clock.now()
      const live = connected.get(id)
      const ahead = at - reported.ts
      if (live && Math.abs(ahead) > clocksAgreeMs) live.ahead = ahead
      else delete live?.ahead
      hear(id, { reported, reportedAt: at })
      await writes.write(`${id}/reported`, () => store.setReported(id, reported, at))
      announce(id)
    },
    onEvent: async (id: string, event: DeviceEvent): Promise<void> => {
      const at = clock.now()
      await writes.write(`${id}/event/${event.kind}/${event.ts}`, () =>
        store.insertEvent(id, event, at, keptEvents),
      )
      events.announce("device", { id, event })
    },
  }
}
export type Fleet = ReturnType<typeof createFleet>
