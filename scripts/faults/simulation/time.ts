type Timer = { at: number; order: number; run: () => void }

export type SimulatedTime = ReturnType<typeof takeOverTime>

/**
 * Takes timers and the monotonic clock of this process over: time stands still until `next` jumps to the next timer.
 * What the programs under test do with real files is waited for in between (`busy`), so the order of everything comes
 * from the seed alone. `release` gives time back.
 */
export function takeOverTime() {
  const real = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setImmediate: globalThis.setImmediate,
    now: performance.now,
  }
  const timers = new Map<number, Timer>()
  let now = 0
  let order = 0
  let working = 0

  const after = (run: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): number => {
    order += 1
    timers.set(order, { at: now + Math.max(0, ms), order, run: () => run(...args) })
    return order
  }
  globalThis.setTimeout = after as unknown as typeof setTimeout
  globalThis.setImmediate = ((run: () => void) => after(run, 0)) as unknown as typeof setImmediate
  globalThis.clearTimeout = ((id: number) => void timers.delete(id)) as unknown as typeof clearTimeout
  performance.now = () => now

  const turn = () => new Promise<void>((resolve) => real.setImmediate(() => resolve()))

  return {
    now: () => now,
    after,
    /** Work with real files: time does not go on before it has ended. */
    busy: async <T>(work: Promise<T>): Promise<T> => {
      working += 1
      try {
        return await work
      } finally {
        working -= 1
      }
    },
    /** Runs the next timer, and all that follows from it at once. False when there is none up to `until`. */
    next: async (until: number): Promise<boolean> => {
      let first: Timer | undefined
      for (const timer of timers.values())
        if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
          first = timer
      if (!first || first.at > until) {
        now = Math.max(now, until)
        return false
      }
      timers.delete(first.order)
      now = Math.max(now, first.at)
      first.run()
      do await turn()
      while (working > 0)
      return true
    },
    release: (): void => {
      globalThis.setTimeout = real.setTimeout
      globalThis.clearTimeout = real.clearTimeout
      globalThis.setImmediate = real.setImmediate
      performance.now = real.now
    },
  }
}
