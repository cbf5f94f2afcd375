import type { MqttClient } from "mqtt"
import * as v from "valibot"
import type { Device } from "#contract/fleet"
import type { InspectionView } from "#contract/labelling"
import type { Clock } from "#platform/clock"
import type { Events } from "#platform/events"
import type { Log } from "#platform/log"
import { StartFailure } from "#platform/start-failure"
import { asksForRebirth, encodePayload, type Metric, rebirth } from "./sparkplug.payload.ts"

/** Opens a connection of its own to the broker, with this will. */
export type ConnectWithWill = (will: { topic: string; payload: Buffer }) => Promise<MqttClient>

const retryMs = 5_000
/** Aliases of one device follow each other; names are given at birth only. */
const metricNames = [
  "Verdict",
  "Score",
  "Part",
  "Product",
  "Defects",
  "Model Release",
  "Inspections",
] as const

/** Throws StartFailure `config` for names that Sparkplug or MQTT cannot carry, or without a broker to speak to. */
export function demandSparkplug(
  config: { group: string; node: string; host: string },
  hasBroker: boolean,
): void {
  if (config.group === "") return
  const refuse = (why: string) =>
    new StartFailure("config", `Sparkplug cannot be published: ${why}.`, "docs/ecosystem.md shows a setup.")
  if (!hasBroker)
    throw refuse(
      "it needs a broker of the plant (--broker), because its death is the will of a connection of its own",
    )
  for (const name of [config.group, config.node, ...(config.host === "" ? [] : [config.host])])
    if (!/^[^\s/+#]+$/.test(name)) throw refuse(`"${name}" cannot be a part of a topic`)
}

/** What a primary host says of itself, retained and as its will (Sparkplug B 3.0, 6.4.27). */
const HostState = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ online: v.boolean(), timestamp: v.pipe(v.number(), v.minValue(0)) }),
)

/**
 * A Sparkplug B edge node: the hub is the node, stations are its devices, results are metrics. A mirror like the
 * unified namespace: after commit, and nothing waits for it. With a primary host the node is born only while that host
 * is online, and dies when it goes.
 */
