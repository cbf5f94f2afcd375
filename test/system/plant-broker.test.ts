import { afterAll, expect, test } from "bun:test"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import mqtt from "mqtt"
import type { BrokerStatus } from "#contract/broker"
import type { ModelView } from "#contract/registry"
import { createHubClient } from "../../hub/demo/client.ts"
import { prepareMosquitto } from "../../hub/demo/mosquitto.ts"
import { freePort } from "../../hub/demo/plant.ts"
import * as story from "../../hub/demo/story.ts"
import { mosquittoAcl } from "../../hub/mqtt/acl.rules.ts"
import { createPasswordFile } from "../../hub/mqtt/password-file.ts"
import { mosquittoEntry } from "../../hub/platform/mosquitto-entry.ts"
import { brightnessModel, partPicture } from "../hub/support/models.ts"
import { newFolder, type Started, startCrux } from "./support/crux.ts"

const folder = newFolder()
const cleanups: (() => unknown)[] = [() => folder[Symbol.dispose]()]
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})
const started = (args: readonly string[]): Started => {
  const program = startCrux(args)
  cleanups.push(() => program.child.kill("SIGKILL"))
  return program
}
/** A line of parts: pictures of which every fourth is NG appear in a folder until it is stopped. */
function startLine(dir: string) {
  mkdirSync(dir, { recursive: true })
  let n = 0
  const timer = setInterval(() => {
    n += 1
    writeFileSync(join(dir, `part-${n}.png`), partPicture({ grey: 20 + (n % 8), square: n % 4 === 0 }))
  }, 250)
  cleanups.push(() => clearInterval(timer))
  return { stop: () => clearInterval(timer) }
}

