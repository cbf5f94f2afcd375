import { existsSync, readFileSync } from "node:fs"

/**
 * Put before a command: lets every call of a kind go wrong in the kernel's place. `what` as strace says it, for example
 * `error=EIO:when=3`, counted by each thread for itself; only calls on `paths`, when given. The program knows nothing of
 * it. What has gone wrong stands in the file `into`.
 */
export function tracing(
  call: string,
  what: string,
  paths: readonly string[] = [],
  into = "/dev/null",
): string[] {
  return [
    "strace",
    // The program stays our child, and the tracer ends with it.
    "-D",
    "-f",
    "-qq",
    "-o",
    into,
    ...paths.flatMap((path) => ["-P", path]),
    "-e",
    `trace=${call}`,
    "-e",
    `inject=${call}:${what}`,
  ]
}

/** How many calls went wrong, by what `tracing` has written. */
export function injected(into: string): number {
  return existsSync(into) ? readFileSync(into, "latin1").split(/INJECTED|DELAYED/).length - 1 : 0
}

/** Undefined where strace may trace its own child. */
export function hasStrace(): string | undefined {
  if (!Bun.which("strace")) return "strace is not installed"
  const tried = Bun.spawnSync(["strace", "-D", "-f", "-qq", "-o", "/dev/null", "true"])
  return tried.success ? undefined : "strace may not trace here"
}
