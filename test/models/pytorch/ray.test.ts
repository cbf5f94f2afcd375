import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { type Browser, startTestHub, type TestHub } from "../../hub/support/hub.ts"
import { eventually, fillHub, jobOf, startJob } from "../../hub/training/kit.ts"

/**
 * The PyTorch trainer's agent at a real hub, its trainings on a real Ray of one machine. Ray is half a gigabyte that nothing
 * else needs: CONTRIBUTING.md says how to have it.
 */
const root = join(import.meta.dir, "../../..")
const [trainer, rays] = [join(root, ".python-trainer"), join(root, ".python-ray")]
const isHere = existsSync(join(trainer, "without-cuda")) && existsSync(join(rays, "bin/ray"))
if (!isHere) console.warn("trainings on Ray are not tested here: .python-ray is missing, see CONTRIBUTING.md")
setDefaultTimeout(600_000)

const params = { width: 64, height: 64, backbone: "tiny", epochs: 2, batch: 2, bank_rows: 60, projection: 16 }

let plant: TestHub
let engineer: Browser
let served: ReturnType<typeof serveHttp>
let folder = ""
let scratch = ""
let head: { address: string; stop(): Promise<void> }
const tokens: Record<string, string> = {}

beforeAll(async () => {
  if (!isHere) return
  folder = mkdtempSync(join(tmpdir(), "crux-ray-"))
  // Ray puts sockets below it, whose paths may have a hundred letters.
  scratch = mkdtempSync("/tmp/cr-")
  head = await startRay(scratch)
  plant = await startTestHub()
  engineer = await plant.as("engineer")
  await fillHub(engineer, 12, 4)
  served = serveHttp({ host: "127.0.0.1", port: 0, fetch: plant.hub.fetch })
  for (const id of ["cluster", "other"]) {
    const answer = await engineer.post("/api/trainers", { id })
    tokens[id] = ((await answer.json()) as { token: string }).token
  }
})
afterAll(async () => {
  if (!isHere) return
  await served?.stop()
  await plant?.stop()
  await head?.stop()
  for (const one of [folder, scratch]) if (one) rmSync(one, { recursive: true, force: true })
})

/** A head of its own on ports of its own; its trainings find the trainer as they would on a machine where it is installed. */
async function startRay(scratch: string) {
  const [gcs, dashboard, client, agent] = await Promise.all([freePort(), freePort(), freePort(), freePort()])
  const child = Bun.spawn(
    [
      ...[join(rays, "bin/ray"), "start", "--head", "--block", "--node-ip-address", "127.0.0.1"],
      ...["--port", String(gcs), "--dashboard-host", "127.0.0.1", "--dashboard-port", String(dashboard)],
      ...["--ray-client-server-port", String(client), "--dashboard-agent-listen-port", String(agent)],
      ...["--num-cpus", "2", "--num-gpus", "1", "--object-store-memory", "100000000"],
      ...["--temp-dir", scratch, "--disable-usage-stats", "--log-color", "false"],
    ],
    {
      env: {
        ...process.env,
        PATH: `${join(trainer, "bin")}:${process.env.PATH}`,
        PYTHONPATH: join(root, "models/trainers/pytorch"),
        OMP_NUM_THREADS: "1",
        RAY_DISABLE_DOCKER_CPU_WARNING: "1",
      },
      stdout: "pipe",
      stderr: "pipe",
    },
  )
  const said = Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  const address = `http://127.0.0.1:${dashboard}`
  await eventually("Ray", async () => {
    if (child.exitCode !== null) throw new Error((await said).join("\n"))
    return await fetch(`${address}/api/jobs/`)
      .then((answer) => answer.ok)
      .catch(() => false)
  })
  return {
    address,
    async stop() {
      // It takes its own processes with it, and no other Ray's.
      child.kill("SIGTERM")
      await child.exited
    },
  }
}

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })

/** An agent that hands its trainings to Ray, one training a GPU. */
function startAgent(state: string, id = "cluster") {
  const child = Bun.spawn(
    [
      ...[join(trainer, "bin/python"), "-m", "crux_trainer", "--hub", `http://127.0.0.1:${served.port}`],
      ...["--state", join(folder, state), "--launcher", "ray", "--ray-address", head.address],
      ...["--ray-gpus", "1", "--checkpoint-s", "1"],
    ],
    {
      cwd: join(root, "models/trainers/pytorch"),
      env: {
        ...process.env,
        PATH: `${process.env.PATH}:${join(rays, "bin")}`,
        CRUX_TRAINER_TOKEN: tokens[id]!,
      },
      stdout: "ignore",
      stderr: "pipe",
    },
  )
  const said = new Response(child.stderr).text()
  return {
    child,
    async stop(): Promise<string> {
      child.kill("SIGTERM")
      await child.exited
      return await said
    },
  }
}
type RayJob = { submission_id: string; status: string; entrypoint: string; driver_exit_code: number | null }
const jobsOfRay = async () => (await (await fetch(`${head.address}/api/jobs/`)).json()) as RayJob[]
const recipes = async () =>
  ((await (await engineer.get("/api/training/recipes")).json()) as { items: { id: string }[] }).items
