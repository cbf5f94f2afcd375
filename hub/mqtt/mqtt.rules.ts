import * as v from "valibot"
import { DeviceState } from "#contract/fleet"
import { chunkSize, type TopicName, topicOf, topics } from "#contract/topics"

/** Longest payload of one inspection message; longer frames come in segments of `segmentSize`, up to `maxFrame`. */
export const maxInspection = 8 * 1024 * 1024
export const segmentSize = chunkSize
export const maxFrame = 32 * 1024 * 1024

/** Longest payload per topic a device may publish, in bytes. A topic that is not here is nobody's to publish. */
const payloadCaps: Partial<Record<TopicName, number>> = {
  inspection: maxInspection,
  segment: segmentSize + 64,
  chunkGet: 16 * 1024,
  event: 16 * 1024,
  verdict: 4 * 1024,
  state: 4 * 1024,
  reported: 64 * 1024,
}

/** Bytes a socket may announce in one packet before it has been let in, and after. */
export const packetCaps = { before: 4 * 1024, after: maxInspection + 64 * 1024 } as const

export type Route = { name: TopicName; device: string | undefined }

const segment: Record<string, string> = {
  d: "(?<d>[a-z0-9][a-z0-9-]{0,31})",
  xfer: "[a-z0-9]{8,32}",
  i: "[0-9]{1,10}",
}
const patterns = Object.entries(topics).map(([name, { pattern }]) => ({
  name: name as TopicName,
  match: new RegExp(`^${pattern.replace(/\{(\w+)\}/g, (_, key: string) => segment[key]!)}$`),
}))

/** Which of our topics this is, and whose; undefined for every other topic, `$SYS` among them. */
export function routeOf(topic: string): Route | undefined {
  for (const { name, match } of patterns) {
    const found = match.exec(topic)
    if (found) return { name, device: found.groups?.d }
  }
  return undefined
}

/** Whether a payload is longer than its topic allows: no break-in, so it is answered with a reason, not with a cut. */
export const isTooLong = (name: TopicName, length: number): boolean => length > (payloadCaps[name] ?? 0)

export type PublishFacts = { topic: string; retain: boolean }

/** Whether a device may publish this; deny by default. Returns the topic, or the reason for the log. */
export function mayPublish(
  device: string,
  { topic, retain }: PublishFacts,
): { name: TopicName } | { refused: string } {
  const route = routeOf(topic)
  if (!route || topics[route.name].dir !== "up") return { refused: "no such topic to publish to" }
  if (route.device !== device) return { refused: "the topic of another device" }
  if (retain && !topics[route.name].retain) return { refused: "nothing is retained there" }
  return { name: route.name }
}

/** Whether a device may subscribe to this filter: its own wish, what is sent down to it, and the hub's state. */
export function maySubscribe(device: string, filter: string): boolean {
  return (
    filter === topicOf("hubState") ||
    filter === topicOf("desired", { d: device }) ||
    filter.startsWith(`crux/v1/d/${device}/down/`)
  )
}

/** Whether a reader may subscribe to this filter: what the hub mirrors for the plant. */
export const mayRead = (filter: string): boolean => /^(uns|spBv1\.0)\//.test(filter)

/** Whether a will may be left: only the device's own "offline", so that a death can say nothing else. */
export function mayLeaveWill(
  device: string,
  will: { topic: string; payload: Uint8Array; qos: number; retain: boolean },
): boolean {
  if (will.topic !== topicOf("state", { d: device }) || !will.retain || will.qos > 1) return false
  if (will.payload.length > 1024) return false
  const state = parseJson(DeviceState, will.payload)
  return state !== undefined && !state.online
}

/** A payload that is this JSON, or undefined. */
export function parseJson<S extends v.GenericSchema>(schema: S, payload: Uint8Array) {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload))
  } catch {
    // Not JSON and not the schema are the same to the caller: the message is not understood.
    return undefined
  }
  const parsed = v.safeParse(schema, json)
  return parsed.success ? (parsed.output as v.InferOutput<S>) : undefined
}

/**
 * Messages under way at which devices get the least. What waits here makes a part that was seen just now wait as well:
 * a hub commits some thousand a second, so this is some tenth of a second, and a hundred are enough to keep it busy.
 */
const busyMessages = 256

/**
 * How much a device may have in flight: generous while the hub is idle, less as its budget of bytes fills or many
 * messages wait, never nothing, so that no device waits for a grant that comes with nobody's acknowledgement.
 */
export function creditFor(
  inFlight: { bytes: number; messages: number },
  budget: number,
): { msgs: number; bytes: number } {
  const free = Math.max(0, 1 - Math.max(inFlight.bytes / budget, inFlight.messages / busyMessages))
  return { msgs: Math.max(2, Math.round(32 * free)), bytes: Math.round((2 + 6 * free) * 1024 * 1024) }
}
