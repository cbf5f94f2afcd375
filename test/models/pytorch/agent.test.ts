import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { type Browser, startTestHub, type TestHub } from "../../hub/support/hub.ts"
import { fillHub, jobOf, startJob } from "../../hub/training/kit.ts"

/** The PyTorch trainer as a process of its own, at a real hub. */
const root = join(import.meta.dir, "../../..")
const python = join(root, ".python-trainer/bin/python")
/** A busy machine may take minutes for what takes seconds; only a test that hangs fails by time. */
const patience = 600_000
const isHere = existsSync(join(root, ".python-trainer/without-cuda"))
if (!isHere) console.warn(`the PyTorch trainer is not tested: ${python} is missing, scripts/test installs it`)

let plant: TestHub
let engineer: Browser
let served: ReturnType<typeof serveHttp>
let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "crux-agent-"))
  plant = await startTestHub()
  engineer = await plant.as("engineer")
  await fillHub(engineer, 12, 4)
  served = serveHttp({ host: "127.0.0.1", port: 0, fetch: plant.hub.fetch })
})
afterAll(async () => {
  await served.stop()
  await plant.stop()
  rmSync(folder, { recursive: true, force: true })
})

const params = {
  width: 64,
  height: 64,
  backbone: "tiny",
  epochs: 2,
  batch: 2,
  bank_rows: 60,
  projection: 16,
}

test.skipIf(!isHere)(
  "it registers, takes a job, trains, and what it hands in is proved by the hub",
  async () => {
    const answer = await engineer.post("/api/trainers", { id: "gpu-1" })
    const { token } = (await answer.json()) as { token: string }
    const address = ["--hub", `http://127.0.0.1:${served.port}`, "--state", join(folder, "state")]
    const agent = Bun.spawn([python, "-m", "crux_trainer", ...address], {
      cwd: join(root, "models/trainers/pytorch"),
      env: { ...process.env, CRUX_TRAINER_TOKEN: token, OMP_NUM_THREADS: "1" },
      stdout: "ignore",
      stderr: "pipe",
    })
    const said = new Response(agent.stderr).text()
    const seen = async <T>(look: () => Promise<T | false>): Promise<T> => {
      for (;;) {
        const found = await look()
        if (found !== false) return found
        if (agent.exitCode !== null) throw new Error(await said)
        await Bun.sleep(50)
      }
    }
    await seen(async () => {
      const { items } = (await (await engineer.get("/api/training/recipes")).json()) as {
        items: { id: string }[]
      }
      return items.some(({ id }) => id === "torch.anomaly")
    })
    const { id } = await startJob(engineer, { recipe: { id: "torch.anomaly", params } })
    const done = await seen(async () => {
      const job = await jobOf(engineer, id)
      return (job.state === "succeeded" || job.state === "failed") && job
    })
    expect([done.state, done.error]).toEqual(["succeeded", null])
    expect(done.curve.length).toBeGreaterThan(0)
    const model = (await (await engineer.get(`/api/models/${done.model}`)).json()) as {
      contract: { provenance: object }
    }
    expect(model.contract.provenance).toMatchObject({ recipe: "torch.anomaly", job: id })
    agent.kill("SIGTERM")
    expect(await agent.exited, await said).toBe(0)
    expect(await said).not.toContain(token)
  },
  patience,
)
