import { randomBytes } from "node:crypto"
import type { Enrolment } from "#contract/fleet"
import type { Manifest } from "#contract/release"
import { buildIndex } from "../../hub/delivery/chunk-index.service.ts"
import { createHub } from "../../hub/hub.ts"
import { theHub } from "../../hub/platform/audit.ts"
import { bunPorts } from "../../hub/ports.bun.ts"
import { readConfig } from "../../hub/read-config.ts"

/**
 * A whole hub for benchmarks: `hub.child.ts DATA DEVICES MODEL_BYTES`. Enrols that many devices, and wishes each to run
 * a model of that many random bytes (0: none). Prints one JSON line and ends when its standard input does.
 */
export type BenchHub = {
  enrolments: Enrolment[]
  /** The door with TLS, and the authority to trust there. */
  tls: { port: number; ca: string }
  model: { sha256: string; size: number; index: string } | null
  /** Address of its HTTP side, a signed-in session for it, and its process. */
  http: { url: string; cookie: string; pid: number }
}

const [data = "", devices = "1", modelBytes = "0"] = process.argv.slice(2)
const { config } = readConfig({ flags: { data, "mqtt-port": "0", "log-level": "error" }, environment: {} })
const hub = await createHub(config, bunPorts())
await hub.start()

const enrolments = await Array.fromAsync({ length: Number(devices) }, async (_, i): Promise<Enrolment> => {
  const device = `bench-${i}`
  const { code } = hub.enrolment.createCode(theHub, device, device, { preApproved: true })
  const proof = await hub.enrolment.enrol(code, device, "bench")
  if ("waiting" in proof) throw new Error("a pre-approved code waits for nobody")
  const { secret } = proof
  return { device, secret, mqtt: { host: "127.0.0.1", port: hub.mqttPort() }, keys: hub.keys.trusted }
})
const model = Number(modelBytes) > 0 ? await release(Number(modelBytes)) : null
const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => hub.fetch(request, { ip: "127.0.0.1" }),
})
const tls = { port: hub.mqttTlsPort(), ca: hub.tls.trust.pem }
const url = `http://127.0.0.1:${server.port}`
const http = { url, cookie: await signIn(url), pid: process.pid }
console.log(JSON.stringify({ enrolments, tls, model, http } satisfies BenchHub))
process.stdin.resume()
process.stdin.once("end", async () => {
  await server.stop(true)
  await hub.stop()
  process.exit(0)
})

async function signIn(origin: string): Promise<string> {
  const password = "a benchmark of one evening"
  await hub.users.create(theHub, {
    login: "bench",
    name: "Bench",
    role: "engineer",
    language: "en",
    password,
  })
  const answer = await fetch(`${origin}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: JSON.stringify({ login: "bench", password }),
  })
  if (answer.status !== 201) throw new Error(await answer.text())
  return answer.headers.getSetCookie().join("; ").split(";")[0] ?? ""
}

async function release(size: number): Promise<BenchHub["model"]> {
  const { blobs, keys, fleet } = hub
  const sha256 = await blobs.put(randomBytes(size))
  const index = await buildIndex({ blobs }, sha256)
  if (!index) throw new Error("a benchmark model has more than one chunk")
  const resize = { mode: "stretch", w: 64, h: 64, interp: "bilinear", antialias: false } as const
  const input = { name: "in", dtype: "f32", layout: "NCHW", color: "RGB", resize, scale: 1 } as const
  const manifest: Manifest = {
    v: 1,
    line: "bench",
    release: 1,
    model: { sha256, size, index },
    contract: {
      v: 1,
      task: "anomaly",
      inputs: [{ ...input, mean: [0, 0, 0], std: [1, 1, 1] }],
      outputs: [{ name: "score", role: "score" }],
      decode: { type: "score" },
      classes: [],
      thresholds: { t_low: 0.4, t_high: 0.6 },
      score: { direction: "higher_is_ng", raw: false },
      provenance: { recipe: "bench" },
    },
    checks: [],
    requires: { ram_mb: 1, disk_mb: 1 },
    budget: { p99_ms: 1000 },
    floor: 1,
    provenance: {},
    created: Date.now(),
  }
  const envelope = keys.release.sign(
    "application/vnd.crux.manifest.v1+json",
    Buffer.from(JSON.stringify(manifest)),
  )
  const bytes = Buffer.from(JSON.stringify(envelope))
  const named = { sha256: await blobs.put(bytes), size: bytes.length }
  const probation = { parts: 1, max_minutes: 1, max_undecidable: 1, max_ng_shift: 1 }
  for (const { device } of enrolments)
    fleet.setDesired(device, {
      lines: { bench: { manifest: named, release: 1, action: "run", probation } },
      floor: { bench: 1 },
      sampling: { audit: 0, image_ok: "none" },
    })
  return { sha256, size, index: index.sha256 }
}
