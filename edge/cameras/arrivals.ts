import type { CapturedFrame } from "./camera.ts"

/** Pictures that may wait for the model beyond those it is looking at. */
const ahead = 4
/** Records of parts without a picture: this many at once, then so many a second. What is over is only counted. */
const burst = 64
const aSecond = 20

/**
 * Parts between the camera and the model, in the order in which they were triggered. Bounded: a part that finds no
 * room goes on without its picture and becomes undecidable, so a line that outruns its model is told so part by part.
 */
export function createArrivals() {
  const waiting: { frame: CapturedFrame | Promise<CapturedFrame>; hasPicture: boolean }[] = []
  let pictures = 0
  let tokens = burst
  let filledAt = performance.now()
  let end: { error?: Error } | undefined
  let wake = () => {}

  function push(frame: CapturedFrame | Promise<CapturedFrame>, hasPicture: boolean) {
    if (hasPicture) pictures += 1
    waiting.push({ frame, hasPicture })
    wake()
  }

  return {
    hasRoom: (): boolean => pictures < ahead,
    /** Keeps the place of a part whose picture is here or on its way. The promise must not reject. */
    add: (frame: CapturedFrame | Promise<CapturedFrame>): void => push(frame, true),
    /** A part that went by without a picture. False when there are too many to record each of them. */
    addMissed: (frame: CapturedFrame): boolean => {
      const at = performance.now()
      tokens = Math.min(burst, tokens + ((at - filledAt) / 1_000) * aSecond)
      filledAt = at
      if (tokens < 1) return false
      tokens -= 1
      push(frame, false)
      return true
    },
    /** No more will come; what is here is still given out. */
    end: (error?: Error): void => {
      end ??= error ? { error } : {}
      wake()
    },
    async *frames(): AsyncGenerator<CapturedFrame> {
      for (;;) {
        const next = waiting.shift()
        if (next) {
          const frame = await next.frame
          if (next.hasPicture) pictures -= 1
          yield frame
        } else if (end) {
          if (end.error) throw end.error
          return
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    },
  }
}
