/** A tablet that is never idle does the next step after so long all the same, in ms. */
const longestWaitMs = 500

/** Does these one after another, each when there is nothing else to do: a tap goes before all of them. Returns how to stop. */
export function whenIdle(steps: readonly (() => void)[]): () => void {
  let stopped = false
  const ask: (then: () => void) => void =
    typeof requestIdleCallback === "function"
      ? (then) => void requestIdleCallback(then, { timeout: longestWaitMs })
      : (then) => void setTimeout(then, longestWaitMs / 5)
  const go = (at: number): void => {
    const step = steps[at]
    if (!step) return
    ask(() => {
      if (stopped) return
      step()
      go(at + 1)
    })
  }
  go(0)
  return () => {
    stopped = true
  }
}
