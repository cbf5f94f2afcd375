import type { OutputDriver } from "./output.ts"

export type CommandOutputOptions = {
  name: string
  /** Program and arguments, no shell. `{eval}`, `{pass}`, `{id}`, `{part_id}`, … in an argument stand for the verdict's. */
  command: readonly string[]
  timeout_ms?: number
}

/** Runs a program for each verdict, one after the other; the verdict is on its standard input as JSON too. */
export function createCommandOutput({
  name,
  command,
  timeout_ms = 2_000,
}: CommandOutputOptions): OutputDriver {
  return {
    name,
    limit_ms: timeout_ms,
    atOnce: 1,
    send: async (message, { signal }) => {
      const values: Record<string, unknown> = message
      const words = command.map((word) =>
        word.replace(/\{(\w+)\}/g, (whole, key: string) =>
          known.has(key) ? String(values[key] ?? "") : whole,
        ),
      )
      const child = Bun.spawn(words, {
        stdin: new TextEncoder().encode(`${JSON.stringify(message)}\n`),
        stdout: "ignore",
        stderr: "ignore",
      })
      const kill = () => child.kill("SIGKILL")
      signal.addEventListener("abort", kill, { once: true })
      try {
        const code = await child.exited
        if (code !== 0) throw new Error(`${words[0]} ended with ${child.signalCode ?? code}`)
      } finally {
        signal.removeEventListener("abort", kill)
      }
    },
  }
}

const known = new Set([
  "eval",
  "pass",
  "id",
  "ts",
  "seq",
  "score",
  "code",
  "part_id",
  "product_id",
  "recipe_id",
  "job_id",
])