export function createSparkplug({
  group,
  node,
  host,
  takeBdSeq,
  connect,
  devices,
  events,
  clock,
  software,
  log,
}: {
  group: string
  node: string
  /** Primary host to wait for; empty: none. */
  host: string
  /** The number of the next connection of the node with this topic; goes on over restarts. */
  takeBdSeq: (topic: string) => number
  connect: ConnectWithWill
  devices: () => Device[]
  events: Events
  clock: Clock
  software: string
  log: Log
}) {
  const topic = (kind: string, device?: string) =>
    `spBv1.0/${group}/${kind}/${node}${device === undefined ? "" : `/${device}`}`
  const born = new Set<string>()
  const firstAlias = new Map<string, number>()
  const counts = new Map<string, number>()
  let client: MqttClient | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let stopped = false
  let bdSeq = 0
  let seq = 0
  /** Connected, and the primary host, if there is one, is online. */
  let alive = false
  /** When the host last came: an older word of its going is about another connection of it. */
  let hostSince = 0
  const stateTopic = `spBv1.0/STATE/${host}`

  const death = () =>
    Buffer.from(
      encodePayload({ timestamp: clock.now(), metrics: [{ name: "bdSeq", value: { uint64: bdSeq } }] }),
    )
  /** Every message but the death of the node carries the next number; whoever counts sees what is missing. */
  const publish = (kind: string, device: string | undefined, metrics: Metric[]) => {
    const payload = encodePayload({ timestamp: clock.now(), seq, metrics })
    seq = (seq + 1) % 256
    client?.publish(topic(kind, device), Buffer.from(payload), { qos: 0 })
  }

  const aliasOf = (device: string): number => {
    const known = firstAlias.get(device)
    if (known !== undefined) return known
    const first = 1 + firstAlias.size * metricNames.length
    firstAlias.set(device, first)
    return first
  }

  const valuesOf = (view: InspectionView): Metric["value"][] => [
    { text: view.verdict.eval },
    view.verdict.score === undefined ? { none: "double" } : { double: view.verdict.score },
    view.part_id === null ? { none: "text" } : { text: view.part_id },
    view.product_id === null ? { none: "text" } : { text: view.product_id },
    { text: [...new Set(view.findings.map(({ kind }) => kind))].join(",") },
    view.model === null ? { none: "uint64" } : { uint64: view.model.release },
    { uint64: counts.get(view.device_id) ?? 0 },
  ]
  const atBirth = (device: string): Metric["value"][] => [
    { none: "text" },
    { none: "double" },
    { none: "text" },
    { none: "text" },
    { none: "text" },
    { none: "uint64" },
    { uint64: counts.get(device) ?? 0 },
  ]

  const bearDevice = (device: string) => {
    born.add(device)
    const first = aliasOf(device)
    const values = atBirth(device)
    publish(
      "DBIRTH",
      device,
      metricNames.map((name, i) => ({ name, alias: first + i, value: values[i]! })),
    )
  }
  const isHere = ({ presence }: Device) => presence === "online" || presence === "stale"

  const bear = () => {
    seq = 0
    alive = true
    born.clear()
    publish("NBIRTH", undefined, [
      { name: "bdSeq", value: { uint64: bdSeq } },
      { ...rebirth, value: { boolean: false } },
      { name: "Properties/Software", value: { text: software } },
    ])
    for (const device of devices().filter(isHere)) bearDevice(device.id)
  }

  const open = async (): Promise<void> => {
    bdSeq = takeBdSeq(topic("NBIRTH"))
    const mine = await connect({ topic: topic("NDEATH"), payload: death() })
    mine.on("error", (error) => log.warn("sparkplug_error", { error: error.message }))
    if (stopped) return void mine.end(true)
    mine.once("close", () => {
      if (client !== mine) return
      client = undefined
      alive = false
      mine.end(true)
      retry(new Error("the connection was lost"))
    })
    mine.on("message", (name, payload) => {
      if (name === stateTopic) return onHost(mine, payload)
      if (alive && asksForRebirth(payload)) bear()
    })
    client = mine
    hostSince = 0
    // Before the birth: whoever hears it may ask at once.
    await mine.subscribeAsync(topic("NCMD"), { qos: 1 })
    if (host === "") return bear()
    log.info("sparkplug_waits_for_host", { host })
    await mine.subscribeAsync(stateTopic, { qos: 1 })
  }
  /** Born when the host comes. When it goes the node dies and begins anew, as the specification has it. */
  const onHost = (mine: MqttClient, payload: Uint8Array) => {
    const state = v.safeParse(HostState, Buffer.from(payload).toString())
    // A host's word comes from outside; what cannot be read says nothing.
    if (!state.success || client !== mine || state.output.timestamp < hostSince) return
    const { online, timestamp } = state.output
    hostSince = timestamp
    if (online && !alive) return bear()
    if (online || !alive) return
    alive = false
    log.warn("sparkplug_host_gone", { host })
    void die(mine).then(() => retry(new Error("the primary host has gone")))
  }
  /** With its death published, because a broker leaves out the will of a connection that says goodbye. */
  const die = async (mine: MqttClient): Promise<void> => {
    client = undefined
    await mine.publishAsync(topic("NDEATH"), death(), { qos: 1 }).catch(() => {})
    await mine.endAsync(false)
  }
  const retry = (error: unknown) => {
    log.warn("sparkplug_unreachable", { error: String(error) })
    if (!stopped) timer = setTimeout(() => open().catch(retry), retryMs)
  }

  const stopListening = events.listen("sparkplug", ({ type, data }) => {
    if (type === "inspection") {
      const view = data as InspectionView
      const device = view.device_id
      counts.set(device, (counts.get(device) ?? 0) + 1)
      if (!alive) return
      if (!born.has(device)) bearDevice(device)
      const first = aliasOf(device)
      publish(
        "DDATA",
        device,
        valuesOf(view).map((value, i) => ({ alias: first + i, value })),
      )
    }
    if (type === "device" && alive) {
      const { id } = data as { id: string }
      const here = devices().some((device) => device.id === id && isHere(device))
      if (here && !born.has(id)) bearDevice(id)
      if (!here && born.delete(id)) publish("DDEATH", id, [])
    }
  })

  return {
    start: (): Promise<void> => open().catch(retry),
    /** Dies in order. */
    stop: async (): Promise<void> => {
      stopped = true
      stopListening()
      clearTimeout(timer)
      const mine = client
      if (!mine) return
      if (alive) await die(mine)
      else {
        client = undefined
        await mine.endAsync(false)
      }
      alive = false
    },
  }
}
