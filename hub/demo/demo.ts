import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Device } from "#contract/fleet"
import { Problem } from "#contract/problem"
import type { ModelView } from "#contract/registry"
import { type Ids, systemIds } from "#platform/ids"
import { CommandFailure } from "../cli/exit.ts"
import { aborted } from "./aborted.ts"
import { type Account, type HubClient, signIn } from "./client.ts"
import { makeDemoFolder } from "./demo-folder.ts"
import type { DemoFigures } from "./figures.ts"
import type { Material } from "./material.ts"
import { type DemoBroker, prepareMosquitto } from "./mosquitto.ts"
import { createPlant, freePort, type Plant } from "./plant.ts"
import { createRobot } from "./robot.ts"
import * as story from "./story.ts"
import { measureUnseen } from "./unseen.ts"

export type DemoOptions = {
  material: Material
  /** What the parts are, for the figures: `drawn` or the folder's name. */
  materialName: string
  seed: number
  stations: number
  /** What the screens, the people and the stations speak; everyone can change it on the screen. */
  language: Account["language"]
  /** 0 lets the system choose. */
  port: number
  /** Kept when given; else a temporary folder that goes with the demo. */
  dir: string | undefined
  backbone: string | undefined
  /** Hub and stations meet at a mosquitto beside them, over TLS, instead of at the hub's own broker. */
  mosquitto?: boolean
  /** A robot worker labels; else people do. */
  robot: boolean
  robotThinkMs: number
  /** Parts per station to run on after the loop has closed, so that the fall of the escapes can be seen. */
  partsAfter: number
  verbose: boolean
  say: (line: string) => void
  /** Ends the start wherever it is. */
  signal: AbortSignal
}

export type RunningDemo = {
  url: string
  /** A link that signs the admin in once in a browser. */
  oneTimeLink(): Promise<string>
  /**
   * Resolves with the loop closed and the figures measured. `stopLine` also stops the stations first, so that every
   * part can be counted; a line that goes on has parts under way.
   */
  finish(end: { stopLine: boolean }): Promise<DemoFigures>
  /** Rejects when a process of the demo ends by itself. */
  broken: Promise<never>
  stop(): Promise<void>
}

/**
 * Brings a plant up to the point where its line runs with a first model: hub, accounts, catalogue, golden set,
 * references, first training, stations, first rollout. Everything goes through the hub's public API.
 * `stopped` when the signal came first: no process and no temporary folder is left then.
 */
export async function startDemo(options: DemoOptions): Promise<RunningDemo | "stopped"> {
  const own = options.dir === undefined ? makeDemoFolder() : undefined
  const dir = own?.path ?? options.dir!
  const plant = createPlant({ dir, port: options.port, say: options.say, verbose: options.verbose })
  let broker: DemoBroker | undefined
  const stop = async () => {
    await plant.stop()
    await broker?.stop()
    own?.remove()
  }
  try {
    if (options.mosquitto) {
      const ports = [await freePort(), await freePort()] as const
      broker = await prepareMosquitto({ dir: join(dir, "mosquitto"), ports, say: options.say })
    }
    const running = await Promise.race([
      bringUp(options, plant, dir, broker),
      plant.broken,
      aborted(options.signal),
    ])
    if (running === "stopped") await stop()
    return running === "stopped" ? running : { ...running, stop }
  } catch (error) {
    const why = await lastWords(error, plant.broken)
    await stop()
    throw why
  }
}

/** A hub that does not answer has mostly ended: how it did comes a moment later, and says more. */
function lastWords(error: unknown, broken: Promise<never>): unknown {
  if (!(error instanceof Problem && error.key === "hub_away")) return error
  return Promise.race([broken.catch((why: unknown) => why), Bun.sleep(5_000).then(() => error)])
}

