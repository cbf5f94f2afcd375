import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { connectDevice, enrol, frameOf, sha256, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { addSource, camera, engineerOf, jpeg, mosquittoPub, presetOf } from "./kit.ts"

let hub: TestHub
let engineer: Browser
beforeAll(async () => {
  hub = await startTestHub()
  engineer = await engineerOf(hub)
})
afterAll(() => hub.stop())

const pictures = (id: string) => ({ kind: "picture" as const, topics: [`crux/v1/in/${id}/#`] })

describe("a camera that sends pictures", () => {
  test("mosquitto_pub with QoS 0, 1 and 2: each picture is one inspection that nobody calls OK", async () => {
    const source = await addSource(hub, engineer, "plain", pictures("plain"))
    for (const qos of ["0", "1", "2"]) {
      const sent = await mosquittoPub(
        hub,
        source,
        ["-t", "crux/v1/in/plain/image", "-q", qos, "-s"],
        await jpeg(),
      )
      expect(sent).toEqual({ code: 0, said: "" })
    }
    const stored = await until("three inspections", () => source.stored().length === 3 && source.stored())
    for (const { verdict, parts, policy } of stored) {
      expect(verdict).toEqual({ eval: "undefined", code: "not_judged" })
      expect(policy.image).toBe("full")
      expect(parts[0]).toMatchObject({ mime: "image/jpeg", w: 64, h: 48 })
      expect(await hub.hub.blobs.verify(parts[0]!.sha256)).toBe(true)
    }
    expect(stored.map((header) => header.seq)).toEqual([1, 2, 3])
    // They wait for a person.
    const task = await (await hub.as("worker")).post("/api/labelling/next", {})
    expect(task.status).toBe(200)
    expect(await source.view()).toMatchObject({ state: "ok", counts: { stored: 3, quarantined: 0 } })
  })

  test("PUBACK comes when image and row are on disk", async () => {
    const source = await addSource(hub, engineer, "durable", pictures("durable"))
    const client = await camera(hub, source)
    const picture = await jpeg()
    await client.publishAsync("crux/v1/in/durable/x", picture, { qos: 1 })
    expect(source.stored()).toHaveLength(1)
    expect(await hub.hub.blobs.has(sha256(picture))).toBe(true)
    await client.endAsync(true)
  })

  test("the same bytes again, also at the same moment and from another connection, are one inspection", async () => {
    const source = await addSource(hub, engineer, "again", pictures("again"))
    const [one, two] = [await camera(hub, source), await camera(hub, source)]
    const picture = await jpeg()
    await Promise.all(
      [one, two, one, two].map((client) => client!.publishAsync("crux/v1/in/again/a", picture, { qos: 1 })),
    )
    expect(source.stored()).toHaveLength(1)
    expect((await source.messages()).map((m) => m.st).sort()).toEqual([
      "repeated",
      "repeated",
      "repeated",
      "stored",
    ])
    // Hours later the same picture is another shot.
    hub.clock.pass(3 * 60 * 60_000)
    await one.publishAsync("crux/v1/in/again/a", picture, { qos: 1 })
    expect(source.stored()).toHaveLength(2)
    // Across the border of two spans of a minute it still is a repeat.
    hub.clock.pass(45_000)
    await one.publishAsync("crux/v1/in/again/a", picture, { qos: 1 })
    expect(source.stored()).toHaveLength(2)
    await one.endAsync(true)
    await two.endAsync(true)
  })

  test("a message kept by the broker and sent again at the camera's start is a repeat, however much later", async () => {
    const source = await addSource(hub, engineer, "kept", pictures("kept"))
    const client = await camera(hub, source)
    const picture = await jpeg()
    for (let i = 0; i < 3; i += 1) {
      await client.publishAsync("crux/v1/in/kept/a", picture, { qos: 1, retain: true })
      hub.clock.pass(60 * 60_000)
    }
    expect(source.stored()).toHaveLength(1)
    await client.endAsync(true)
  })

  test("what is no picture, is cut off or promises absurd sizes goes to quarantine with its reason", async () => {
    const source = await addSource(hub, engineer, "odd", pictures("odd"))
    const client = await camera(hub, source)
    const whole = await jpeg(200, 100)
    const bomb = Buffer.from(whole)
    const sof = bomb.indexOf(Buffer.from([0xff, 0xc0]))
    bomb.writeUInt16BE(60_000, sof + 5)
    bomb.writeUInt16BE(60_000, sof + 7)
    const sent: [Buffer, string][] = [
      [Buffer.from("hello"), "no_picture"],
      [Buffer.from("BM6\0\0\0\0\0\0\0"), "no_picture"],
      [whole.subarray(0, whole.length >> 1), "picture_cut"],
      [bomb, "too_many_pixels"],
      [Buffer.alloc(0), "empty"],
    ]
    for (const [bytes] of sent) await client.publishAsync("crux/v1/in/odd/a", bytes, { qos: 1 })
    expect(source.stored()).toEqual([])
    expect((await source.quarantine()).map((row) => row.code)).toEqual(sent.map(([, code]) => code).reverse())
    expect(await source.view()).toMatchObject({ state: "trouble", trouble: { code: "empty" } })
    // The connection lives: nothing was abusive.
    await client.publishAsync("crux/v1/in/odd/a", whole, { qos: 1 })
    expect(source.stored()).toHaveLength(1)
    expect((await source.view()).state).toBe("ok")
    await client.endAsync(true)
  })
})

describe("a camera that sends JSON", () => {
  const json = (id: string) => ({
    kind: "json" as const,
    topics: [`crux/v1/in/${id}/{line}`],
    image: "shot.image",
    fields: {
      id: "shot.id",
      part: "part[0].serial",
      product: "$topic.line",
      verdict: { path: "judge", ok: ["PASS"], ng: ["FAIL"], undecidable: ["RETRY"] },
      score: { path: "score", min: 0, max: 100, high: "ok" as const },
      time: { path: "at", form: "auto" as const },
    },
  })
  const say = (picture: Buffer, more: object = {}) =>
    JSON.stringify({
      shot: { id: "S-1", image: `data:image/jpeg;base64,${picture.toString("base64")}` },
      part: [{ serial: "바-001" }],
      judge: "FAIL",
      score: 20,
      at: Date.now(),
      ...more,
    })

  test("picture, part, product of the topic, verdict, score and time are understood", async () => {
    const source = await addSource(hub, engineer, "smart", json("smart"))
    const client = await camera(hub, source)
    const picture = await jpeg()
    const at = hub.clock.now() - 5_000
    await client.publishAsync("crux/v1/in/smart/Line4", say(picture, { at }), { qos: 1 })
    expect(source.stored()[0]).toMatchObject({
      part_id: "바-001",
      product_id: "line4",
      verdict: { eval: "ng", score: 0.8 },
      ts: at,
      parts: [{ sha256: sha256(picture) }],
    })
    await client.endAsync(true)
  })

  test("a word nobody gave a meaning, a missing one and another case are never OK by mistake", async () => {
    const source = await addSource(hub, engineer, "words", json("words"))
    const client = await camera(hub, source)
    const picture = await jpeg()
    const verdictOf = async (i: number, more: object) => {
      const shot = { id: `W-${i}`, image: picture.toString("base64") }
      await client.publishAsync("crux/v1/in/words/l", say(picture, { shot, ...more }), { qos: 1 })
      return source.stored().at(-1)!.verdict
    }
    expect(await verdictOf(1, { judge: "PASS2" })).toMatchObject({
      eval: "undecidable",
      code: "verdict_unknown",
    })
    expect(await verdictOf(2, { judge: null })).toMatchObject({
      eval: "undecidable",
      code: "verdict_missing",
    })
    expect(await verdictOf(3, { judge: { ok: true } })).toMatchObject({ eval: "undecidable" })
    expect(await verdictOf(4, { judge: "retry" })).toMatchObject({
      eval: "undecidable",
      code: "camera_undecided",
    })
    expect(await verdictOf(5, { judge: " pass " })).toMatchObject({ eval: "ok" })
    expect((await source.messages()).at(-1)?.notes).toContainEqual({
      code: "verdict_unknown",
      value: "PASS2",
    })
    await client.endAsync(true)
  })

  test("its own id makes repeats recognisable for ever, and another picture under it is a conflict", async () => {
    const source = await addSource(hub, engineer, "named", json("named"))
    const client = await camera(hub, source)
    const picture = await jpeg()
    await client.publishAsync("crux/v1/in/named/l", say(picture), { qos: 1 })
    hub.clock.pass(24 * 60 * 60_000)
    await client.publishAsync("crux/v1/in/named/l", say(picture), { qos: 1 })
    expect(source.stored()).toHaveLength(1)
    await client.publishAsync("crux/v1/in/named/l", say(await jpeg()), { qos: 1 })
    expect(source.stored()).toHaveLength(1)
    expect((await source.quarantine())[0]).toMatchObject({ code: "conflict", whole: true })
    // The same id from another source is another shot.
    const other = await addSource(hub, engineer, "named-2", json("named-2"))
    const second = await camera(hub, other)
    await second.publishAsync("crux/v1/in/named-2/l", say(picture), { qos: 1 })
    expect(other.stored()).toHaveLength(1)
    await client.endAsync(true)
    await second.endAsync(true)
  })

  test("broken JSON, wrong base64 and a missing image are kept whole and stored once the profile is right", async () => {
    const source = await addSource(hub, engineer, "fixable", { ...json("fixable"), image: "image" })
    const client = await camera(hub, source)
    const picture = await jpeg()
    await client.publishAsync("crux/v1/in/fixable/l", say(picture), { qos: 1 })
    await client.publishAsync("crux/v1/in/fixable/l", "{ half", { qos: 1 })
    await client.publishAsync(
      "crux/v1/in/fixable/l",
      JSON.stringify({ image: "data:image/jpeg;base64,%%%" }),
      {
        qos: 1,
      },
    )
    await client.publishAsync("crux/v1/in/fixable/l", `${"[".repeat(200_000)}${"]".repeat(200_000)}`, {
      qos: 1,
    })
    const rows = await source.quarantine()
    hub.clock.pass(60 * 60_000)
    expect(rows.map((row) => row.code)).toEqual(["image_missing", "base64", "json", "image_missing"])
    expect(source.stored()).toEqual([])

    const changed = await engineer.send("PATCH", "/api/sources/fixable", { profile: json("fixable") })
    expect(changed.status).toBe(200)
    const again = await engineer.post(`/api/sources/fixable/quarantine/${rows.at(-1)!.n}/retry`)
    expect(await again.json()).toMatchObject({ st: "stored" })
    expect(source.stored()[0]?.parts[0]?.sha256).toBe(sha256(picture))
    expect(source.stored()[0]?.ts).toBeLessThan(hub.clock.now() - 59 * 60_000)
    const still = await engineer.post(`/api/sources/fixable/quarantine/${rows[2]!.n}/retry`)
    expect(await still.json()).toMatchObject({ st: "quarantined", code: "json" })
    expect((await source.quarantine()).map((row) => row.n)).toEqual(rows.slice(0, 3).map((row) => row.n))
    const raw = await engineer.get(`/api/sources/fixable/quarantine/${rows[2]!.n}`)
    expect(await raw.text()).toBe("{ half")
    await client.endAsync(true)
  })
})

describe("a camera whose picture and data come apart", () => {
  const pair = (id: string, more: object = {}) => ({
    kind: "pair" as const,
    picture_topic: `crux/v1/in/${id}/image/{key}`,
    data_topic: `crux/v1/in/${id}/data`,
    join: { by: "key" as const, picture: ["$topic.key"], data: ["key"] },
    wait_s: 5,
    fields: {
      part: "key",
      verdict: { path: "result", ok: ["OK"], ng: ["NG"], undecidable: [] },
    },
    ...more,
  })

  test("halves are joined by key in either order, each acknowledged when it is on disk", async () => {
    const source = await addSource(hub, engineer, "halves", pair("halves"))
    const client = await camera(hub, source)
    const [a, b] = [await jpeg(), await jpeg()]
    await client.publishAsync("crux/v1/in/halves/image/A", a, { qos: 1 })
    const waiting = () => readdirSync(join(hub.folder, "halves")).length
    expect(waiting()).toBe(1)
    await client.publishAsync("crux/v1/in/halves/data", '{"key":"B","result":"NG"}', { qos: 1 })
    expect((await source.view()).waiting).toBe(2)
    await client.publishAsync("crux/v1/in/halves/data", '{"key":"A","result":"OK"}', { qos: 1 })
    await client.publishAsync("crux/v1/in/halves/image/B", b, { qos: 1 })
    expect(source.stored().map((h) => [h.part_id, h.verdict.eval, h.parts[0]?.sha256])).toEqual([
      ["A", "ok", sha256(a)],
      ["B", "ng", sha256(b)],
    ])
    expect(waiting()).toBe(0)
    // A half whose PUBACK was lost comes again and makes no second part.
    await client.publishAsync("crux/v1/in/halves/image/A", a, { qos: 1 })
    expect((await source.view()).waiting).toBe(0)
    await client.endAsync(true)
  })

  test("a half waits through a restart of the hub", async () => {
    const own = await startTestHub()
    const by = await own.as("engineer")
    const source = await addSource(own, by, "restart", pair("restart", { wait_s: 600 }))
    const picture = await jpeg()
    const before = await camera(own, source)
    await before.publishAsync("crux/v1/in/restart/image/A", picture, { qos: 1 })
    await before.endAsync(true)
    await own.restart()
    const after = await camera(own, source)
    await after.publishAsync("crux/v1/in/restart/data", '{"key":"A","result":"NG"}', { qos: 1 })
    expect(source.stored()[0]).toMatchObject({ part_id: "A", verdict: { eval: "ng" } })
    expect(source.stored()[0]?.parts[0]?.sha256).toBe(sha256(picture))
    await after.endAsync(true)
    await own.stop()
  })

  test("what finds no other half in time is stored alone and is not OK", async () => {
    const source = await addSource(hub, engineer, "alone", pair("alone"))
    const client = await camera(hub, source)
    await client.publishAsync("crux/v1/in/alone/image/A", await jpeg(), { qos: 1 })
    await client.publishAsync("crux/v1/in/alone/data", '{"key":"B","result":"NG"}', { qos: 1 })
    hub.clock.pass(6_000)
    await until("both to be stored", () => source.stored().length === 2)
    const [picture, data] = source.stored()
    expect(picture).toMatchObject({ verdict: { eval: "undecidable", code: "unpaired" } })
    expect(data).toMatchObject({
      part_id: "B",
      verdict: { eval: "ng" },
      parts: [],
      policy: { image: "none" },
    })
    expect((await source.messages()).flatMap((m) => m.notes.map((n) => n.code))).toContain("unpaired")
    await client.endAsync(true)
  })

  test("halves without a key are joined in their order, also when every part says the same", async () => {
    const source = await addSource(
      hub,
      engineer,
      "timed",
      pair("timed", { join: { by: "time" }, picture_topic: "crux/v1/in/timed/image" }),
    )
    const client = await camera(hub, source)
    const shots = [await jpeg(), await jpeg(), await jpeg()]
    for (const shot of shots) {
      await client.publishAsync("crux/v1/in/timed/image", shot, { qos: 1 })
      await client.publishAsync("crux/v1/in/timed/data", '{"key":"x","result":"OK"}', { qos: 1 })
    }
    expect(source.stored().map((h) => h.parts[0]?.sha256)).toEqual(shots.map(sha256))
    await client.endAsync(true)
  })

  test("Frigate: the best snapshot of an object and its last event are one part, other topics are left aside", async () => {
    const { profile, foreign_topics } = await presetOf(engineer, "frigate")
    const source = await addSource(hub, engineer, "frigate-1", profile, foreign_topics)
    // As Frigate does: a will on its availability topic, kept messages, no clean session.
    const client = await camera(hub, source, {
      clean: false,
      clientId: "frigate",
      keepalive: 60,
      will: { topic: "frigate/available", payload: Buffer.from("offline"), qos: 1, retain: true },
    })
    const event = (type: string, label = "defect") =>
      JSON.stringify({
        type,
        before: { id: "1607123955.475377-mxklsc", camera: "press_3", label },
        after: {
          id: "1607123955.475377-mxklsc",
          camera: "press_3",
          frame_time: hub.clock.now() / 1000,
          snapshot: { frame_time: 1, box: [415, 489, 528, 700], score: 0.77 },
          label,
          sub_label: null,
          top_score: 0.958984375,
          false_positive: false,
          start_time: hub.clock.now() / 1000 - 4,
          end_time: type === "end" ? hub.clock.now() / 1000 : null,
          has_snapshot: true,
        },
      })
    await client.publishAsync("frigate/available", "online", { qos: 0, retain: true })
    await client.publishAsync("frigate/events", event("new"), { qos: 0 })
    await client.publishAsync("frigate/press_3/defect/snapshot", await jpeg(), { qos: 1, retain: true })
    const best = await jpeg()
    await client.publishAsync("frigate/press_3/defect/snapshot", best, { qos: 1, retain: true })
    await client.publishAsync("frigate/stats", "{}", { qos: 0 })
    await client.publishAsync("frigate/events", event("end"), { qos: 1 })
    expect(source.stored()).toHaveLength(1)
    expect(source.stored()[0]).toMatchObject({
      product_id: "press_3",
      verdict: { eval: "ng" },
      parts: [{ sha256: sha256(best) }],
    })
    expect((await source.messages()).map((m) => m.st)).toEqual([
      "stored",
      "ignored",
      "held",
      "replaced",
      "held",
      "ignored",
      "ignored",
    ])
    expect((await source.view()).counts.quarantined).toBe(0)
    await client.endAsync(true)
  })
})

describe("what a camera may do at the broker", () => {
  test("any client id, a kept session, no keepalive and no id at all are let in with the right token", async () => {
    const source = await addSource(hub, engineer, "free", pictures("free"))
    for (const options of [
      { clientId: "AXIS-ACCC8E123456", clean: false },
      { clientId: "한글 아이디", clean: true },
      { clientId: "", clean: true },
      { clientId: "k", keepalive: 0 },
      { clientId: "k3", protocolId: "MQIsdp" as const, protocolVersion: 3 as const, keepalive: 600 },
    ]) {
      const client = await camera(hub, source, options)
      await client.publishAsync("crux/v1/in/free/a", await jpeg(), { qos: 1 })
      await client.endAsync(true)
    }
    expect(source.stored()).toHaveLength(5)
  })

  test("a wrong token, another source's token, a station's name and a source that is off are refused", async () => {
    const [one, two] = [
      await addSource(hub, engineer, "lock-1", pictures("lock-1")),
      await addSource(hub, engineer, "lock-2", pictures("lock-2")),
    ]
    await expect(camera(hub, { id: one.id, token: two.token })).rejects.toThrow("Not authorized")
    await expect(camera(hub, { id: one.id, token: "" })).rejects.toThrow()
    const client = await camera(hub, one)
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()))
    expect((await engineer.send("PATCH", "/api/sources/lock-1", { enabled: false })).status).toBe(200)
    await closed
    await expect(camera(hub, one)).rejects.toThrow("Not authorized")
    expect((await one.view()).state).toBe("off")
    await engineer.send("PATCH", "/api/sources/lock-1", { enabled: true })
    const renewed = (await (await engineer.post("/api/sources/lock-1/token")).json()) as { token: string }
    await expect(camera(hub, one)).rejects.toThrow("Not authorized")
    await (await camera(hub, { id: "lock-1", token: renewed.token })).endAsync(true)
  })

  test("a camera cannot take over a station, sign in as one, or be enrolled as one", async () => {
    const station = await connectDevice(await enrol(hub, "station-1"))
    const source = await addSource(hub, engineer, "thief", pictures("thief"))
    const client = await camera(hub, source, { clientId: "station-1" })
    const { header, bytes } = frameOf(1)
    await station.sendBytes(bytes)
    expect((await station.ackOf(header.id)).st).toBe("stored")
    expect(station.closed()).toBe(false)
    await client.endAsync(true)
    await station.end()

    const admin = await hub.as("admin")
    expect((await admin.post("/api/enrolment-codes", { device: "thief", name: "x" })).status).toBe(409)
    const twice = await engineer.post("/api/sources", {
      id: "station-1",
      name: "x",
      preset: "own",
      profile: pictures("station-1"),
    })
    expect(await twice.json()).toMatchObject({ status: 409, key: "device_name" })
    expect((await admin.send("DELETE", "/api/devices/thief")).status).toBe(404)
    const devices = await (await admin.get("/api/devices")).text()
    expect(devices).toContain("station-1")
    expect(devices).not.toContain("thief")
  })

  test("a station's secret lets nobody in under a camera's name, where a station's rules are not asked", async () => {
    const station = await enrol(hub, "station-9")
    await addSource(hub, engineer, "mask", pictures("mask"))
    const posing = connectDevice(station, { username: "mask", clean: false, keepalive: 1800 })
    await expect(posing).rejects.toThrow("Not authorized")
    await expect(connectDevice(station, { keepalive: 1800 })).rejects.toThrow()
    await (await connectDevice(station)).end()
  })

  test("a name that was given to a camera while its station waited for a person lets no station in", async () => {
    const admin = await hub.as("admin")
    const made = await admin.post("/api/enrolment-codes", { device: "both", name: "x" })
    const { code } = (await made.json()) as { code: string }
    const asked = await hub.browser().post("/api/enrol", { code, device: "both" })
    expect(asked.status).toBe(202)
    const { token } = (await asked.json()) as { token: string }
    await addSource(hub, engineer, "both", pictures("both"))
    const { items } = (await (await engineer.get("/api/enrolment-requests")).json()) as {
      items: { id: string; device: string }[]
    }
    const request = items.find(({ device }) => device === "both")
    expect((await engineer.post(`/api/enrolment-requests/${request?.id}/approve`)).status).toBe(204)
    expect((await hub.browser().post("/api/enrol/collect", { token })).status).toBe(403)
    expect(await (await admin.get("/api/devices")).text()).not.toContain('"both"')
  })

  test("publishing elsewhere cuts the connection, shows the reason, and stores nothing", async () => {
    const source = await addSource(hub, engineer, "fence", pictures("fence"), ["line9/#"])
    for (const topic of [
      "crux/v1/in/other/a",
      "crux/v1/d/station-1/up/insp",
      "crux/v1/hub/state",
      "$SYS/x",
      "line8/a",
      "uns/a",
    ]) {
      const client = await camera(hub, source)
      const closed = new Promise<void>((resolve) => client.once("close", () => resolve()))
      client.publish(topic, await jpeg(), { qos: 1 })
      await closed
      expect((await source.messages())[0]).toMatchObject({ st: "refused", code: "topic_not_allowed", topic })
    }
    expect(source.stored()).toEqual([])
    const client = await camera(hub, source)
    await client.publishAsync("line9/anything", await jpeg(), { qos: 1 })
    expect((await source.messages())[0]).toMatchObject({ st: "ignored", code: "topic" })
    const granted = await client.subscribeAsync("#").catch((error: Error) => error)
    expect(String(granted instanceof Error ? granted.message : granted[0]?.qos)).toMatch(/error|128/i)
    await client.endAsync(true)
    await expect(
      camera(hub, source, {
        will: { topic: "crux/v1/hub/state", payload: Buffer.from("x"), qos: 0, retain: true },
      }),
    ).rejects.toThrow()
  })

  test("a packet above the broker's limit ends the connection and people see why", async () => {
    const source = await addSource(hub, engineer, "huge", pictures("huge"))
    const client = await camera(hub, source)
    const closed = new Promise<void>((resolve) => client.once("close", () => resolve()))
    client.publish("crux/v1/in/huge/a", Buffer.alloc(9 * 1024 * 1024), { qos: 1 })
    await closed
    await until("the reason", async () => (await source.messages())[0]?.code === "packet_too_large")
  })

  test("foreign topics may not reach into the hub's own, or everything", async () => {
    for (const topic of ["#", "+/x", "crux/#", "uns/a", "$SYS/#", "a/#/b", "spBv1.0/#"]) {
      const answer = await engineer.post("/api/sources", {
        id: "reach",
        name: "x",
        preset: "own",
        profile: pictures("reach"),
        foreign_topics: [topic],
      })
      expect([topic, answer.status]).toEqual([topic, 400])
    }
  })

  test("nothing of a camera reaches another subscriber, and it cannot leave anything with the broker", async () => {
    const station = await connectDevice(await enrol(hub, "station-2"))
    const source = await addSource(hub, engineer, "quiet", pictures("quiet"))
    await mosquittoPub(hub, source, ["-t", "crux/v1/in/quiet/a", "-q", "1", "-r", "-s"], await jpeg())
    await until("the inspection", () => source.stored().length === 1)
    expect(station.received.filter(({ topic }) => topic.includes("in/quiet"))).toEqual([])
    await station.end()
  })
})

test("what cannot be stored is not acknowledged: the camera is cut off, and its picture is stored when it comes again", async () => {
  const own = await startTestHub()
  const by = await own.as("engineer")
  const source = await addSource(own, by, "full", pictures("full"))
  const { db } = own.hub
  db.exec("CREATE TRIGGER no_room BEFORE INSERT ON inspection BEGIN SELECT RAISE(FAIL, 'no room'); END")
  const picture = await jpeg()
  const client = await camera(own, source)
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()))
  let acknowledged = false
  client.publish("crux/v1/in/full/a", picture, { qos: 1 }, (error) => {
    acknowledged ||= !error
  })
  await closed
  expect(acknowledged).toBe(false)
  expect((await source.messages())[0]).toMatchObject({ st: "later" })
  db.exec("DROP TRIGGER no_room")
  const back = await camera(own, source)
  await back.publishAsync("crux/v1/in/full/a", picture, { qos: 1 })
  expect(source.stored()).toHaveLength(1)
  await back.endAsync(true)
  await own.stop()
})
