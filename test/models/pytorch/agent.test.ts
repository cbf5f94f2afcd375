import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { theHub } from "../../../hub/platform/audit.ts"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { type Browser, startTestHub, type TestHub, testPassword } from "../../hub/support/hub.ts"
import { fillHub, jobIn, jobOf, startJob } from "../../hub/training/kit.ts"

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

const small = { width: 64, height: 64, backbone: "tiny", epochs: 2, batch: 2 }
const params = { ...small, bank_rows: 60, projection: 16 }

/** Runs the program until it ends or is killed; what it says is kept. */
function run(args: readonly string[], env: Record<string, string> = {}) {
  const child = Bun.spawn([python, "-m", "crux_trainer", ...args], {
    cwd: join(root, "models/trainers/pytorch"),
    env: { ...process.env, ...env, OMP_NUM_THREADS: "1" },
    stdout: "ignore",
    stderr: "pipe",
  })
  const said = new Response(child.stderr).text()
  return {
    child,
    said,
    async seen<T>(look: () => Promise<T | false>): Promise<T> {
      for (;;) {
        const found = await look()
        if (found !== false) return found
        if (child.exitCode !== null) throw new Error(await said)
        await Bun.sleep(50)
      }
    },
  }
}

test.skipIf(!isHere)(
  "it registers, takes a job, is killed, goes on with it, and what it hands in is proved by the hub",
  async () => {
    const answer = await engineer.post("/api/trainers", { id: "gpu-1" })
    const { token } = (await answer.json()) as { token: string }
    const address = ["--hub", `http://127.0.0.1:${served.port}`, "--state", join(folder, "state")]
    const first = run(address, { CRUX_TRAINER_TOKEN: token })
    await first.seen(async () => {
      const { items } = (await (await engineer.get("/api/training/recipes")).json()) as {
        items: { id: string }[]
      }
      return items.some(({ id }) => id === "torch.anomaly")
    })
    const { id } = await startJob(engineer, { recipe: { id: "torch.anomaly", params } })
    // In the middle of its rounds it dies without a word, and its training with it.
    await first.seen(async () => (await jobOf(engineer, id)).curve.length > 0)
    first.child.kill("SIGKILL")
    await first.child.exited
    const second = run(address, { CRUX_TRAINER_TOKEN: token })
    const done = await second.seen(async () => {
      const job = await jobOf(engineer, id)
      return (job.state === "succeeded" || job.state === "failed") && job
    })
    expect([done.state, done.error, done.note]).toEqual(["succeeded", null, null])
    // The same lease: nobody else had been given it.
    expect(done.attempts.map(({ trainer, end }) => [trainer, end])).toEqual([["gpu-1", "handed_in"]])
    const model = (await (await engineer.get(`/api/models/${done.model}`)).json()) as {
      contract: { provenance: object }
    }
    expect(model.contract.provenance).toMatchObject({ recipe: "torch.anomaly", job: id })
    second.child.kill("SIGTERM")
    expect(await second.child.exited, await second.said).toBe(0)
    expect((await first.said) + (await second.said)).not.toContain(token)
  },
  patience,
)

/** The hub's commands as an engineer types them. */
async function crux(...words: string[]) {
  const child = Bun.spawn(
    [...selfCommand(...words), "--login", "porter", "--hub", `http://127.0.0.1:${served.port}`],
    {
      env: { ...process.env, CRUX_PASSWORD: testPassword },
      stdout: "pipe",
      stderr: "pipe",
    },
  )
  const said = (await new Response(child.stdout).text()) + (await new Response(child.stderr).text())
  return { code: await child.exited, said }
}

test.skipIf(!isHere)(
  "a job that is carried out as a file, trained where no hub is, and carried back is proved like any other",
  async () => {
    await plant.hub.users.create(theHub, {
      login: "porter",
      name: "Porter",
      role: "engineer",
      language: "en",
      password: testPassword,
    })
    const { id } = await startJob(engineer, {
      recipe: { id: "torch.classify", version: 1, params: { ...small, int8: false } },
      offline: { task: "classification" },
    })
    const [job, result] = [join(folder, "job.tar"), join(folder, "result.tar")]
    expect(await crux("training", "export-job", id, job)).toMatchObject({ code: 0 })
    const carried = run(["run-bundle", job, "--out", result])
    expect(await carried.child.exited, await carried.said).toBe(0)
    expect((await jobOf(engineer, id)).state).toBe("queued")
    expect(await crux("training", "import-result", result)).toMatchObject({ code: 0 })
    const done = await jobIn(engineer, id, "succeeded", "failed")
    expect([done.state, done.error]).toEqual(["succeeded", null])
    const model = (await (await engineer.get(`/api/models/${done.model}`)).json()) as {
      contract: { provenance: object }
    }
    expect(model.contract.provenance).toMatchObject({ recipe: "torch.classify", job: id })
    // The same file once more: the same job, no second model.
    expect(await crux("training", "import-result", result)).toMatchObject({ code: 0 })
    expect((await jobOf(engineer, id)).model).toBe(done.model)
  },
  patience,
)
