import { expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { eventually, recipe, resultOf, sha, trainerWith } from "./kit.ts"
import { type Client, createClient } from "./real-hub.ts"

setDefaultTimeout(600_000)

const root = join(import.meta.dir, "../../..")

const kill = async (child: Bun.Subprocess) => {
  child.kill("SIGKILL")
  await child.exited
}

/** A folder and the processes on it, for as long as the work takes. The tests stand side by side: each has its own. */
async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "crux-kill-"))
  const running = new Set<Bun.Subprocess>()
  try {
    await work({
      async startHub(port, how = "whole") {
        const child = Bun.spawn(
          ["bun", join(import.meta.dir, "hub.child.ts"), join(folder, "hub"), String(port), how],
          { stdout: "pipe", stderr: "inherit" },
        )
        running.add(child)
        const { value } = await child.stdout.getReader().read()
        const at = JSON.parse(new TextDecoder().decode(value)) as { port: number }
        return { child, client: await createClient(`http://127.0.0.1:${at.port}`), port: at.port }
      },
      startTrainer(port, token, name) {
        const address = ["--hub", `http://127.0.0.1:${port}`, "--data", join(folder, name)]
        const child = Bun.spawn(["bun", join(root, "hub/main.ts"), "trainer", "run", ...address], {
          env: { ...process.env, CRUX_TRAINER_TOKEN: token },
          stdout: "ignore",
          stderr: "inherit",
        })
        running.add(child)
        return child
      },
    })
  } finally {
    for (const child of running) child.kill("SIGKILL")
    await Promise.all([...running].map((child) => child.exited))
    rmSync(folder, { recursive: true, force: true })
  }
}

type Stage = {
  /** A real hub process; resolves when it serves. Its first start makes an engineer and known parts. */
  startHub: (
    port: number,
    how?: "whole" | "unproved",
  ) => Promise<{ child: Bun.Subprocess; client: Client; port: number }>
  startTrainer: (port: number, token: string, name: string) => Bun.Subprocess
}

test.concurrent("a job survives kill -9 of its trainer and of the hub: another trainer goes on, and one model comes out", () =>
  onStage(async ({ startHub, startTrainer }) => {
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
  }))

test.concurrent("kill -9 of the hub in the middle of an upload, and between a result and its proof, loses neither", () =>
  onStage(async ({ startHub }) => {
    let hub = await startHub(0, "unproved")
    const token = await hub.client.hire("by-hand")
    const trainer = trainerWith(
      (request) =>
        fetch(new Request(request.url.replace("http://hub.test", `http://127.0.0.1:${hub.port}`), request)),
      token,
    )
    expect((await trainer.register()).status).toBe(200)
    const id = await hub.client.start({ id: recipe.id })
    const { job, lease } = (await trainer.claim({ wait_s: 20 }))!
    const result = resultOf({ id, bundle: job.bundle })
    const model = result.files["model.onnx"]!
    const path = `/jobs/${id}/artifacts/${sha(model)}?epoch=${lease.epoch}`
    const half = model.length >> 1
    const state = async () => (await trainer.get(path)).json()

    // Half of the model has come in, the rest is on its way.
    const cut = fetch(`http://127.0.0.1:${hub.port}/trainer/v1${path}`, {
      method: "PUT",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/octet-stream",
        "content-range": `bytes 0-${model.length - 1}/${model.length}`,
      },
      body: new ReadableStream({ start: (controller) => controller.enqueue(model.slice(0, half)) }),
    }).catch(() => null)
    await eventually("half of the model", async () => (await state()).offset === half)
    await kill(hub.child)
    expect(await cut).toBeNull()
    hub = await startHub(hub.port, "unproved")
    expect(await state()).toEqual({ offset: half, complete: false })
    const rest = await trainer.put(
      id,
      lease.epoch,
      model.slice(half),
      `bytes ${half}-${model.length - 1}/${model.length}`,
      sha(model),
    )
    expect(await rest.json()).toEqual({ offset: model.length, complete: true })
    for (const bytes of [...Object.values(result.files), result.manifest])
      expect((await trainer.put(id, lease.epoch, bytes)).status).toBe(200)

    // The result is taken, and the hub dies before it has proved it.
    const told = { epoch: lease.epoch, manifest_sha256: sha(result.manifest) }
    const taken = await trainer.post(`/jobs/${id}/complete`, told)
    expect([taken.status, await taken.json()]).toEqual([202, expect.objectContaining({ state: "proving" })])
    await kill(hub.child)
    hub = await startHub(hub.port)
    const done = await eventually("the end of the job", async () => {
      const job = await hub.client.job(id)
      return ["succeeded", "failed", "cancelled"].includes(job.state) ? job : false
    })
    expect(done).toMatchObject({ state: "succeeded", error: null, note: null, model: result.model })
    expect(done.attempts.map(({ trainer, end }) => [trainer, end])).toEqual([["by-hand", "handed_in"]])
    expect(await hub.client.models()).toEqual([result.model])
    // Whoever did not hear the answer asks again and hears the same.
    expect((await trainer.post(`/jobs/${id}/complete`, told)).status).toBe(202)
  }))
