import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { hubRuntime } from "../../hub/cli/own-runtime.ts"

/**
 * Runs a script of this folder with a scratch folder as its first argument, until `use` is done. `ask` sends it a line
 * and reads the line it answers.
 */
export async function withChild<Ready, T>(
  script: string,
  args: string[],
  use: (ready: Ready, ask: <Answer>() => Promise<Answer>) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), "crux-bench-"))
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), scratch, ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    // What `crux hub` gives itself; the disk without a hub gets as many.
    env: { ...process.env, ...hubRuntime },
  })
  const nextLine = linesOf(child.stdout)
  try {
    const ask = async <Answer>() => {
      child.stdin.write("\n")
      await child.stdin.flush()
      return JSON.parse(await nextLine()) as Answer
    }
    return await use(JSON.parse(await nextLine()) as Ready, ask)
  } finally {
    child.stdin.end()
    const stuck = setTimeout(() => child.kill("SIGKILL"), 10_000)
    await child.exited
    clearTimeout(stuck)
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The lines of a stream, one after the other. */
function linesOf(stream: ReadableStream<Uint8Array>): () => Promise<string> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let text = ""
  return async () => {
    for (;;) {
      const end = text.indexOf("\n")
      if (end >= 0) {
        const line = text.slice(0, end)
        text = text.slice(end + 1)
        return line
      }
      const { value, done } = await reader.read()
      if (done) throw new Error("the benchmark's child ended before it had answered")
      text += decoder.decode(value, { stream: true })
    }
  }
}
