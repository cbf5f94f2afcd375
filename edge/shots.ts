import type { Camera, CapturedFrame } from "./cameras/camera.ts"
import { pause } from "./cameras/pace.ts"
import type { Picture } from "./inspector.ts"
import type { Shot } from "./station.ts"

export type ShotsDeps = {
  camera: Camera
  signal: AbortSignal
  /** New UUIDv7. */
  uuid: () => string
  now: () => number
  /** The camera is lost, or back. */
  onCamera: (error: unknown) => void
}

const leastPauseMs = 500
const mostPauseMs = 30_000

/** The camera's frames with identity and time, for as long as the station runs: a lost camera is opened again. */
export async function* shotsOf({ camera, signal, uuid, now, onCamera }: ShotsDeps): AsyncGenerator<Shot> {
  for (let wait = leastPauseMs; !signal.aborted; wait = Math.min(mostPauseMs, wait * 2)) {
    try {
      for await (const frame of camera.frames(signal)) {
        wait = leastPauseMs
        yield shotOf(frame, uuid(), now())
      }
      return
    } catch (error) {
      onCamera(error)
    }
    await pause(wait, signal)
  }
}

function shotOf(frame: CapturedFrame, id: string, arrived: number): Shot {
  const { captured_at, part_id, product_id, simulated } = frame
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
      simulated,
    },
  }
}

function pictureOf(image: CapturedFrame["image"]): Picture {
  if (image.form === "encoded") return { bytes: image.bytes }
  const { data, width, height, channels } = image
  return { raw: data, width, height, channels }
}
