import { describe, expect, test } from "bun:test"
import * as v from "valibot"
import { ForeignTopic, NewSource, SourceFields, SourceProfile, TopicPattern } from "#contract/source"
import { sniffImage } from "#models/image-header"
import { readFacts } from "../../../hub/sources/facts.rules.ts"
import { textAt, valueAt } from "../../../hub/sources/field-path.rules.ts"
import { idOfContent, idOfNamed } from "../../../hub/sources/identity.rules.ts"
import { headOf, picturesBytes } from "../../../hub/sources/picture.rules.ts"
import { presets } from "../../../hub/sources/presets.rules.ts"
import { readMessage } from "../../../hub/sources/reading.rules.ts"
import { readSidecar } from "../../../hub/sources/sidecar.rules.ts"
import { matchTopic, mayPublishTo } from "../../../hub/sources/topic.rules.ts"

const now = Date.UTC(2026, 10, 27)
const facts = (fields: v.InferInput<typeof SourceFields>, data: unknown) =>
  readFacts(v.parse(SourceFields, fields), { data, beside: {} }, now)
const verdict = (value: unknown, words: Partial<Record<"ok" | "ng" | "undecidable", string[]>>) =>
  facts({ verdict: { path: "r", ok: [], ng: [], undecidable: [], ...words } }, { r: value }).facts.verdict
    .eval

describe("a path", () => {
  const scope = {
    data: { a: { b: [{ c: 7 }, "x"] }, "odd name": { 한글: "값" }, empty: " ", yes: true },
    beside: { $topic: { line: "L1" } },
  }
  test("reaches objects, arrays, odd names and what came beside the payload", () => {
    expect(textAt(scope, "a.b[0].c")).toBe("7")
    expect(textAt(scope, "a.b[1]")).toBe("x")
    expect(textAt(scope, '["odd name"].한글')).toBe("값")
    expect(textAt(scope, "$topic.line")).toBe("L1")
    expect(textAt(scope, "yes")).toBe("true")
  })

  test("does not reach what is not there, objects as texts, or the language itself", () => {
    for (const path of ["a.b[2]", "a.b[0].c.d", "a", "empty", "$topic.other", "$form.x"])
      expect(textAt(scope, path)).toBeUndefined()
    for (const path of ["__proto__", "constructor", "a.constructor.name", "a.b.length.toString"])
      expect(valueAt(scope, path) === undefined || typeof valueAt(scope, path) === "number").toBe(true)
  })
})

describe("a topic pattern", () => {
  test("names levels and follows MQTT's wildcards", () => {
    expect(matchTopic("frigate/{camera}/+/snapshot", "frigate/press/defect/snapshot")).toEqual({
      camera: "press",
    })
    expect(matchTopic("a/#", "a")).toEqual({})
    expect(matchTopic("a/#", "a/b/c")).toEqual({})
    expect(matchTopic("a/+", "a")).toBeUndefined()
    expect(matchTopic("a/+", "a/b/c")).toBeUndefined()
    expect(matchTopic("a/b", "a/B")).toBeUndefined()
  })

  test("is refused when it is none, or reaches too far", () => {
    for (const pattern of ["a/#/b", "a/{A}", "a/{x}/{x}", "a//b", "a#", "", "a/b+"])
      expect([pattern, v.is(TopicPattern, pattern)]).toEqual([pattern, false])
    for (const pattern of ["#", "+/a", "{x}/a", "crux/v1/#", "CRUX/x", "uns/#", "$SYS/#"])
      expect([pattern, v.is(ForeignTopic, pattern)]).toEqual([pattern, false])
    expect(v.is(ForeignTopic, "frigate/#")).toBe(true)
  })

  test("of a source ends at its own corner: a name that begins alike is another's", () => {
    expect(mayPublishTo("cam", [], "crux/v1/in/cam/x")).toBe(true)
    expect(mayPublishTo("cam", [], "crux/v1/in/cam2/x")).toBe(false)
    expect(mayPublishTo("cam", ["line1/#"], "line1/a")).toBe(true)
    expect(mayPublishTo("cam", ["line1/#"], "line10/a")).toBe(false)
  })
})