async function bringUp(
  options: DemoOptions,
  plant: Plant,
  dir: string,
  broker: DemoBroker | undefined,
): Promise<Omit<RunningDemo, "stop">> {
  const { material, say } = options
  const ids = systemIds
  const started = Date.now()
  const words = wordsOf[options.language]
  const people = accountsOf(ids, options.language)
  const { url, engineer, admin } = await openPlant(plant, options, people, dir, broker)
  const first = await firstModel(engineer, options)
  const stationIds = Array.from({ length: options.stations }, (_, i) => `station-${i + 1}`)
  say(`starting ${options.stations} stations`)
  for (const [index, id] of stationIds.entries()) {
    await plant.startStation(admin, id, words.station(index + 1), async (data) => [
      ...(await material.cameraArgs(index, options.stations, data)),
      "--hold-until-model",
      // Both ways in are shown: by secret, and by a key of its own.
      ...(broker && index % 2 === 1 ? ["--certificate"] : []),
    ])
  }
  const rollout = await story.followRollout(engineer, (await story.release(engineer, first.digest)).id, say)
  story.demandFinished(rollout)
  say("the line runs; a new kind of defect will appear")
  return {
    url,
    oneTimeLink: async () => {
      const made = await admin.post<{ token: string }>("/api/session/one-time", {})
      return `${url}/#token=${made?.token ?? ""}`
    },
    broken: plant.broken,
    finish: (end) => finish({ options, plant, ids, url, dir, people, engineer, first, started, ...end }),
  }
}

type People = { admin: Account; engineer: Account; worker: Account }

/** What people and stations of the plant are called. */
const wordsOf = {
  ko: { admin: "관리자", engineer: "엔지니어", worker: "작업자", station: (n: number) => `${n}호기` },
  en: { admin: "Admin", engineer: "Engineer", worker: "Worker", station: (n: number) => `Station ${n}` },
} as const

function accountsOf(ids: Ids, language: Account["language"]): People {
  const account = (role: "admin" | "engineer" | "worker"): Account => ({
    login: role,
    name: wordsOf[language][role],
    role,
    language,
    password: ids.random(16),
  })
  return {
    admin: account("admin"),
    engineer: account("engineer"),
    worker: account("worker"),
  }
}

async function openPlant(
  plant: Plant,
  options: DemoOptions,
  people: People,
  dir: string,
  broker: DemoBroker | undefined,
) {
  const { material, say } = options
  const config = join(dir, "hub.json")
  await writeFile(
    config,
    JSON.stringify({
      auto_train: { enabled: true, new_kind_labels: material.policy.newKindLabels, min_new_labels: 80 },
      // One machine does a whole plant's work: its speed says nothing about a station's.
      gate: { ...material.policy.gate, max_p99_ms: 10_000 },
      sampling: { audit: 0.3 },
      rollout: { probation_parts: 6, probation_minutes: 1, max_ng_shift: material.policy.maxNgShift },
      ...(options.backbone ? { backbone: options.backbone } : {}),
      ...(broker ? { broker: broker.settings } : {}),
    }),
  )
  const { url, setupCode } = await plant.startHub(["--config", config])
  if (!setupCode) throw new Error(`the hub in the fresh folder ${dir} gave no setup code`)
  say(`hub at ${url}`)
  await broker?.start()
  const admin = await story.openAccounts(url, setupCode, [people.admin, people.engineer, people.worker])
  const engineer = await signIn(url, people.engineer)
  await story.fillCatalogue(engineer, material)
  say("adding the golden set and a few good parts")
  const golden = await story.uploadParts(engineer, "/api/golden", material.golden("known"))
  const references = await story.uploadParts(engineer, "/api/references", material.references())
  say(`${golden} golden parts, ${references} good parts for the first model`)
  return { url, admin, engineer }
}

async function firstModel(engineer: HubClient, options: DemoOptions): Promise<ModelView> {
  const model = await story.trainFirst(engineer, options.seed, options.say)
  story.tellGate(model, options.say)
  if (model.state !== "candidate") {
    const reasons = model.gate?.checks.filter((c) => c.status === "fail").map((c) => c.reason) ?? []
    throw new CommandFailure("failure", `The gate refused the first model: ${reasons.join(", ")}.`)
  }
  return model
}

