import { Problem } from "#contract/problem"
import type { TriggerFacts } from "#contract/topics"
import type { Watch } from "../surroundings.ts"
import type { Trigger } from "../triggers/trigger.ts"
import { createArrivals } from "./arrivals.ts"
import type { AskedCamera, Camera, CapturedFrame, Grabber } from "./camera.ts"
import { pause } from "./pace.ts"

export type TriggeredCameraOptions = {
  camera: AskedCamera
  trigger: Trigger
  watch: Watch
  /** New UUIDv7. */
  uuid: () => string
  /** Longest wait for the picture of one trigger. */
  picture_ms: number
  now?: () => number
}

const leastPauseMs = 500
const mostPauseMs = 30_000

/**
 * A picture for every trigger, taken at once. The camera is opened beforehand and kept open. A trigger that comes
 * while the picture before it is still being taken, while too many pictures wait, or while the camera is away gives a
 * part without a picture, in its place in the order: it is undecidable, recorded, and signalled like every other.
 */
export function triggeredCamera(options: TriggeredCameraOptions): Camera {
  const { camera, trigger, watch, uuid, picture_ms, now = Date.now } = options
  return {
    async *frames(outer) {
      const done = new AbortController()
      const signal = AbortSignal.any([outer, done.signal])
      const arrivals = createArrivals()
      let grabber: Grabber | undefined
      let exposing = false
      signal.addEventListener("abort", () => arrivals.end(), { once: true })

      const without = (id: string, facts: TriggerFacts, code: string): CapturedFrame => ({
        image: { form: "none", code },
        id,
        ...facts,
        captured_at: now(),
        simulated: false,
      })

      function fire(facts: TriggerFacts) {
        const id = uuid()
        watch.trigger.received()
        if (!grabber || exposing || !arrivals.hasRoom()) {
          watch.trigger.missed()
          arrivals.addMissed(without(id, facts, grabber ? "trigger_missed" : "camera_lost"))
          return { id, taken: false }
        }
        exposing = true
        const at = now()
        const limit = AbortSignal.timeout(picture_ms)
        arrivals.add(
          grabber
            .grab({ fresh: true, id, facts }, AbortSignal.any([signal, limit]))
            .then(
              (frame) => ({ ...frame, ...facts, id, captured_at: at }),
              (error: unknown) => {
                if (!signal.aborted)
                  watch.camera.lost(
                    limit.aborted ? `No picture within ${picture_ms} ms of its trigger.` : messageOf(error),
                  )
                return without(id, facts, limit.aborted ? "camera_timeout" : codeOf(error))
              },
            )
            .finally(() => {
              exposing = false
            }),
        )
        return { id, taken: true }
      }

      const kept = keepOpen(signal, (open) => {
        grabber = open
      })
      try {
        await trigger.listen({ fire, refuse: watch.trigger.refused, lost: watch.trigger.lost }, signal)
        yield* arrivals.frames()
      } finally {
        done.abort()
        await kept
      }
    },
  }

  /** Opens the camera, again and again when it is lost, until the signal aborts. */
  async function keepOpen(signal: AbortSignal, use: (grabber: Grabber | undefined) => void) {
    const aborted = new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => resolve(), { once: true }),
    )
    for (let wait = leastPauseMs; !signal.aborted; wait = Math.min(mostPauseMs, wait * 2)) {
      const opened = performance.now()
      try {
        const grabber = await camera.open(signal)
        use(grabber)
        const lost = await Promise.race([grabber.lost, aborted])
        use(undefined)
        await grabber.close()
        if (lost) watch.camera.lost(lost.message)
      } catch (error) {
        if (!signal.aborted) watch.camera.lost(messageOf(error))
      }
      if (performance.now() - opened > mostPauseMs) wait = leastPauseMs
      if (!(await pause(wait, signal))) return
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof Problem ? error.key : "camera_failed"
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
