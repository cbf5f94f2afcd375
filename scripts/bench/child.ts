import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Runs a script of this folder with a scratch folder as its first argument, until `use` is done. */
export async function withChild<Ready, T>(
  script: string,
  args: string[],
  use: (ready: Ready) => Promise<T>,
): Promise<T> {
  const scratch = await mkdtemp(join(tmpdir(), "crux-bench-"))
  const child = Bun.spawn([process.execPath, join(import.meta.dir, script), scratch, ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    // What `crux hub` gives itself; the disk without a hub gets as many.
    env: { ...process.env, UV_THREADPOOL_SIZE: "8" },
  })
  try {
    return await use(JSON.parse(await firstLine(child.stdout)) as Ready)
  } finally {
    child.stdin.end()
    const stuck = setTimeout(() => child.kill("SIGKILL"), 10_000)
    await child.exited
    clearTimeout(stuck)
    await rm(scratch, { recursive: true, force: true })
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ""
  for await (const piece of stream) {
    text += new TextDecoder().decode(piece)
    const end = text.indexOf("\n")
    if (end >= 0) return text.slice(0, end)
  }
  throw new Error("the benchmark's child ended before it was ready")
}
