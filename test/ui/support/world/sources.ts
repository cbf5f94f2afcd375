import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { QuarantinedMessage, SourceMessage, SourceView } from "#contract/source"
import { presets } from "../../../../hub/sources/presets.rules.ts"
import type { Picture } from "../pictures.ts"
import { minute } from "./names.ts"

const presetOf = (key: string) => presets.find((preset) => preset.key === key)!

/** Cameras of other makers: one that is fine, one that says what nobody has declared, one that is off. */
export function makeSources(now: number): SourceView[] {
  const connect = (id: string) => ({
    mqtt: { host: "192.168.0.10", port: 8883, tls: true, topic: `crux/v1/in/${id}/image` },
    http: `https://192.168.0.10:8443/api/in/${id}`,
  })
  const base = { foreign_topics: [], enabled: true, created_at: now - 40 * minute, waiting: 0 }
  return [
    {
      ...base,
      id: "line2-axis",
      name: "2라인 Axis",
      preset: "jpeg-mqtt",
      profile: presetOf("jpeg-mqtt").profile,
      state: "ok",
      connected: 1,
      seen_at: now - 2_000,
      per_minute: 24,
      counts: { stored: 12_480, repeated: 3, ignored: 0, quarantined: 0, refused: 0 },
      connect: connect("line2-axis"),
    },
    {
      ...base,
      id: "line5-vision",
      name: "5라인 비전",
      preset: "json-mqtt",
      profile: presetOf("json-mqtt").profile,
      state: "trouble",
      connected: 1,
      seen_at: now - 41_000,
      per_minute: 6,
      counts: { stored: 310, repeated: 0, ignored: 18, quarantined: 2, refused: 1 },
      trouble: { at: now - 41_000, code: "image_missing", detail: "data.image is not there" },
      waiting: 2,
      connect: connect("line5-vision"),
    },
    {
      ...base,
      id: "gate-ftp",
      name: "출하 검사기",
      preset: "cognex-folder",
      profile: presetOf("cognex-folder").profile,
      enabled: false,
      state: "off",
      connected: 0,
      per_minute: 0,
      counts: { stored: 0, repeated: 0, ignored: 0, quarantined: 0, refused: 0 },
      connect: { ...connect("gate-ftp"), folder: "/srv/crux/drop/gate-ftp" },
    },
  ].map((source) => v.parse(SourceView, source))
}

/** The last messages of a camera, one of each fate. */
export function makeMessages(pictures: readonly Picture[], now: number): SourceMessage[] {
  const [one, other] = [pictures[0]!, pictures[1] ?? pictures[0]!]
  const base = { via: "mqtt", topic: "crux/v1/in/line5-vision/result", size: 184_210, head: "", notes: [] }
  const json = '{"data":{"serial":"A-2041","result":"WARN","image":"…"}}'
  return [
    {
      ...base,
      n: 6,
      at: now - 2_000,
      st: "stored",
      inspection_id: uuidv7(),
      sha256: one.sha256,
      facts: { part_id: "A-2042", product_id: "plate", verdict: { eval: "ng", score: 0.91 } },
    },
    {
      ...base,
      n: 5,
      at: now - 9_000,
      st: "stored",
      inspection_id: uuidv7(),
      sha256: other.sha256,
      facts: { part_id: "A-2041", product_id: "plate", verdict: { eval: "undecidable" } },
      notes: [{ code: "verdict_unknown", value: "WARN" }],
      head: json,
    },
    {
      ...base,
      n: 4,
      at: now - 41_000,
      st: "quarantined",
      code: "image_missing",
      detail: "data.image is not there",
      size: 212,
      head: json,
    },
    { ...base, n: 3, at: now - 52_000, st: "repeated", sha256: other.sha256, head: json },
    { ...base, n: 2, at: now - 60_000, st: "held", topic: "crux/v1/in/line5-vision/data", head: json },
    {
      ...base,
      n: 1,
      at: now - 3 * minute,
      st: "refused",
      topic: "plant/line5/raw",
      code: "topic_not_allowed",
      detail: "plant/line5/raw",
      size: 40,
      head: json,
    },
  ].map((message) => v.parse(SourceMessage, message))
}

export const makeQuarantine = (now: number): QuarantinedMessage[] =>
  [1, 2].map((n) =>
    v.parse(QuarantinedMessage, {
      n,
      at: now - n * 41_000,
      via: "mqtt",
      topic: "crux/v1/in/line5-vision/result",
      size: 212,
      code: n === 1 ? "image_missing" : "json",
      detail: n === 1 ? "data.image is not there" : "Unexpected token at 14",
      head: "{",
      whole: n === 1,
    }),
  )
