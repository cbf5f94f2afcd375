import { expect, test } from "bun:test"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { createHubClient } from "../../hub/demo/client.ts"
import { freePort } from "../../hub/demo/plant.ts"
import { newFolder, type Started, startCrux } from "./support/crux.ts"
import { writePhotos } from "./support/photos.ts"

const project = join(import.meta.dir, "../..")

/** What /proc says of a process: state, parent, and the time it started, which tells it from a later one of its id. */
function statOf(pid: number): { state: string; parent: number; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    return { state: fields[0]!, parent: Number(fields[1]), started: fields[19]! }
  } catch {
    // It ended between the listing and the look.
    return undefined
  }
}

type Process = { pid: number; started: string; command: string }

/** Every process below one, with its command line. */
function descendantsOf(root: number): Process[] {
  const all = readdirSync("/proc").flatMap((name) => {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    return stat ? [{ pid: Number(name), ...stat }] : []
  })
  const below = (parent: number): typeof all =>
    all.filter((p) => p.parent === parent).flatMap((p) => [p, ...below(p.pid)])
  return below(root).map(({ pid, started }) => ({
    pid,
    started,
    command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " "),
  }))
}

const runs = ({ pid, started }: Process): boolean => {
  const stat = statOf(pid)
  return stat !== undefined && stat.started === started && stat.state !== "Z"
}

async function untilEnded(processes: readonly Process[]): Promise<void> {
  const deadline = performance.now() + 60_000
  while (processes.some(runs)) {
    if (performance.now() > deadline) break
    await Bun.sleep(50)
  }
  expect(processes.filter(runs)).toEqual([])
}

/** The demo at work on its first model: a hub below it, a trainer below the hub. */
async function demoThatTrains(folder: string): Promise<{ demo: Started; processes: Process[] }> {
  const images = ["--images", await writePhotos(join(folder, "photos"))]
  const args = ["demo", "--headless", ...images, "--stations", "1", "--data", join(folder, "demo")]
  const demo = startCrux(args)
  await demo.says(/training: (load|bank)/)
  const processes = descendantsOf(demo.child.pid)
  for (const role of [/ hub /, / worker train /])
    expect(processes.some((p) => role.test(p.command))).toBe(true)
  return { demo, processes }
}

test("a killed demo leaves no process behind", async () => {
  using folder = newFolder()
  const { demo, processes } = await demoThatTrains(folder.path)
  demo.child.kill("SIGKILL")
  await demo.child.exited
  await untilEnded(processes)
}, 300_000)

test("a killed hub leaves no worker behind, and the demo says that its hub is gone", async () => {
  using folder = newFolder()
  const { demo, processes } = await demoThatTrains(folder.path)
  process.kill(processes.find((p) => / hub /.test(p.command))!.pid, "SIGKILL")
  const { code, err } = await demo.ended()
  expect(err).toContain("hub ended by itself")
  expect(code).toBe(1)
  await untilEnded(processes)
}, 300_000)

test("a station ends with a parent that was killed", async () => {
  using folder = newFolder()
  const hub = startCrux(["hub", "--data", join(folder.path, "hub"), "--http-port", "0", "--mqtt-port", "0"])
  const url = (await hub.says(/ready: (\S+)/))[1]!
  const code = (await hub.says(/Setup code: (\S+)/))[1]!
  const admin = createHubClient(url)
  const person = { login: "kim", name: "Kim", password: "a torque wrench in spring", language: "ko" }
  await admin.post("/api/setup", { code, ...person })
  const invited = await admin.post<{ code: string }>("/api/enrolment-codes", {
    device: "line-1",
    name: "1",
    pre_approved: true,
  })
  const station = ["--data", join(folder.path, "line-1"), "--hub", url, "--device", "line-1"]
  const command = selfCommand("edge", ...station, "--enrol", invited!.code, "--hold-until-model")
  const script = `
    import { endsWithParent } from "./hub/cli/told-to-stop.ts"
    const env = { ...process.env, [endsWithParent]: "1" }
    const options = { stdin: "pipe", stdout: "pipe", stderr: "inherit", env }
    const child = Bun.spawn(${JSON.stringify(command)}, options)
    await child.stdout.getReader().read()
    console.log("it speaks")
    setInterval(() => {}, 1000)`
  const parent = Bun.spawn([process.execPath, "-e", script], {
    cwd: project,
    stdout: "pipe",
    stderr: "inherit",
  })
  await parent.stdout.getReader().read()
  const processes = descendantsOf(parent.pid)
  expect(processes.map((p) => p.command).join()).toContain(" edge ")
  parent.kill("SIGKILL")
  await untilEnded(processes)
  hub.child.kill("SIGTERM")
  expect((await hub.ended()).code).toBe(0)
}, 120_000)

test("a mosquitto that was started for a demo ends with a demo that was killed", async () => {
  using folder = newFolder()
  const user = process.getuid?.() === 0 ? "user root\n" : ""
  writeFileSync(join(folder.path, "conf"), `${user}listener ${await freePort()} 127.0.0.1\n`)
  const script = `
    import { demandMosquitto, launchMosquitto } from "./hub/demo/mosquitto.ts"
    const [config, log] = ${JSON.stringify([join(folder.path, "conf"), join(folder.path, "log")])}
    await launchMosquitto(demandMosquitto(), config, log)
    console.log("it runs")
    setInterval(() => {}, 1000)`
  const parent = Bun.spawn([process.execPath, "-e", script], {
    cwd: project,
    stdout: "pipe",
    stderr: "inherit",
  })
  await parent.stdout.getReader().read()
  const processes = descendantsOf(parent.pid)
  expect(processes.map((p) => p.command).join()).toContain("mosquitto -c")
  parent.kill("SIGKILL")
  await untilEnded(processes)
}, 60_000)

test("an inference process ends with a parent that was killed", async () => {
  const script = `
    import { createInferChild } from "#models/infer/child"
    const child = createInferChild({ command: ${JSON.stringify(selfCommand("worker", "infer"))} })
    await child.probe({ bytes: new Uint8Array(8) }).catch(() => {})
    console.log("asked")
    setInterval(() => {}, 1000)`
  const parent = Bun.spawn([process.execPath, "-e", script], {
    cwd: project,
    stdout: "pipe",
    stderr: "inherit",
  })
  await parent.stdout.getReader().read()
  const workers = descendantsOf(parent.pid)
  expect(workers.map((p) => p.command).join()).toContain("worker infer")
  parent.kill("SIGKILL")
  await untilEnded(workers)
}, 60_000)