async function finish(context: {
  options: DemoOptions
  plant: Plant
  ids: Ids
  url: string
  dir: string
  people: People
  engineer: HubClient
  first: ModelView
  started: number
  stopLine: boolean
}): Promise<DemoFigures> {
  const { options, plant, engineer, first } = context
  const { material, say } = options
  const done = new AbortController()
  const named = Promise.withResolvers<void>()
  const background: Promise<unknown>[] = [plant.broken]
  if (options.robot) {
    const robot = createRobot({
      client: await signIn(context.url, context.people.worker),
      material,
      ids: context.ids,
      thinkMs: options.robotThinkMs,
      onNewKind: () => named.resolve(),
    })
    background.push(robot.run(done.signal).then(() => new Promise(() => {})))
  }
  const alone = <T>(work: Promise<T>) =>
    Promise.race([work, ...background]).catch(async (error: unknown) => {
      throw await lastWords(error, plant.broken)
    }) as Promise<T>
  try {
    const { loop, rollout, refused, labels } = await alone(
      options.robot
        ? story.closeLoop(engineer, material, named.promise, say)
        : story.awaitLoop(engineer, material),
    )
    say(`the loop is closed after ${(loop.loop_seconds ?? 0).toFixed(1)} s`)
    const devices = await story.listDevices(engineer)
    let counted = { inspections: 0, stored: 0, lost: 0, duplicates: 0 }
    if (context.stopLine) {
      await alone(runOn(engineer, options.partsAfter * options.stations))
      done.abort()
      await plant.stopStations()
      counted = await alone(countParts(engineer, options.stations))
    }
    say("measuring both models on parts nobody has seen")
    const unseen = await measureUnseen({
      engineer,
      material,
      dir: context.dir,
      before: first.digest,
      after: rollout.model,
    })
    return {
      seed: options.seed,
      material: options.materialName,
      stations: options.stations,
      loop_seconds: loop.loop_seconds ?? 0,
      new_kind: loop.kind,
      labels_used: labels,
      ...unseen,
      ...latencyOf(devices),
      ...counted,
      refused_candidates: refused,
      champion_before: first.digest,
      champion_after: rollout.model,
      committed: committedOn(rollout.model, devices),
      seconds: Math.round((Date.now() - context.started) / 1000),
    }
  } finally {
    if (context.stopLine) done.abort()
  }
}

async function runOn(client: HubClient, parts: number): Promise<void> {
  const inspected = async () =>
    (await story.listDevices(client)).reduce((n, d) => n + (d.reported?.counts.inspected ?? 0), 0)
  const from = await inspected()
  await story.until("the parts after the loop", 10, async () =>
    (await inspected()) - from >= parts ? true : null,
  )
}

/** After the stations have stopped with empty outboxes: what they inspected against what the hub holds. */
async function countParts(client: HubClient, stations: number) {
  const inspections = await story.drained(client, stations)
  const { stored, distinct_triggers } = await client.get<{ stored: number; distinct_triggers: number }>(
    "/api/inspections/count",
  )
  return { inspections, stored, lost: inspections - stored, duplicates: stored - distinct_triggers }
}

const committedOn = (model: string, devices: Device[]): string[] =>
  devices
    .filter((d) => d.reported?.slots.current?.digest === model && d.reported.activation.state === "committed")
    .map((d) => d.id)

function latencyOf(devices: Device[]) {
  const worst = (pick: (d: Device) => number | undefined) => Math.max(0, ...devices.map((d) => pick(d) ?? 0))
  return {
    latency_p50_ms: worst((d) => d.reported?.latency.p50_ms),
    latency_p99_ms: worst((d) => d.reported?.latency.p99_ms),
  }
}
