import { createPartPainter } from "../simulator/part.ts"
import type { Scenario } from "../simulator/scenario.ts"
import type { Camera } from "./camera.ts"
import { createBeat } from "./pace.ts"

export interface SimulatorCameraOptions {
  scenario: Scenario
  /** Number of the line station, from 1: each station makes its own parts. */
  station: number
  interval_ms: number
  /** First part number; a station that restarts goes on instead of making the same parts again. */
  from?: number
  /** How many parts; endless by default. */
  count?: number
  size?: { width: number; height: number }
  now?: () => number
}

/**
 * Simulated parts, one per interval. Drawing one frame occupies the event loop for 30–50 ms (1.2 MP); nothing
 * is drawn ahead.
 */
export function createSimulatorCamera(options: SimulatorCameraOptions): Camera {
  const { scenario, station, interval_ms, from = 1, count = Number.POSITIVE_INFINITY } = options
  const { size = { width: 1280, height: 960 }, now = Date.now } = options
  return {
    async *frames(signal) {
      const painter = createPartPainter(size)
      const beat = createBeat(interval_ms)
      for (let n = from; n < from + count; n++) {
        if (!(await beat.next(signal))) return
        const part = scenario.part(`line/${station}`, n)
        const { frame } = painter.draw(part.plan)
        // Drawing stands for the world in front of the lens; the trigger comes after it.
        const captured_at = now()
        yield {
          image: { form: "raw", ...frame },
          part_id: part.part_id,
          product_id: part.product,
          captured_at,
          simulated: true,
        }
      }
    },
  }
}
