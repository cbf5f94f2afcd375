import { mkdtemp, rm } from "node:fs/promises"
import { connect, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { selfCommand } from "#models/child"
import { createHub } from "../../hub.ts"
import { theHub } from "../../platform/audit.ts"
import { bunPorts } from "../../ports.bun.ts"
import { readConfig } from "../../read-config.ts"
import { createProver } from "../../registry/prover.ts"
import { serveHttp } from "../../serve.bun.ts"
import { drawPart } from "./drawn-parts.ts"

/** One call of a trainer, as the practice hub saw it. */
export type Call = {
  at: number
  method: string
  /** Without the job: "claim", "heartbeat", "blobs/<sha256>", "artifacts/<sha256>", "checkpoints/1", … */
  what: string
  job: string | null
  url: string
  /** JSON body of small calls. */
  body: Record<string, unknown>
  status: number
}

/** What may be done to a call on its way. */
export type Mischief = {
  /** As it comes in: answered here, or let through with another body. */
  before?: (
    call: Omit<Call, "status">,
    request: Request,
  ) => Promise<{ answer: Response } | { request: Request } | undefined>
  /** As its answer goes out; asked then, for a claim may have come in long before. */
  after?: (call: Omit<Call, "status">, answer: Response) => Promise<Response | undefined>
}

/** Seconds a trainer keeps a job without a word: short, so that losing one is quickly seen. */
export const leaseSeconds = 4

/**
 * A real hub on a folder of its own with a few drawn parts, on a port of this machine alone. Everything a trainer says to
 * it is noted, and can be disturbed on its way.
 */
export async function startPracticeHub() {
  const data = await mkdtemp(join(tmpdir(), "crux-conformance-"))
  const { config } = readConfig({
    environment: {},
    flags: {
      data,
      "http-port": "0",
      "mqtt-port": "0",
      "log-level": "error",
      "trainers-lease-seconds": String(leaseSeconds),
      "auto-train-enabled": "false",
      "gate-max-p99-ms": "60000",
    },
  })
  let ahead = 0
  const clock = { now: () => Date.now() + ahead }
  const hub = await createHub(config, {
    ...bunPorts(),
    clock,
    // Nobody waits for it, and a trainer at work beside it may hold the machine.
    prover: createProver({ command: selfCommand("worker", "infer"), timeoutMs: 120_000 }),
  })
  await hub.start()
  const addPart = async (pool: "golden" | "reference", n: number, kind: "ok" | "spot" | "scratch") => {
    const { bytes, meta } = await drawPart(n, kind)
    return await hub.dataset.addReference(pool, meta, bytes, "conformance")
  }
  const kinds = ["ok", "ok", "spot", "ok", "ok", "scratch"] as const
  for (let n = 0; n < 18; n++) await addPart("reference", n, kinds[n % kinds.length]!)
  for (let n = 100; n < 106; n++) await addPart("golden", n, kinds[n % kinds.length]!)
  const { token } = hub.trainers.create(theHub, "candidate", "candidate")

  const calls: Call[] = []
  const listeners = new Set<(call: Call) => void>()
  let mischief: Mischief | undefined

  const fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url)
    const [, job = null, what = url.pathname] =
      /^\/trainer\/v1\/(?:jobs\/([0-9a-f-]{36})\/?)?(.*)$/.exec(url.pathname) ?? []
    const json = /json/.test(request.headers.get("content-type") ?? "")
    const body = json
      ? await request
          .clone()
          .json()
          .catch(() => ({}))
      : {}
    const seen = { at: performance.now(), method: request.method, what, job, url: request.url, body }
    const done = await mischief?.before?.(seen, request)
    let answer: Response
    if (done && "answer" in done) answer = done.answer
    else answer = await hub.fetch(done?.request ?? request, { ip: "127.0.0.1" })
    answer = (await mischief?.after?.(seen, answer)) ?? answer
    const call: Call = { ...seen, status: answer.status }
    calls.push(call)
    for (const listener of listeners) listener(call)
    return answer
  }
  const served = serveHttp({ host: "127.0.0.1", port: 0, fetch })
  const wire = await openWire(served.port)

  return {
    hub,
    url: `http://127.0.0.1:${wire.port}`,
    token,
    calls,
    /** Time goes on for the hub, so that leases run out. */
    passTime: (seconds: number) => {
      ahead += seconds * 1000
    },
    addPart,
    disturb: (how: Mischief | undefined) => {
      mischief = how
    },
    cut: wire.cut,
    /** Resolves with the first call, from `since` on, that is wanted; null after `seconds`. */
    heard: (wanted: (call: Call) => boolean, seconds: number, since: number): Promise<Call | null> => {
      const before = calls.slice(since).find(wanted)
      if (before) return Promise.resolve(before)
      return new Promise((resolve) => {
        const end = (call: Call | null) => {
          clearTimeout(timer)
          listeners.delete(listener)
          resolve(call)
        }
        const listener = (call: Call) => wanted(call) && end(call)
        const timer = setTimeout(() => end(null), seconds * 1000)
        listeners.add(listener)
      })
    },
    /** Another trainer takes the job away, as if the candidate had fallen silent for too long. */
    async steal(recipes: readonly object[]): Promise<void> {
      const thief = hub.trainers.create(theHub, "another", "another")
      const ask = (path: string, body: object) =>
        hub.fetch(
          new Request(`http://hub/trainer/v1/${path}`, {
            method: "POST",
            headers: { authorization: `Bearer ${thief.token}`, "content-type": "application/json" },
            body: JSON.stringify(body),
          }),
          { ip: "127.0.0.1" },
        )
      await ask("register", {
        software: "thief",
        contract_versions: [1],
        recipes,
        gpus: [{ name: "any", mem_gb: 1e6 }],
      })
      ahead += leaseSeconds * 3000
      const claimed = await ask("claim", { request_id: crypto.randomUUID(), wait_s: 0 })
      if (claimed.status !== 200) throw new Error("the job could not be taken away")
      const { job, lease } = (await claimed.json()) as { job: { id: string }; lease: { epoch: number } }
      await ask(`jobs/${job.id}/fail`, {
        epoch: lease.epoch,
        class: "stolen",
        retryable: false,
        message: "taken away on purpose",
      })
    },
    async stop(): Promise<void> {
      await wire.close()
      await served.stop()
      await hub.stop()
      await rm(data, { recursive: true, force: true })
    },
  }
}
export type PracticeHub = Awaited<ReturnType<typeof startPracticeHub>>

/** A cable that can be cut: passes bytes on to a port. */
async function openWire(to: number) {
  const sockets = new Set<Socket>()
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((near) => {
    const far = connect(to, "127.0.0.1")
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on("error", () => other.destroy())
      one.on("close", () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return {
    port: typeof address === "object" && address ? address.port : 0,
    cut,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}
