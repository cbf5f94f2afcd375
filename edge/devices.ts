import { readFileSync } from "node:fs"
import { readFile } from "node:fs/promises"
import * as v from "valibot"
import { Problem } from "#contract/problem"
import type { Log } from "#platform/log"
import type { AskedCamera, Camera } from "./cameras/camera.ts"
import type { CameraConfig, OutputConfig, StationConfig, TriggerConfig } from "./config.ts"
import type { HubWire } from "./hub-wire.ts"
import type { MqttPeer } from "./mqtt-peer.ts"
import type { Output, OutputDriver } from "./outputs/output.ts"
import { splitCredentials } from "./place.ts"
import type { Watch } from "./surroundings.ts"
import type { Trigger } from "./triggers/trigger.ts"

export type DeviceDeps = {
  watch: Watch
  wire: HubWire
  log: Log
  /** New UUIDv7. */
  uuid: () => string
}

/**
 * Opens the camera with its trigger. `partsBefore` lets a simulated line go on where it was. Throws a Problem when
 * something it needs is not there: a file, ffmpeg, a free port.
 */
export async function openCamera(
  config: StationConfig,
  deps: DeviceDeps & { partsBefore: number },
): Promise<Camera> {
  const trigger = config.trigger ?? { driver: config.camera.driver === "http" ? "interval" : "free" }
  const camera = await pacedOrTriggered(config, trigger, deps)
  return withPart(camera, config.part)
}

async function pacedOrTriggered(
  { camera: config, picture_ms }: StationConfig,
  trigger: TriggerConfig,
  deps: DeviceDeps & { partsBefore: number },
): Promise<Camera> {
  const paced = trigger.driver === "free" || trigger.driver === "interval"
  if (!paced && config.driver === "folder") {
    throw new Problem(
      "invalid",
      "trigger_folder",
      "A watched folder takes pictures as they come; it goes with no trigger. Use --trigger free.",
    )
  }
  // A simulated line on a trigger makes its next part when it is asked for one.
  const { own, asked } = await openDriver(paced ? config : { ...config, interval_ms: 0 }, deps)
  const { pacedCamera, askedCamera } = await import("./cameras/paced.camera.ts")
  if (trigger.driver === "free" && own) return own
  if (trigger.driver === "interval" && !asked && own) return own
  if (paced) {
    const interval = trigger.driver === "interval" ? (config.interval_ms ?? 1_000) : undefined
    return pacedCamera(asked ?? askedCamera(own!), interval)
  }
  const { triggeredCamera } = await import("./cameras/triggered.camera.ts")
  return triggeredCamera({
    camera: asked ?? askedCamera(own!),
    trigger: await openTrigger(trigger, deps),
    watch: deps.watch,
    uuid: deps.uuid,
    picture_ms,
  })
}

type Driver = { own?: Camera; asked?: AskedCamera }

async function openDriver(
  config: CameraConfig,
  { watch, log, partsBefore }: DeviceDeps & { partsBefore: number },
): Promise<Driver> {
  switch (config.driver) {
    case "simulator": {
      const { createScenario } = await import("./simulator/scenario.ts")
      const { createSimulatorCamera } = await import("./cameras/simulator.camera.ts")
      const { scenario, station, interval_ms } = config
      return {
        own: createSimulatorCamera({
          scenario: createScenario(scenario === undefined ? {} : await readScenario(scenario)),
          station,
          interval_ms,
          from: partsBefore + 1,
        }),
      }
    }
    case "images": {
      const { readImageFolder } = await import("./simulator/images.ts")
      const { createImagesCamera } = await import("./cameras/images.camera.ts")
      const { images, station, stations, seed, interval_ms } = config
      return {
        own: createImagesCamera({
          set: await readImageFolder(images, seed),
          station: { index: station - 1, of: stations },
          interval_ms,
          seed,
        }),
      }
    }
    case "folder": {
      const { createFolderCamera } = await import("./cameras/folder.camera.ts")
      return { own: createFolderCamera({ dir: config.folder, poll_ms: Math.max(50, config.interval_ms) }) }
    }
    case "http": {
      const { createHttpCamera } = await import("./cameras/http.camera.ts")
      const { timeout_ms, max_mb, max_megapixels } = config
      const { url, user, password } = loginOf(config)
      const credentials = user === undefined ? undefined : { user, password: password ?? "" }
      return {
        asked: createHttpCamera({
          url,
          credentials,
          timeout_ms,
          max_bytes: max_mb * 2 ** 20,
          max_megapixels,
        }),
      }
    }
    case "rtsp":
    case "v4l2":
    case "stream": {
      const { createStreamCamera } = await import("./cameras/stream.camera.ts")
      const { streamSourceOf } = await import("./cameras/stream-source.ts")
      const { ffmpegVersion } = await import("./cameras/ffmpeg.ts")
      // Said before the station starts; later it would only look like a camera that is away.
      await ffmpegVersion("ffmpeg")
      const { stall_ms, max_megapixels } = config
      return {
        asked: createStreamCamera({
          source: streamSourceOf(config, (url) => {
            const { user, password } = loginOf({
              ...("user" in config && { user: config.user }),
              ...("password_file" in config && { password_file: config.password_file }),
              url,
            })
            return { user, password }
          }),
          watch: watch.camera,
          stall_ms,
          max_megapixels,
        }),
      }
    }
    case "bridge": {
      const { createBridgeCamera } = await import("./cameras/bridge.camera.ts")
      const { command, max_megapixels } = config
      const onLine = (line: string) => log.info("bridge_says", { line })
      const camera = createBridgeCamera({ command, watch: watch.camera, onLine, max_megapixels })
      return { own: camera, asked: camera }
    }
  }
}

