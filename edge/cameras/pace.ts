/** Waits `ms`, or less if the signal aborts; answers whether to go on. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop)
      resolve(true)
    }, ms)
    signal.addEventListener("abort", stop, { once: true })
  })
}

/**
 * A steady beat. `next` waits for the coming tick; a caller who is late gets the next one at once and the beat
 * starts again from there, so a pause never turns into a burst. Even then other work gets its turn first.
 */
export function createBeat(interval: number) {
  let due = performance.now()
  return {
    async next(signal: AbortSignal): Promise<boolean> {
      const wait = due - performance.now()
      due = (wait > 0 ? due : performance.now()) + interval
      return await pause(Math.max(0, wait), signal)
    },
  }
}
