import type { Camera, CapturedFrame } from "./cameras/camera.ts"
import { pause } from "./cameras/pace.ts"
import type { Shot } from "./station.ts"
import type { Watch } from "./surroundings.ts"

export type ShotsDeps = {
  camera: Camera
  signal: AbortSignal
  /** New UUIDv7. */
  uuid: () => string
  now: () => number
  watch: Watch["camera"]
}

const leastPauseMs = 500
const mostPauseMs = 30_000

/** The camera's frames with identity and time, for as long as the station runs: a lost camera is opened again. */
export async function* shotsOf({ camera, signal, uuid, now, watch }: ShotsDeps): AsyncGenerator<Shot> {
  for (let wait = leastPauseMs; !signal.aborted; wait = Math.min(mostPauseMs, wait * 2)) {
    try {
      for await (const frame of camera.frames(signal)) {
        wait = leastPauseMs
        if (frame.image.form !== "none") watch.frame()
        yield shotOf(frame, uuid(), now())
      }
      return
    } catch (error) {
      watch.lost(error instanceof Error ? error.message : String(error))
    }
    await pause(wait, signal)
  }
}

function shotOf(frame: CapturedFrame, fresh: string, arrived: number): Shot {
  const { id = fresh, captured_at, part_id, product_id, recipe_id, job_id, simulated } = frame
  const capture_ms = Math.max(0, arrived - captured_at)
  return {
    picture: pictureOf(frame.image),
    id,
    at: captured_at,
    triggered: performance.now() - capture_ms,
    capture_ms,
    part: {
      ...(part_id !== undefined && { part_id }),
      ...(product_id !== undefined && { product_id }),
      ...(recipe_id !== undefined && { recipe_id }),
      ...(job_id !== undefined && { job_id }),
      simulated,
    },
  }
}

function pictureOf(image: CapturedFrame["image"]): Shot["picture"] {
  if (image.form === "none") return { missing: image.code }
  if (image.form === "encoded") return { bytes: image.bytes }
  const { data, width, height, channels } = image
  return { raw: data, width, height, channels }
}