test("over mosquitto with TLS: real stations by secret and by certificate, a rollout, a broker that is killed, and removal", async () => {
  const at = (name: string) => join(folder.path, name)
  const dir = at("mosquitto")
  const broker = await prepareMosquitto({ dir, ports: [await freePort(), await freePort()], say: () => {} })
  cleanups.push(broker.stop)
  writeFileSync(join(dir, "acl"), mosquittoAcl({ hub: "crux-hub", readers: ["scada"] }))
  createPasswordFile({
    path: join(dir, "passwords"),
    entries: () => [{ id: "scada", entry: mosquittoEntry("scada", "reading only") }],
    onFailure: (error) => {
      throw error
    },
  }).write()
  writeFileSync(
    at("hub.json"),
    JSON.stringify({
      broker: broker.settings,
      uns: { path: "uns/acme/ulsan/press/{line}/vision/{device}" },
      rollout: { probation_parts: 3, probation_minutes: 1, max_ng_shift: 1 },
      gate: { max_escape: 0.9, max_overkill: 0.9, max_p99_ms: 60_000 },
    }),
  )
  const port = String(await freePort())
  const hub = started(["hub", "--data", at("hub"), "--http-port", port, "--config", at("hub.json")])
  await broker.start()
  const url = (await hub.says(/CRUX hub is ready: (\S+)/))[1]!
  const code = (await hub.says(/Setup code: (\S+)/))[1]!
  const admin = createHubClient(url)
  const kim = { login: "kim", name: "Kim", password: "a torque wrench in spring", language: "ko" }
  await admin.post("/api/setup", { code, ...kim })
  const status = () => admin.get<BrokerStatus>("/api/broker")
  await story.until("the broker", 2, async () => ((await status()).connected ? true : null))

  for (const verdict of ["ok", "ng"] as const)
    for (let n = 0; n < 8; n++) {
      const label = { verdict, kinds: verdict === "ng" ? ["dent"] : [], boxes: [] }
      const meta = encodeURIComponent(JSON.stringify({ part_id: `${verdict}-${n}`, label }))
      const picture = partPicture({ grey: 20 + n, square: verdict === "ng" })
      await admin.upload(`/api/golden?meta=${meta}`, picture, "image/png")
    }
  const model = brightnessModel({ kinds: ["dent"] })
  const { digest } = await admin.upload<ModelView>("/api/models", model, "application/octet-stream")
  await story.until("the gate", 2, async () =>
    (await admin.get<ModelView>(`/api/models/${digest}`)).state === "candidate" ? true : null,
  )

  const lines = ["line-1", "line-2"].map((device) => ({ device, pictures: startLine(at(`${device}-line`)) }))
  const stations: Started[] = []
  for (const { device } of lines) {
    const invitation = { device, name: device, pre_approved: true }
    const invited = await admin.post<{ code: string }>("/api/enrolment-codes", invitation)
    const camera = ["--camera", "folder", "--folder", at(`${device}-line`), "--interval-ms", "100"]
    const who = ["--hub", url, "--device", device, "--enrol", invited!.code]
    const proof = device === "line-2" ? ["--certificate"] : []
    stations.push(started(["edge", "--data", at(device), ...who, ...camera, ...proof]))
  }
  const devices = () => story.listDevices(admin)
  await story.until("both stations", 2, async () =>
    (await devices()).filter(({ presence }) => presence === "online").length === 2 ? true : null,
  )
  expect((await devices()).map(({ proof }) => proof)).toEqual(["secret", "certificate"])
  const identity = JSON.parse(readFileSync(join(at("line-2"), "identity.json"), "utf8"))
  expect(identity).toMatchObject({ secret: "", mqtt: { tls: true } })

  // A client of another make, speaking MQTT 5, reads results along.
  const heard = new Set<string>()
  const connectReader = async () => {
    const reader = await mqtt.connectAsync({
      ...{ protocol: "mqtts", host: "localhost", port: Number(broker.settings.url!.split(":")[2]) },
      ...{ protocolVersion: 5, clientId: "scada", username: "scada", password: "reading only" },
      ca: readFileSync(join(dir, "ca.crt"), "utf8"),
      reconnectPeriod: 500,
    })
    reader.on("error", () => {})
    reader.on("message", (topic) => void heard.add(topic))
    await reader.subscribeAsync("uns/#")
    cleanups.push(() => reader.endAsync(true))
  }
  await connectReader()

  const rollout = await story.followRollout(admin, (await story.release(admin, digest)).id, () => {})
  story.demandFinished(rollout)
  expect(rollout.devices.every((one) => one.committed_at !== null)).toBe(true)
  const inspected = async () => (await devices()).reduce((n, d) => n + (d.reported?.counts.inspected ?? 0), 0)
  await story.until("results for others", 2, async () =>
    [...heard].filter((topic) => topic.endsWith("/result")).length === 2 ? true : null,
  )

  process.kill(Number(readFileSync(join(dir, "mosquitto.pid"), "utf8")), "SIGKILL")
  await story.until("the loss", 2, async () => ((await status()).losses === 1 ? true : null))
  await story.until("the return", 2, async () => ((await status()).connected ? true : null))
  const before = await inspected()
  await story.until("parts after it", 2, async () => ((await inspected()) > before + 8 ? true : null))
  for (const { pictures } of lines) pictures.stop()
  await Bun.sleep(1_000)
  await story.until("the rest", 2, async () => {
    // A station tells that its outbox is empty with its next report, up to a minute later: the hub is asked after that.
    const all = await story.drained(admin, 2)
    const { stored, distinct_triggers } = await admin.get<Record<string, number>>("/api/inspections/count")
    return stored === all && distinct_triggers === all ? true : null
  })

  for (const { device } of lines) await admin.delete(`/api/devices/${device}`)
  await story.until("the broker to know", 2, async () =>
    (await status()).access?.state === "read" ? true : null,
  )
  await stations[0]!.says(/link_error.*authori/i)
  await stations[1]!.says(/link_error.*revoked/i)
  const { stored } = await admin.get<Record<string, number>>("/api/inspections/count")
  writeFileSync(join(at("line-2-line"), "late.png"), partPicture({ grey: 30 }))
  await Bun.sleep(1_000)
  expect((await admin.get<Record<string, number>>("/api/inspections/count")).stored).toBe(stored)
  for (const station of stations) station.child.kill("SIGKILL")
  hub.child.kill("SIGTERM")
  expect((await hub.ended()).code).toBe(0)
}, 300_000)
