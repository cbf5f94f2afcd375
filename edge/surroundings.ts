import type { Surroundings } from "#contract/release"
import type { DeviceEvent } from "#contract/topics"

/** Missed triggers of a flood become one event a minute, with how many there were. */
const quietMs = 60_000

export type Watch = ReturnType<typeof createWatch>

/**
 * Knows how camera, triggers and outputs are doing. Changes for worse and better become events, once each; the rest
 * is counted and stands in the reported document.
 */
export function createWatch({ now }: { now: () => number }) {
  const camera: Surroundings["camera"] = { state: "waiting", since: now(), frames: 0, dropped: 0 }
  const triggers: Surroundings["triggers"] = { received: 0, missed: 0, refused: 0 }
  const outputs: Surroundings["outputs"] = {}
  const toldAt = new Map<string, number>()
  let listener: { event: (event: DeviceEvent) => void; changed: () => void } | undefined

  function tell(kind: string, level: DeviceEvent["level"], detail: DeviceEvent["detail"]) {
    listener?.event({ v: 1, ts: now(), kind, level, detail })
    listener?.changed()
  }

  /** At once, and then not more than once a minute. */
  function tellSeldom(kind: string, detail: DeviceEvent["detail"]) {
    const last = toldAt.get(kind)
    listener?.changed()
    if (last !== undefined && now() - last < quietMs) return
    toldAt.set(kind, now())
    tell(kind, "warn", detail)
  }

  return {
    /** Whoever carries the news to the hub; one at a time. */
    listen: (to: NonNullable<typeof listener>): void => {
      listener = to
    },
    report: (): Surroundings => structuredClone({ camera, triggers, outputs }),
    camera: {
      frame: (): void => {
        camera.frames += 1
        if (camera.state === "ok") return
        if (camera.state === "lost") tell("camera_back", "info", { after_ms: now() - camera.since })
        camera.state = "ok"
        camera.since = now()
        delete camera.why
      },
      dropped: (): void => {
        camera.dropped += 1
      },
      lost: (why: string): void => {
        camera.why = why.slice(0, 300)
        if (camera.state === "lost") return
        camera.state = "lost"
        camera.since = now()
        tell("camera_lost", "alarm", { why: camera.why })
      },
    },
    trigger: {
      received: (): void => {
        triggers.received += 1
      },
      missed: (): void => {
        triggers.missed += 1
        tellSeldom("trigger_missed", { missed: triggers.missed, received: triggers.received })
      },
      refused: (why: string): void => {
        triggers.refused += 1
        tellSeldom("trigger_refused", { refused: triggers.refused, why: why.slice(0, 300) })
      },
      lost: (why: string): void => tell("trigger_lost", "alarm", { why: why.slice(0, 300) }),
    },
    /** The record of one output; `failing` and `ok` are told when they begin. */
    output: (name: string) => {
      const own: Surroundings["outputs"][string] = { state: "waiting", since: now(), sent: 0, failed: 0 }
      outputs[name] = own
      const turn = (state: "ok" | "failing") => {
        if (own.state === state) return false
        own.state = state
        own.since = now()
        return true
      }
      return {
        sent: (): void => {
          own.sent += 1
          const back = own.state === "failing"
          delete own.why
          if (turn("ok") && back) tell("output_back", "info", { output: name })
        },
        superseded: (): void => {
          own.superseded = (own.superseded ?? 0) + 1
        },
        failed: (why: string): void => {
          own.failed += 1
          own.why = why.slice(0, 300)
          // Told once: it would be an event a part for as long as a PLC is off.
          if (turn("failing")) tell("output_failed", "alarm", { output: name, why: own.why })
        },
      }
    },
  }
}