describe("a verdict", () => {
  test("is what the words say, whatever their case; numbers and truth values are words", () => {
    expect(verdict("pass", { ok: ["PASS"] })).toBe("ok")
    expect(verdict(0, { ng: ["0"] })).toBe("ng")
    expect(verdict(false, { ng: ["false"] })).toBe("ng")
  })

  test("is never OK by default: unknown, missing, empty, an object, and a word in both lists", () => {
    for (const value of ["x", "", null, undefined, {}, [], "OKAY", "NOT OK"])
      expect(verdict(value, { ok: ["OK"] })).toBe("undecidable")
    expect(verdict("1", { ok: ["1"], ng: ["1"] })).toBe("ng")
    expect(facts({}, { result: "OK" }).facts.verdict).toEqual({ eval: "undefined", code: "not_judged" })
  })

  test("comes with a score between 0 and 1 in which high means NG, or with none and a note", () => {
    const score = (value: unknown, high: "ng" | "ok" = "ng") =>
      facts({ score: { path: "s", min: 0, max: 100, high } }, { s: value })
    expect(score(25).facts.verdict.score).toBe(0.25)
    expect(score("25", "ok").facts.verdict.score).toBe(0.75)
    for (const value of [101, -1, "high", null, Number.NaN]) {
      expect(score(value).facts.verdict.score).toBeUndefined()
      expect(score(value).notes[0]?.code).toMatch(/^score_/)
    }
  })
})

test("times are seconds, milliseconds or ISO, and a camera without a clock is not believed", () => {
  const ts = (t: unknown, form: "auto" | "s" | "ms" | "iso" = "auto") =>
    facts({ time: { path: "t", form } }, { t })
  const at = Date.UTC(2026, 10, 26, 12)
  for (const t of [at, at / 1000, String(at), new Date(at).toISOString(), "2026-11-26T21:00:00+09:00"])
    expect([t, ts(t).facts.ts]).toEqual([t, at])
  for (const t of [0, 1, "1970-01-01T00:00:00Z", at + 40 * 24 * 3_600_000, "yesterday", null, {}]) {
    expect(ts(t).facts.ts).toBeUndefined()
    expect(ts(t).notes).toHaveLength(1)
  }
})

test("a product that cannot be a key is left out with a note, never guessed", () => {
  expect(facts({ product: "p" }, { p: "BRK 100" }).facts.product_id).toBe("brk-100")
  expect(facts({ product: "p" }, { p: "브래킷" })).toMatchObject({
    notes: [{ code: "product_not_a_key", value: "브래킷" }],
  })
  expect(facts({ part: "p" }, { p: "x".repeat(500) }).facts.part_id).toHaveLength(128)
})

describe("base64", () => {
  test("is taken bare, as data URI, URL-safe, unpadded and with line breaks", () => {
    const bytes = Buffer.from([0xff, 0xd8, 0xff, 0xfe, 1])
    const text = bytes.toString("base64")
    for (const coded of [
      text,
      `data:image/jpeg;base64,${text}`,
      `data:;base64,${text}`,
      bytes.toString("base64url"),
      text.replace(/.{4}/g, "$&\r\n"),
    ])
      expect(picturesBytes(coded)).toEqual(bytes)
  })

  test("is refused when something else stands there", () => {
    for (const [text, code] of [
      ["", "empty"],
      ["data:image/jpeg;base64,", "empty"],
      ["data:image/svg+xml,<svg/>", "data_uri"],
      ["http://camera/shot.jpg", "base64"],
      ["AAAAA", "base64"],
      ["AA=A", "base64"],
    ] as const)
      expect(picturesBytes(text)).toMatchObject({ code })
  })
})

describe("a data file", () => {
  const read = (form: "txt" | "csv" | "json", text: string) => readSidecar(form, Buffer.from(text))
  test("as text: pairs by =, : or tab, and every line by its place", () => {
    expect(read("txt", "Result = NG\r\nSN:7\nangle\t1.5\nplain\n")).toEqual({
      value: { Result: "NG", SN: "7", angle: "1.5", lines: ["Result = NG", "SN:7", "angle\t1.5", "plain"] },
    })
  })

  test("as csv: with names, with quotes, with semicolons, and without names", () => {
    expect(read("csv", 'serial;result\n"A;1";"say ""NG"""\n')).toEqual({
      value: { serial: "A;1", result: 'say "NG"', columns: ["A;1", 'say "NG"'] },
    })
    expect(read("csv", "A1,NG\n")).toEqual({ value: { columns: ["A1", "NG"] } })
  })

  test("says what is wrong with it", () => {
    expect(read("json", "{")).toMatchObject({ code: "json" })
    expect(read("txt", "")).toMatchObject({ code: "sidecar_empty" })
    expect(read("txt", "a\0b")).toMatchObject({ code: "sidecar_binary" })
  })

  test("cannot plant a prototype", () => {
    const { value } = read("txt", "__proto__=x\n") as { value: object }
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })
})

test("ids are the same for the same shot and never another source's", () => {
  expect(idOfNamed("a", "1")).toBe(idOfNamed("a", "1"))
  expect(idOfNamed("a", "1")).not.toBe(idOfNamed("b", "1"))
  expect(idOfNamed("a", "1")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const [one, later] = [idOfContent("a", "x", 59_999, 60_000), idOfContent("a", "x", 60_000, 60_000)]
  expect(later.id).not.toBe(one.id)
  expect(later.before).toBe(one.id)
})

test("the first bytes are shown as text when they are text, also when a letter is cut, else in hex", () => {
  expect(headOf(Buffer.from('{"결과":"양품"}').subarray(0, 12))).toBe('{"결과":"')
  expect(headOf(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0]))).toBe("ff d8 ff e0 00")
})