const known = () =>
  eventually("the trainer", async () => (await recipes()).some(({ id }) => id === "torch.anomaly"))
const order = (over: object = {}) =>
  startJob(engineer, { recipe: { id: "torch.anomaly", params: { ...params, ...over } } })
const ended = (id: string) =>
  eventually(`job ${id}`, async () => {
    const job = await jobOf(engineer, id)
    return ["succeeded", "failed", "cancelled"].includes(job.state) && job
  })

/** The training on Ray, wherever it runs: its command line names the folder of the job. */
const workersOf = (id: string): number[] =>
  readdirSync("/proc").flatMap((name) => {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0")
      return words[0]?.endsWith("python") &&
        words.includes("work") &&
        words.some((word) => word.endsWith(`/jobs/${id}`))
        ? [Number(name)]
        : []
    } catch {
      return []
    }
  })

describe.skipIf(!isHere)("a training on Ray", () => {
  // The folder's name is not plain: Ray hands the line to a shell.
  const state = "it's $HOME"

  test("is submitted, comes back to the hub and is proved; killed in the middle it goes on from its checkpoint", async () => {
    const agent = startAgent(state)
    await known()
    const { id } = await order({ epochs: 12 })
    await eventually("its first rounds", async () => (await jobOf(engineer, id)).curve.length > 1)
    const [worker] = workersOf(id)
    process.kill(worker!, "SIGKILL")
    const done = await ended(id)
    expect([done.state, done.error, done.note]).toEqual(["succeeded", null, null])
    // Here the job was never lost: its agent submitted it again.
    expect(done.attempts.map(({ trainer: by, end }) => [by, end])).toEqual([["cluster", "handed_in"]])
    const submitted = (await jobsOfRay()).filter(({ submission_id }) => submission_id.includes(id))
    expect(submitted.map(({ status }) => status).sort()).toEqual(["FAILED", "SUCCEEDED"])
    const log = await (await engineer.get(`/api/training/jobs/${id}/log`)).text()
    expect(log).toContain("goes on")
    expect(log + (await agent.stop())).not.toContain(tokens.cluster!)
  })

  test("ends when somebody cancels it, also while it waits for its turn, and Ray keeps none of it", async () => {
    const agent = startAgent(state)
    const other = startAgent("other", "other")
    const first = await order({ epochs: 400 })
    await eventually("its first round", async () => (await jobOf(engineer, first.id)).curve.length > 0)
    const second = await order()
    // One GPU: this one waits at Ray.
    await eventually("the second at Ray", async () =>
      (await jobsOfRay()).some(
        ({ submission_id, status }) => submission_id.includes(second.id) && status === "PENDING",
      ),
    )
    for (const { id } of [second, first]) await engineer.post(`/api/training/jobs/${id}/cancel`)
    const statuses = await eventually("Ray to be done with both", async () => {
      const of = (id: string) => jobsOfRay().then((all) => all.find((one) => one.submission_id.includes(id))!)
      const both = [await of(first.id), await of(second.id)]
      return both.every(({ status }) => !["PENDING", "RUNNING"].includes(status)) && both
    })
    // Asked to stop, the one that ran ended by itself; the one that waited was taken back.
    expect(statuses.map(({ status }) => status)).toEqual(["FAILED", "STOPPED"])
    expect([...workersOf(first.id), ...workersOf(second.id)]).toEqual([])
    await agent.stop()
    await other.stop()
  })

  test("outlives its agent: the next one waits for it instead of beginning a second", async () => {
    const agent = startAgent(state)
    const { id } = await order({ epochs: 12 })
    await eventually("its first round", async () => (await jobOf(engineer, id)).curve.length > 0)
    agent.child.kill("SIGKILL")
    await agent.child.exited
    const next = startAgent(state)
    const done = await ended(id)
    expect([done.state, done.error]).toEqual(["succeeded", null])
    expect(done.attempts.map(({ end }) => end)).toEqual(["handed_in"])
    await next.stop()
  })
})
