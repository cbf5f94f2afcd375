import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { eventually } from "./kit.ts"
import { type Client, createClient } from "./real-hub.ts"

setDefaultTimeout(600_000)

const root = join(import.meta.dir, "../../..")
let folder: string
const running = new Set<Bun.Subprocess>()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crux-kill-"))
})
afterEach(async () => {
  for (const child of running) child.kill("SIGKILL")
  await Promise.all([...running].map((child) => child.exited))
  running.clear()
  rmSync(folder, { recursive: true, force: true })
})

const kill = async (child: Bun.Subprocess) => {
  child.kill("SIGKILL")
  await child.exited
  running.delete(child)
}

/** A real hub process on `folder`; resolves when it serves. Its first start makes an engineer and known parts. */
async function startHub(port: number): Promise<{ child: Bun.Subprocess; client: Client; port: number }> {
  const child = Bun.spawn(["bun", join(import.meta.dir, "hub.child.ts"), join(folder, "hub"), String(port)], {
    stdout: "pipe",
    stderr: "inherit",
  })
  running.add(child)
  const { value } = await child.stdout.getReader().read()
  const at = JSON.parse(new TextDecoder().decode(value)) as { port: number }
  return { child, client: await createClient(`http://127.0.0.1:${at.port}`), port: at.port }
}

function startTrainer(port: number, token: string, name: string): Bun.Subprocess {
  const child = Bun.spawn(
    [
      "bun",
      join(root, "hub/main.ts"),
      "trainer",
      "run",
      "--hub",
      `http://127.0.0.1:${port}`,
      "--data",
      join(folder, name),
    ],
    { env: { ...process.env, CRUX_TRAINER_TOKEN: token }, stdout: "ignore", stderr: "inherit" },
  )
  running.add(child)
  return child
}

test("a job survives kill -9 of its trainer and of the hub: another trainer goes on, and one model comes out", async () => {
  let hub = await startHub(0)
  const first = startTrainer(hub.port, await hub.client.hire("one"), "one")
  await eventually("the trainer", async () => (await hub.client.recipes()).includes("crux.patch"))
  const id = await hub.client.start({ id: "crux.patch", params: { side: 64, bank_rows: 50 } })

  // In the middle of its work the trainer dies without a word.
  const running = await eventually("the job at work", async () => {
    const job = await hub.client.job(id)
    return job.state === "running" && job.progress !== null ? job : false
  })
  expect(running.trainer).toBe("one")
  await kill(first)

  // Then the hub dies, and comes back on the same data while nobody has the job.
  await kill(hub.child)
  hub = await startHub(hub.port)
  startTrainer(hub.port, await hub.client.hire("two"), "two")
  await eventually("the second trainer", async () => (await hub.client.job(id)).trainer === "two")

  // The hub dies once more under the second one, which waits for it and goes on.
  await kill(hub.child)
  hub = await startHub(hub.port)
  const done = await eventually("the end of the job", async () => {
    const job = await hub.client.job(id)
    return ["succeeded", "failed", "cancelled"].includes(job.state) ? job : false
  })
  expect(done).toMatchObject({ state: "succeeded", error: null })
  expect(done.attempts.map(({ trainer, end }) => [trainer, end])).toEqual([
    ["one", "lost"],
    ["two", "handed_in"],
  ])
  expect(await hub.client.models()).toEqual([done.model!])
})
