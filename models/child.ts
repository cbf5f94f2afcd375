import { join } from "node:path"

/** Bun serves the files of a compiled binary from this virtual root. */
const embeddedRoot = /^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/

/**
 * Command line that starts this program again in another role, e.g. `selfCommand("worker", "infer")`.
 * A compiled binary is its own interpreter; from source it is bun plus the hub's entry file.
 */
export function selfCommand(...role: string[]): string[] {
  if (embeddedRoot.test(import.meta.dir)) return [process.execPath, ...role]
  return [process.execPath, join(import.meta.dir, "..", "hub", "main.ts"), ...role]
}
