import { existsSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dir, "../..")

/**
 * The Deno binary of the dev dependency. Its npm wrapper expects a postinstall script that Bun does not run, so the
 * binary is taken from the platform package.
 */
export function denoBinary(): string {
  const binary = join(root, `node_modules/@deno/${process.platform}-${process.arch}-glibc/deno`)
  if (!existsSync(binary)) throw new Error(`Deno is missing (${binary}); run "bun install".`)
  return binary
}

export type DenoChild = ReturnType<typeof spawnDeno>

/** Starts a script under Deno, offline, with the project's own node_modules. */
export function spawnDeno(script: string, args: readonly string[] = []) {
  return Bun.spawn(
    [
      denoBinary(),
      "run",
      "--allow-all",
      "--no-check",
      "--cached-only",
      join(import.meta.dir, script),
      ...args,
    ],
    {
      cwd: root,
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, DENO_NO_UPDATE_CHECK: "1", NO_COLOR: "1" },
    },
  )
}
