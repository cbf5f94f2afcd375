import { mkdir } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { CommandFailure } from "../cli/exit.ts"
import { endsWithParent } from "../cli/told-to-stop.ts"
import { createHubClient, type HubClient } from "./client.ts"

type Child = { name: string; process: Bun.Subprocess<"pipe", "pipe", "pipe"> }

/** The process tree of a demo: one hub and its stations, each a child of this process and stopped with it. */
export type Plant = {
  /** Starts the hub and waits until it serves. Answers its address and, on a fresh data folder, its setup code. */
  startHub(options: string[]): Promise<{ url: string; setupCode: string | null }>
  /** Enrols a station by a one-time code and starts it. */
  startStation(
    admin: HubClient,
    id: string,
    name: string,
    options: (dataDir: string) => Promise<string[]>,
  ): Promise<void>
  /** Asks every station to stop and waits; stations first empty their outbox. */
  stopStations(): Promise<void>
  stop(): Promise<void>
  /** Rejects when a child ends that was not asked to. */
  broken: Promise<never>
}

export function createPlant(options: {
  dir: string
  port: number
  say: (line: string) => void
  verbose: boolean
}): Plant {
  const children = new Map<string, Child>()
  const expected = new Set<string>()
  let closed = false
  let hubUrl = ""
  const { promise: broken, reject } = Promise.withResolvers<never>()
  broken.catch(() => {}) // awaited only in races; unheard it must not end the process

  function start(name: string, role: string, args: string[], onLine: (line: string) => void): Child {
    if (closed) throw new CommandFailure("failure", "The demo has been stopped.")
    const child = Bun.spawn([...selfCommand(role), ...args], {
      // Ctrl+C reaches the demo alone, which stops the stations first: they still have parts for the hub.
      detached: true,
      // Never written to: it closes when this process is gone, however it went, and the child stops.
      stdin: "pipe",
      env: { ...process.env, [endsWithParent]: "1" },
      stdout: "pipe",
      stderr: "pipe",
    })
    const entry: Child = { name, process: child }
    children.set(name, entry)
    const tail: string[] = []
    const drain = async (stream: ReadableStream<Uint8Array>) => {
      for await (const line of lines(stream)) {
        tail.push(line)
        if (tail.length > 8) tail.shift()
        if (options.verbose) options.say(`[${name}] ${line}`)
        onLine(line)
      }
    }
    const drained = Promise.all([drain(child.stdout), drain(child.stderr)])
    void child.exited.then(async (code) => {
      children.delete(name)
      if (expected.has(name)) return
      await drained.catch(() => {})
      reject(new CommandFailure("failure", `${name} ended by itself (exit ${code}).\n${tail.join("\n")}`))
    })
    return entry
  }

  // However the demo ends, its processes end with it; a demo stopped in order has none left here.
  process.once("exit", () => {
    for (const { process: child } of children.values()) child.kill("SIGKILL")
  })

  async function end(child: Child) {
    expected.add(child.name)
    child.process.kill("SIGTERM")
    const done = await Promise.race([
      child.process.exited.then(() => true),
      Bun.sleep(20_000).then(() => false),
    ])
    if (!done) {
      options.say(`${child.name} did not stop in 20 s and was ended.`)
      child.process.kill("SIGKILL")
      await child.process.exited
    }
  }

  const stations = () => [...children.values()].filter((c) => c.name !== "hub")

  return {
    broken,
    async startHub(extra) {
      const data = join(options.dir, "hub")
      await mkdir(data, { recursive: true })
      const http = options.port || (await freePort())
      const [mqtt, mqttTls] = [await freePort(), await freePort()]
      hubUrl = `http://127.0.0.1:${http}`
      const ready = Promise.withResolvers<void>()
      const code = Promise.withResolvers<string>()
      const ports = ["--http-port", String(http), "--mqtt-port", String(mqtt)]
      ports.push("--mqtt-tls-port", String(mqttTls))
      start("hub", "hub", ["--data", data, ...ports, ...extra], (line) => {
        const setup = /setup code:\s+(\S+)/i.exec(line)?.[1]
        if (setup) code.resolve(setup)
        if (line.includes(hubUrl)) ready.resolve()
      })
      await Promise.race([ready.promise, broken])
      const { needed } = await createHubClient(hubUrl).get<{ needed: boolean }>("/api/setup")
      const setupCode = needed ? await Promise.race([code.promise, broken]) : null
      return { url: hubUrl, setupCode }
    },
    async startStation(admin, id, name, camera) {
      const code = await admin.post<{ code: string }>("/api/enrolment-codes", {
        device: id,
        name,
        // Nobody stands beside a simulated station to approve it.
        pre_approved: true,
      })
      if (!code) throw new CommandFailure("failure", `the hub gave no enrolment code for ${id}.`)
      const data = join(options.dir, id)
      await mkdir(data, { recursive: true })
      start(
        id,
        "edge",
        ["--data", data, "--hub", hubUrl, "--device", id, "--enrol", code.code, ...(await camera(data))],
        () => {},
      )
    },
    async stopStations() {
      await Promise.all(stations().map(end))
    },
    async stop() {
      closed = true
      await Promise.all(stations().map(end))
      await Promise.all([...children.values()].map(end))
    },
  }
}

/** A port that is free now; the listener that follows says so if it no longer is. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      )
    })
  })
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = ""
  const decoder = new TextDecoder()
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = parts.pop() ?? ""
    yield* parts
  }
  if (rest) yield rest
}
