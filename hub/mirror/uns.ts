import type { Device } from "#contract/fleet"
import type { InspectionView } from "#contract/labelling"
import type { UnsState } from "#contract/uns"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import { StartFailure } from "#platform/start-failure"
import { faultOfPath, resultOf, topicAt } from "./uns.rules.ts"

/** Publishes to whoever reads the topic, retained; loses it while there is no broker. */
export type PublishRetained = (topic: string, payload: string) => Promise<void>

/** Throws StartFailure `config` for a path that would mix stations up or that readers could not read. */
export function demandUnsPath(path: string): void {
  const fault = path === "" ? undefined : faultOfPath(path)
  if (fault === undefined) return
  throw new StartFailure(
    "config",
    `The path of the unified namespace is not usable: ${fault}.`,
    'For example: --uns-path "uns/acme/ulsan/press/{line}/vision/{device}".',
  )
}

/** The line in the path of a station that runs no model yet. */
const noLine = "main"

/**
 * Mirrors results and presence into the plant's unified namespace, after commit. A mirror: nothing waits for it, and
 * what it misses while the broker is away is missed; the hub has it.
 */
export function createUnsMirror({
  path,
  device,
  events,
  clock,
}: {
  path: string
  device: (id: string) => Device | undefined
  events: Events
  clock: Clock
}) {
  const tell = (publish: PublishRetained, id: string, leaf: "result" | "state", payload: object) => {
    const line = device(id)?.reported?.slots.current?.line ?? noLine
    // The transport logs what it could not publish.
    publish(`${topicAt(path, id, line)}/${leaf}`, JSON.stringify(payload)).catch(() => {})
  }
  const tellState = (publish: PublishRetained, id: string) => {
    const presence = device(id)?.presence
    if (presence === undefined) return
    const state: UnsState = { v: 1, device: id, ts: clock.now(), presence }
    tell(publish, id, "state", state)
  }

  return {
    /** Begins; call what it returns to end. */
    start: (publish: PublishRetained): (() => void) => {
      if (path === "") return () => {}
      return events.listen("uns", ({ type, data }) => {
        if (type === "inspection") {
          const view = data as InspectionView
          tell(publish, view.device_id, "result", resultOf(view))
        }
        if (type === "device") tellState(publish, (data as { id: string }).id)
      })
    },
  }
}
