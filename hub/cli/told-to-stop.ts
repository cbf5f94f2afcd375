/** Set by a program that starts this one and keeps its standard input open for as long as it lives. */
export const endsWithParent = "CRUX_ENDS_WITH_PARENT"

/**
 * Resolves at the first SIGTERM or SIGINT; a second one ends the process at once, as the shell would. A process of a
 * demo also stops when its standard input closes: a parent that was killed cannot tell its children to stop.
 */
export function untilToldToStop(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve())
    if (process.env[endsWithParent] === undefined) return
    const orphaned = () => {
      // Nobody reads any more what an orderly stop still has to say.
      for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
      resolve()
    }
    process.stdin.once("end", orphaned).once("error", orphaned).resume()
  })
}
