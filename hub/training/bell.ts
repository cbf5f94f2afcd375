/** Lets those who wait for work know that there may be some. */
export type Bell = {
  readonly ring: () => void
  /** How often it has rung: taken before one looks for work, so that no ring is missed between looking and waiting. */
  readonly rung: () => number
  /** Resolves when it rings, or has rung since `heard`; when `ms` have passed; or when whoever waited is gone. */
  readonly wait: (heard: number, ms: number, gone: AbortSignal) => Promise<void>
}

export function createBell(): Bell {
  const waiting = new Set<() => void>()
  let rung = 0
  return {
    ring() {
      rung += 1
      for (const wake of [...waiting]) wake()
    },
    rung: () => rung,
    wait: (heard, ms, gone) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(done)
          gone.removeEventListener("abort", done)
          resolve()
        }
        const timer = setTimeout(done, ms)
        waiting.add(done)
        gone.addEventListener("abort", done)
        if (gone.aborted || heard !== rung) done()
      }),
  }
}
