/**
 * Put before a command: lets every call of a kind go wrong in the kernel's place. `what` as strace says it, for example
 * `error=EIO:when=3`; only calls on `paths`, when given. The program itself knows nothing of it.
 */
export function tracing(call: string, what: string, paths: readonly string[] = []): string[] {
  return [
    "strace",
    // The program stays our child, and the tracer ends with it.
    "-D",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    ...paths.flatMap((path) => ["-P", path]),
    "-e",
    `trace=${call}`,
    "-e",
    `inject=${call}:${what}`,
  ]
}

/** Undefined where strace may trace its own child. */
export function hasStrace(): string | undefined {
  if (!Bun.which("strace")) return "strace is not installed"
  const tried = Bun.spawnSync(["strace", "-D", "-f", "-qq", "-o", "/dev/null", "true"])
  return tried.success ? undefined : "strace may not trace here"
}
