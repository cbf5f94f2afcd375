import type { AskedCamera, Camera } from "./camera.ts"
import { createBeat } from "./pace.ts"

/**
 * Asks for pictures again and again: every `interval_ms`, or without it as fast as the station takes them. A beat that
 * comes while the station is busy is skipped; nobody has promised it a part.
 */
export function pacedCamera(camera: AskedCamera, interval_ms?: number): Camera {
  return {
    async *frames(signal) {
      const grabber = await camera.open(signal)
      const beat = interval_ms === undefined ? undefined : createBeat(interval_ms)
      try {
        while (!signal.aborted) {
          if (beat && !(await beat.next(signal))) return
          yield await grabber.grab({ fresh: beat !== undefined }, signal)
        }
      } catch (error) {
        if (!signal.aborted) throw error
      } finally {
        await grabber.close()
      }
    },
  }
}

/** A camera that makes its own pictures in order, asked one by one; for simulated lines on a trigger. */
export function askedCamera(camera: Camera): AskedCamera {
  return {
    async open(signal) {
      const frames = camera.frames(signal)[Symbol.asyncIterator]()
      return {
        grab: async () => {
          const { value, done } = await frames.next()
          if (done) throw new Error("the camera has no more pictures")
          return value
        },
        lost: new Promise(() => {}),
        close: async () => void (await frames.return?.()),
      }
    },
  }
}
