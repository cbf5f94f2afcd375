/** Resolves when `signal` aborts. */
export function aborted(signal: AbortSignal): Promise<"stopped"> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("stopped")
    else signal.addEventListener("abort", () => resolve("stopped"), { once: true })
  })
}