test("every ready profile can be made a source as it is", () => {
  expect(presets.length).toBeGreaterThan(7)
  for (const { key, profile, foreign_topics } of presets) {
    const filled = JSON.parse(JSON.stringify(profile).replaceAll("{source}", "cam-1")) as unknown
    expect([key, v.safeParse(SourceProfile, filled).issues]).toEqual([key, undefined])
    const asked = { id: "cam-1", name: "Cam", preset: key, profile, foreign_topics }
    expect([key, v.is(NewSource, asked)]).toEqual([key, true])
  }
})

describe("messages as the products document them", () => {
  // A JPEG's frame header and end mark: nothing here is decoded.
  const picture = Buffer.from("ffd8ffc0000b080030004001011100ffd9", "hex")
  const coded = picture.toString("base64")
  const read = (key: string, topic: string, payload: object | Buffer, more: object = {}) => {
    const { profile } = presets.find((preset) => preset.key === key)!
    const filled = JSON.parse(JSON.stringify(profile).replaceAll("{source}", "cam-1")) as unknown
    const via = { http: "http", folder: "folder" }[profile.kind as string] ?? "mqtt"
    const message = {
      via: via as "mqtt",
      topic,
      bytes: Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload)),
      type: Buffer.isBuffer(payload) ? "image/jpeg" : "application/json",
      beside: {},
      ...more,
    }
    return readMessage(v.parse(SourceProfile, filled), message, sniffImage, now)
  }

  test("Milesight: a snapshot over MQTT and HTTP", () => {
    const snapshot = {
      ts: now - 1_000,
      values: {
        devName: "4G Solar-powered ANPR Camera",
        devMac: "5CC5638AE729",
        file: "debug_202304240745431198T",
        time: 1682336743,
        imageSize: picture.length,
        image: `data:image/jpeg;base64,${coded}`,
      },
    }
    expect(read("milesight-mqtt", "crux/v1/in/cam-1/snapshot", snapshot)).toMatchObject({
      is: "part",
      picture: { w: 64, h: 48 },
      facts: { key: "debug_202304240745431198T", ts: now - 1_000 },
      notes: [],
    })
    expect(read("milesight-http", "/api/in/cam-1", snapshot)).toMatchObject({ is: "part", notes: [] })
    // Its status message is no picture.
    expect(read("milesight-mqtt", "crux/v1/in/cam-1/status", { ts: now, values: {} })).toMatchObject({
      is: "refused",
      code: "image_missing",
    })
  })

  test("Axis: the form of the event bridge, with a picture in the data", () => {
    const event = (data: object) => ({
      timestamp: now - 500,
      topic: "axis:CameraApplicationPlatform/Inspect",
      serial: "ACCC8E000001",
      message: { source: {}, key: {}, data },
    })
    const topic = "crux/v1/in/cam-1/axis:CameraApplicationPlatform/Inspect"
    const data = { image: coded, result: "fail", scenario: "Bracket 7" }
    expect(read("axis-mqtt", topic, event(data))).toMatchObject({
      is: "part",
      facts: { product_id: "bracket-7", verdict: { eval: "ng" }, ts: now - 500 },
    })
    expect(read("axis-mqtt", topic, event({ active: "1" }))).toMatchObject({ code: "image_missing" })
  })

  test("Frigate: snapshot and event meet under the same key", () => {
    const snapshot = read("frigate", "frigate/press_3/defect/snapshot", picture)
    const after = { id: "1.2-ab", camera: "press_3", label: "defect", start_time: now / 1000 - 3 }
    const event = read("frigate", "frigate/events", { type: "end", before: after, after })
    expect([snapshot.is, event.is]).toEqual(["picture_half", "data_half"])
    expect("key" in snapshot && "key" in event && snapshot.key === event.key).toBe(true)
    expect(read("frigate", "frigate/events", { type: "update", after })).toMatchObject({ is: "ignored" })
    expect(read("frigate", "frigate/stats", { cpu: 1 })).toMatchObject({ is: "ignored", code: "topic" })
  })

  test("a Cognex-style folder: image and text of the same name", () => {
    const data = Buffer.from("serial=SN-5\r\nresult=PASS\r\n")
    expect(read("cognex-folder", "image00005.jpg", picture, { data })).toMatchObject({
      is: "part",
      facts: { part_id: "SN-5", verdict: { eval: "ok" } },
    })
  })
})
