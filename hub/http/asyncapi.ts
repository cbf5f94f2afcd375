import { toJsonSchema } from "@valibot/to-json-schema"
import type * as v from "valibot"
import { cxf1 } from "#contract/cxf1"
import { InspectionHeader } from "#contract/inspection"
import { topics } from "#contract/topics"
import { unsTopics } from "#contract/uns"

type Topic = {
  pattern: string
  dir: "up" | "down"
  qos: 0 | 1
  retain: boolean
  payload: v.GenericSchema | null
}

/** What each placeholder of a topic stands for. */
const parameters: Readonly<Record<string, string>> = {
  d: "Device id; also MQTT user name and client id.",
  xfer: "Random name of one transfer.",
  i: "Number of the piece, from 0.",
  path: "Path of the unified namespace, as set with --uns-path.",
}

/** One sentence per topic; a topic without one is described by its name. */
const sentences: Readonly<Record<string, string>> = {
  inspection: `One inspection as a CXF1 frame: ${cxf1.fixed} bytes of head, the header as JSON (its schema stands here), then the images. Answered on down/ack once it is on disk.`,
  segment: "A piece of a frame that is longer than one message may be.",
  chunkGet: "Asks for chunks of a model; they come on down/blob.",
  event: "Something happened on a station.",
  verdict: "The verdict on a part, as the line is told it.",
  state: "A station is here or gone; also its will.",
  reported: "What a station runs and how it is doing.",
  desired: "What a station is to run, signed by the hub.",
  ack: "What became of inspections, and how much may be in flight.",
  segmentAnswer: "Which pieces of a long frame are missing.",
  error: "What the hub would not take, and why.",
  chunk: "Bytes of a model or another object.",
  hubState: "The hub is here or gone; its epoch and limits; also its will.",
  unsResult: "The last result of a station, without images.",
  unsState: "Whether a station is here.",
}

/** The AsyncAPI 3 document of everything the hub says and hears over MQTT, from the schemas that check it. */
export function asyncApiDocument(version: string): Record<string, unknown> {
  const all: Record<string, Topic> = {
    ...topics,
    unsResult: unsTopics.result,
    unsState: unsTopics.state,
  }
  const entries = Object.entries(all)
  return {
    asyncapi: "3.0.0",
    info: {
      title: "CRUX over MQTT",
      version,
      description:
        "Protocol crux/v1 over MQTT 3.1.1 or 5. An inspection is safe when the application's acknowledgement says stored or dup.",
      license: { name: "Proprietary" },
    },
    defaultContentType: "application/json",
    servers: {
      hub: {
        host: "hub.example:1883",
        protocol: "mqtt",
        protocolVersion: "3.1.1",
        description: "The hub's own broker, or one of the plant.",
        security: [{ $ref: "#/components/securitySchemes/device" }],
        bindings: { mqtt: { cleanSession: true, keepAlive: 30, bindingVersion: "0.2.0" } },
      },
    },
    channels: Object.fromEntries(entries.map(([name, topic]) => [name, channelOf(name, topic)])),
    operations: Object.fromEntries(entries.map(([name, topic]) => [name, operationOf(name, topic)])),
    components: {
      securitySchemes: {
        device: {
          type: "userPassword",
          description: "Device id and the secret it got when it was enrolled.",
        },
      },
      messages: Object.fromEntries(entries.map(([name, topic]) => [name, messageOf(name, topic)])),
    },
  }
}

function channelOf(name: string, { pattern }: Topic) {
  const names = [...pattern.matchAll(/\{(\w+)\}/g)].map(([, key = ""]) => key)
  return {
    address: pattern,
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    ...(names.length > 0 && {
      parameters: Object.fromEntries(names.map((key) => [key, { description: parameters[key] ?? key }])),
    }),
  }
}

/** Seen from the hub: what devices publish, it receives. */
function operationOf(name: string, { dir, qos, retain }: Topic) {
  return {
    action: dir === "up" ? "receive" : "send",
    summary: sentences[name] ?? name,
    channel: { $ref: `#/channels/${name}` },
    messages: [{ $ref: `#/channels/${name}/messages/${name}` }],
    bindings: { mqtt: { qos, retain, bindingVersion: "0.2.0" } },
  }
}

function messageOf(name: string, { payload }: Topic) {
  const summary = sentences[name] ?? name
  const described = name === "inspection" ? InspectionHeader : payload
  if (described === null)
    return {
      name,
      summary,
      contentType: "application/octet-stream",
      payload: { type: "string", format: "binary" },
    }
  return {
    name,
    summary,
    contentType: payload === null ? "application/vnd.crux.cxf1" : "application/json",
    payload: schemaOf(described),
  }
}

function schemaOf(schema: v.GenericSchema): Record<string, unknown> {
  // Checks that JSON Schema has no word for are left out; the hub makes them all the same.
  const { $schema: _, ...rest } = toJsonSchema(schema, { errorMode: "ignore", typeMode: "input" })
  return rest
}
