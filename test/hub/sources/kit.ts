import { randomBytes } from "node:crypto"
import mqtt, { type IClientOptions, type MqttClient } from "mqtt"
import sharp from "sharp"
import * as v from "valibot"
import type { InspectionHeader } from "#contract/inspection"
import type { List } from "#contract/list"
import {
  type QuarantinedMessage,
  type SourceMessage,
  SourcePreset,
  type SourceProfile,
  SourceView,
} from "#contract/source"
import type { Browser, TestHub } from "../support/hub.ts"

/** An engineer who signs in again when the test's clock has ended the session. */
export async function engineerOf(test: TestHub): Promise<Browser> {
  let browser = await test.as("engineer")
  const send: Browser["send"] = async (...asked) => {
    const answer = await browser.send(...asked)
    if (answer.status !== 401) return answer
    browser = await test.as("engineer")
    return browser.send(...asked)
  }
  return {
    send,
    get: (path, headers) => send("GET", path, undefined, headers),
    post: (path, body, headers) => send("POST", path, body, headers),
    cookie: () => browser.cookie(),
  }
}

/** A real JPEG, another one each time. */
export async function jpeg(w = 64, h = 48): Promise<Buffer<ArrayBuffer>> {
  const noise = sharp(randomBytes(w * h * 3), { raw: { width: w, height: h, channels: 3 } })
  return Buffer.from(await noise.jpeg().toBuffer())
}

export type TestSource = Awaited<ReturnType<typeof addSource>>

/** Adds a source through the API and keeps what the test asks of it. */
export async function addSource(
  test: TestHub,
  engineer: Browser,
  id: string,
  profile: Partial<SourceProfile> & Pick<SourceProfile, "kind">,
  foreign_topics: string[] = [],
) {
  const answer = await engineer.post("/api/sources", {
    id,
    name: id,
    preset: "own",
    profile,
    foreign_topics,
  })
  if (answer.status !== 201) throw new Error(await answer.text())
  const { token } = (await answer.json()) as { token: string }
  const list = async <T>(path: string) =>
    ((await (await engineer.get(`/api/sources/${id}/${path}`)).json()) as List<T>).items
  return {
    id,
    token,
    view: async () => v.parse(SourceView, await (await engineer.get(`/api/sources/${id}`)).json()),
    messages: () => list<SourceMessage>("messages"),
    quarantine: () => list<QuarantinedMessage>("quarantine"),
    /** Headers of what is stored, oldest first. */
    stored: (): InspectionHeader[] =>
      test.hub.db
        .prepare<{ header: string }>("SELECT header FROM inspection WHERE device_id = $id ORDER BY n")
        .all({ id })
        .map((row) => JSON.parse(row.header) as InspectionHeader),
  }
}

/** A ready profile, as the UI gets it. */
export async function presetOf(engineer: Browser, key: string): Promise<SourcePreset> {
  const { items } = (await (await engineer.get("/api/source-presets")).json()) as List<unknown>
  const presets = items.map((item) => v.parse(SourcePreset, item))
  const found = presets.find((preset) => preset.key === key)
  if (!found) throw new Error(`no preset ${key}`)
  return found
}

/** A camera with MQTT.js; rejects with the broker's refusal. */
export function camera(
  test: TestHub,
  source: { id: string; token: string },
  options: Partial<IClientOptions> = {},
): Promise<MqttClient> {
  const client = mqtt.connect({
    host: "127.0.0.1",
    port: test.hub.mqttPort(),
    protocol: "mqtt",
    clientId: `Camera ${randomBytes(3).toString("hex")}`,
    username: source.id,
    password: source.token,
    reconnectPeriod: 0,
    ...options,
  })
  client.on("error", () => undefined)
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve(client))
    client.once("error", (error) => {
      client.end(true)
      reject(error)
    })
    client.once("close", () => reject(new Error("the connection was closed")))
  })
}

/** The Debian client, as a foreign program: exit code and what it said. */
export async function mosquittoPub(
  test: TestHub,
  source: { id: string; token: string },
  args: readonly string[],
  stdin?: Uint8Array,
): Promise<{ code: number; said: string }> {
  if (!Bun.which("mosquitto_pub"))
    throw new Error("mosquitto_pub is missing; install the package mosquitto-clients, or run ./scripts/test")
  const child = Bun.spawn(
    [
      "mosquitto_pub",
      "-h",
      "127.0.0.1",
      "-p",
      String(test.hub.mqttPort()),
      "-u",
      source.id,
      "-P",
      source.token,
      ...args,
    ],
    { stdin: stdin ?? "ignore", stdout: "pipe", stderr: "pipe" },
  )
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, said: out + err }
}
