import { createServer } from "node:net"
import * as v from "valibot"
import { Enrolment } from "#contract/fleet"
import { selfCommand } from "#models/child"
import { createHubClient, type HubClient, signIn } from "../../hub/demo/client.ts"

const admin = { login: "kim", password: "a torque wrench in spring" }

/** After so long a hub that is not ready hangs; a machine that is busy with other things is no failure. */
const startMs = 120_000

export type RunningHub = Awaited<ReturnType<typeof startHub>>

/**
 * Starts the real `crux hub` on a data folder. `before` is put in front of the command, for example a tracer; `env` is
 * added to its environment. Rejects with what the program said when it does not become ready.
 */
export async function startHub(
  data: string,
  options: {
    http?: number
    mqtt?: number
    /** Many hubs run side by side here: without it the system chooses the door with TLS. */
    mqttTls?: number
    flags?: readonly string[]
    before?: readonly string[]
    env?: Record<string, string>
  } = {},
) {
  const http = options.http ?? (await freePort())
  const mqtt = options.mqtt ?? (await freePort())
  const flags = ["--data", data, "--http-port", String(http), "--mqtt-port", String(mqtt)]
  flags.push("--mqtt-tls-port", String(options.mqttTls ?? 0), ...(options.flags ?? []))
  const child = Bun.spawn(
    [...(options.before ?? []), ...selfCommand("hub", ...flags, "--log-level", "warn")],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, NO_COLOR: "1", ...options.env },
    },
  )
  const said = { out: "", err: "" }
  let wasSetUp = false
  const keep = async (name: keyof typeof said, stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    // The end is where a program says why it ended; a hub that logs for minutes must not fill our memory.
    for await (const text of stream.pipeThrough(new TextDecoderStream()))
      said[name] = (said[name] + text).slice(-64_000)
  }
  const kept = Promise.all([keep("out", child.stdout), keep("err", child.stderr)])
  const url = `http://127.0.0.1:${http}`
  const ended = async () => {
    const code = await child.exited
    await kept
    return { code, ...said }
  }
  const ready = async () => {
    const deadline = performance.now() + startMs
    while (!/CRUX hub is ready/.test(said.out)) {
      if (child.exitCode !== null || child.signalCode !== null) {
        const { code, err } = await ended()
        throw new Error(`the hub ended (${code}) before it was ready: ${err.slice(-400)}`)
      }
      if (performance.now() > deadline) {
        child.kill("SIGKILL")
        throw new Error("the hub was not ready in time")
      }
      await Bun.sleep(20)
    }
  }
  return {
    url,
    mqtt,
    data,
    pid: child.pid,
    said,
    ready,
    ended,
    /** Whether the process is still there. */
    lives: () => child.exitCode === null && child.signalCode === null,
    signal: (name: NodeJS.Signals) => child.kill(name),
    kill: async () => {
      child.kill("SIGKILL")
      await ended()
    },
    stop: async () => {
      child.kill("SIGTERM")
      return await ended()
    },
    /** Signed in as the admin; makes that person first on a new hub. */
    admin: async (): Promise<HubClient> => {
      const code = /Setup code: (\S+)/.exec(said.out)?.[1]
      if (code === undefined || wasSetUp) return signIn(url, admin)
      wasSetUp = true
      const client = createHubClient(url)
      await client.post("/api/setup", { code, ...admin, name: "Kim", language: "ko" })
      return client
    },
  }
}

/** Starts a hub and waits for it. */
export async function readyHub(...args: Parameters<typeof startHub>): Promise<RunningHub> {
  const hub = await startHub(...args)
  await hub.ready()
  return hub
}

/** Enrols stations through the front door; they connect to the port without TLS, as programs on its machine may. */
export async function enrolStations(hub: RunningHub, names: readonly string[]): Promise<Enrolment[]> {
  const client = await hub.admin()
  const all: Enrolment[] = []
  for (const device of names) {
    const invitation = { device, name: device, pre_approved: true }
    const invited = await client.post<{ code: string }>("/api/enrolment-codes", invitation)
    const said = await createHubClient(hub.url).post("/api/enrol", { code: invited?.code, device })
    all.push({ ...v.parse(Enrolment, said), mqtt: { host: "127.0.0.1", port: hub.mqtt } })
  }
  return all
}

/**
 * A port that is free now, below those that the system gives to outgoing connections: a hub that is killed and started
 * again must find its own still free.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 16_000)
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false))
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}