async function openTrigger(config: TriggerConfig, { wire, log }: DeviceDeps): Promise<Trigger> {
  switch (config.driver) {
    case "stdin": {
      const { createStdinTrigger } = await import("./triggers/stdin.trigger.ts")
      return createStdinTrigger(() => Bun.stdin.stream())
    }
    case "hub":
      return (await import("./triggers/mqtt.trigger.ts")).createHubTrigger(wire)
    case "mqtt":
      return (await import("./triggers/mqtt.trigger.ts")).createMqttTrigger(peerOf(config))
    case "http": {
      const { createHttpTrigger } = await import("./triggers/http.trigger.ts")
      const { host, port, token_file } = config
      const trigger = createHttpTrigger({ host, port, token: secretIn(token_file) })
      log.info("trigger_listening", { host, port: trigger.port })
      return trigger
    }
    case "free":
    case "interval":
      throw new Error(`${config.driver} is no trigger from outside`)
  }
}

/** Opens all outputs of a station as one. */
export async function openOutputs(
  configs: readonly OutputConfig[],
  deps: Pick<DeviceDeps, "watch" | "wire" | "log">,
): Promise<Output> {
  const { createOutputs } = await import("./outputs/outputs.ts")
  const names = new Set<string>()
  const drivers: OutputDriver[] = []
  for (const config of configs) {
    let name: string = config.name ?? config.driver
    for (let n = 2; names.has(name); n++) name = `${config.name ?? config.driver}-${n}`
    names.add(name)
    drivers.push(await openOutput(config, name, deps))
  }
  return createOutputs({ drivers, watch: deps.watch })
}

async function openOutput(
  config: OutputConfig,
  name: string,
  { wire, log }: Pick<DeviceDeps, "wire" | "log">,
): Promise<OutputDriver> {
  switch (config.driver) {
    case "log": {
      const { logOutput } = await import("./outputs/output.ts")
      return { ...logOutput(log), name }
    }
    case "hub":
      return (await import("./outputs/mqtt.output.ts")).createHubOutput(name, wire)
    case "mqtt":
      return (await import("./outputs/mqtt.output.ts")).createMqttOutput(name, peerOf(config))
    case "http": {
      const { createHttpOutput } = await import("./outputs/http.output.ts")
      const { url, token_file, timeout_ms, retries, every } = config
      return createHttpOutput({ name, url, token: secretIn(token_file), timeout_ms, retries, every })
    }
    case "modbus": {
      const { createModbusOutput } = await import("./outputs/modbus.output.ts")
      const { host, port, unit, registers, coils, codes, timeout_ms, heartbeat_ms } = config
      const map = { registers, coils, codes } as Parameters<typeof createModbusOutput>[0]["map"]
      const onState = (state: string) => log.info(`modbus_${state}`, { output: name, host, port })
      return createModbusOutput({ name, host, port, unit, map, timeout_ms, heartbeat_ms, onState })
    }
    case "command": {
      const { createCommandOutput } = await import("./outputs/command.output.ts")
      return createCommandOutput({ name, command: config.command, timeout_ms: config.timeout_ms })
    }
  }
}

/** What the station knows of every part stands where trigger and camera say nothing. */
function withPart(camera: Camera, part: StationConfig["part"]): Camera {
  if (Object.keys(part).length === 0) return camera
  return {
    async *frames(signal) {
      for await (const frame of camera.frames(signal)) yield { ...part, ...frame }
    },
  }
}

function loginOf(config: { url: string; user?: string | undefined; password_file?: string | undefined }) {
  const own = splitCredentials(config.url)
  const password = secretIn(config.password_file) ?? own.password
  return { url: own.url, user: config.user ?? own.user, password }
}

function peerOf(config: {
  url: string
  topic: string
  user?: string | undefined
  password_file?: string | undefined
}): MqttPeer {
  return { ...loginOf(config), topic: config.topic }
}

/** A secret's file, without the line break editors put at its end. Throws a Problem when it cannot be read. */
function secretIn(path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    const text = readFileSync(path, "utf8").replace(/\r?\n$/, "")
    if (text !== "") return text
  } catch (error) {
    throw new Problem("not_found", "secret_file", `The secret in ${path} cannot be read.`, { path }, error)
  }
  throw new Problem("invalid", "secret_file", `The file ${path} is empty; it should hold a secret.`, { path })
}

/** @throws Problem when the file is missing or does not describe a line. */
async function readScenario(path: string) {
  const { ScenarioOptions } = await import("./simulator/scenario.ts")
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new Problem("not_found", "scenario", `The scenario ${path} cannot be read.`, { path }, cause)
  })
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), ScenarioOptions), text)
  if (parsed.success) return parsed.output
  const what = v.summarize(parsed.issues)
  throw new Problem("invalid", "scenario", `The scenario ${path} does not describe a line: ${what}`, { path })
}
