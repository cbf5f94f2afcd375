import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { connect } from "node:net"
import { serveHttp } from "../../../hub/serve.bun.ts"
import { sha256, until } from "../support/device.ts"
import { type Browser, startTestHub, type TestHub } from "../support/hub.ts"
import { addSource, engineerOf, jpeg, presetOf, type TestSource } from "./kit.ts"

let hub: TestHub
let engineer: Browser
let server: ReturnType<typeof serveHttp>
let source: TestSource
beforeAll(async () => {
  hub = await startTestHub()
  engineer = await engineerOf(hub)
  server = serveHttp({ host: "127.0.0.1", port: 0, fetch: hub.hub.fetch })
  const fields = {
    part: "serial",
    verdict: { path: "result", ok: ["OK"], ng: ["NG"], undecidable: [] },
  }
  source = await addSource(hub, engineer, "post", { kind: "http", image: "image", fields })
})
afterAll(async () => {
  await server.stop()
  await hub.stop()
})

const post = (
  body: BodyInit | Uint8Array,
  headers: Record<string, string> = {},
  { path = "/api/in/post", token = source.token } = {},
) =>
  fetch(`http://127.0.0.1:${server.port}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, ...headers },
    body: body as BodyInit,
  })
const told = async (answer: Response) => [answer.status, await answer.json()] as const

describe("a camera that posts", () => {
  test("a picture as it is, with any media type, is stored before the answer", async () => {
    for (const type of ["image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", ""]) {
      const picture = await jpeg()
      const [status, receipt] = await told(await post(picture, type ? { "content-type": type } : {}))
      expect([type, status, receipt]).toMatchObject([type, 201, { st: "stored" }])
      const header = source.stored().at(-1)!
      expect(header).toMatchObject({ id: (receipt as { id: string }).id, verdict: { eval: "undecidable" } })
      expect(await hub.hub.blobs.verify(sha256(picture))).toBe(true)
    }
  })

  test("a form with a picture and fields is one inspection with what the fields say", async () => {
    const picture = await jpeg()
    const form = new FormData()
    form.set("serial", "A-77")
    form.set("meta", JSON.stringify({ result: "NG" }))
    form.set("file", new File([picture], "cam_77.jpg", { type: "image/jpeg" }))
    expect(await told(await post(form))).toMatchObject([201, { st: "stored" }])
    expect(source.stored().at(-1)).toMatchObject({
      part_id: "A-77",
      verdict: { eval: "ng" },
      parts: [{ sha256: sha256(picture) }],
    })
  })

  test("JSON with a data URI or bare base64 is understood, with its verdict", async () => {
    for (const prefix of ["", "data:image/jpeg;base64,"]) {
      const picture = await jpeg()
      const body = JSON.stringify({ serial: "J", result: "ok", image: prefix + picture.toString("base64") })
      expect(await told(await post(body, { "content-type": "application/json" }))).toMatchObject([201, {}])
      expect(source.stored().at(-1)).toMatchObject({ part_id: "J", verdict: { eval: "ok" } })
    }
  })

  test("the same again is answered with the same id, and an Idempotency-Key makes that last", async () => {
    const picture = await jpeg()
    const [, first] = await told(await post(picture, { "idempotency-key": "shot 1" }))
    hub.clock.pass(24 * 60 * 60_000)
    const [status, again] = await told(await post(picture, { "idempotency-key": "shot 1" }))
    expect([status, again]).toEqual([200, { st: "repeated", id: (first as { id: string }).id }])
    const [other, conflict] = await told(await post(await jpeg(), { "idempotency-key": "shot 1" }))
    expect([other, conflict]).toMatchObject([202, { st: "quarantined", code: "conflict" }])
  })

  test("curl, with a picture from a file and Basic sign-in after a challenge", async () => {
    const picture = await jpeg()
    const file = `${hub.folder}/shot.jpg`
    await Bun.write(file, picture)
    const url = `http://127.0.0.1:${server.port}/api/in/post`
    const bare = await fetch(url, { method: "POST", body: "x" })
    expect([bare.status, bare.headers.get("www-authenticate")]).toEqual([
      401,
      'Basic realm="CRUX", charset="UTF-8"',
    ])
    const child = Bun.spawn(
      [
        "curl",
        "-s",
        "--anyauth",
        "-u",
        `post:${source.token}`,
        "-F",
        `image=@${file}`,
        "-F",
        "serial=C",
        url,
      ],
      { stdout: "pipe" },
    )
    expect(JSON.parse(await new Response(child.stdout).text())).toMatchObject({ st: "stored" })
    expect(source.stored().at(-1)).toMatchObject({ part_id: "C", parts: [{ sha256: sha256(picture) }] })
  })

  test("Milesight: the documented snapshot message", async () => {
    const { profile } = await presetOf(engineer, "milesight-http")
    const milesight = await addSource(hub, engineer, "milesight", profile)
    const picture = await jpeg()
    const body = JSON.stringify({
      ts: hub.clock.now() - 1_000,
      values: {
        devName: "Solar Camera",
        devMac: "5CC5638AE729",
        file: "debug_202304240745431198T",
        time: Math.floor(hub.clock.now() / 1000),
        imageSize: picture.length,
        image: `data:image/jpeg;base64,${picture.toString("base64")}`,
      },
    })
    const answer = await post(
      body,
      { "content-type": "application/json" },
      { path: "/api/in/milesight", token: milesight.token },
    )
    expect(await told(answer)).toMatchObject([201, { st: "stored" }])
    expect(milesight.stored()[0]).toMatchObject({ verdict: { eval: "undefined", code: "not_judged" } })
  })

  test("Axis: a picture posted with its part in the address", async () => {
    const { profile } = await presetOf(engineer, "axis-http")
    const axis = await addSource(hub, engineer, "axis", profile)
    const answer = await post(
      await jpeg(),
      { "content-type": "image/jpeg", "content-disposition": 'attachment; filename="axis-2026.jpg"' },
      { path: "/api/in/axis?part=P-9", token: axis.token },
    )
    expect(answer.status).toBe(201)
    expect(axis.stored()[0]).toMatchObject({ part_id: "P-9" })
  })
})

describe("what is not let in", () => {
  test("no token, a wrong one, another source's, an unknown source and one that is off: the same answer", async () => {
    const other = await addSource(hub, engineer, "post-2", { kind: "http" })
    await engineer.send("PATCH", "/api/sources/post-2", { enabled: false })
    const picture = await jpeg()
    const answers = await Promise.all([
      post(picture, { authorization: "" }),
      post(picture, {}, { token: other.token }),
      post(picture, {}, { path: "/api/in/nobody" }),
      post(picture, {}, { path: "/api/in/post-2", token: other.token }),
      post(picture, {}, { path: "/api/in/post?token=x", token: "" }),
    ])
    for (const answer of answers) expect(await told(answer)).toMatchObject([401, { key: "source_token" }])
    expect(
      (await post(picture, { authorization: "" }, { path: `/api/in/post?token=${source.token}` })).status,
    ).toBe(201)
    expect(hub.log.join("\n")).not.toContain(source.token)
  })

  test("guessing tokens is slowed down", async () => {
    const codes: number[] = []
    for (let i = 0; i < 25; i += 1) codes.push((await post("x", {}, { token: `guess-${i}` })).status)
    expect(codes.at(-1)).toBe(429)
    hub.clock.pass(61_000)
    expect((await post(await jpeg())).status).toBe(201)
  })

  test("a session of a person is no token", async () => {
    const answer = await engineer.post("/api/in/post", await jpeg())
    expect(answer.status).toBe(401)
  })

  test("50 MB are refused by their stated and by their real length, with bounded memory", async () => {
    const stated = await post(new Uint8Array(50 * 1024 * 1024))
    expect(stated.status).toBe(413)
    const before = process.memoryUsage.rss()
    let sent = 0
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536
        controller.enqueue(new Uint8Array(65_536))
        if (sent > 50 * 1024 * 1024) controller.close()
      },
    })
    const answer = await hub.hub.fetch(
      new Request("http://hub.test/api/in/post", {
        method: "POST",
        headers: { authorization: `Bearer ${source.token}` },
        body: stream,
        duplex: "half",
      } as RequestInit),
    )
    expect(answer.status).toBe(413)
    expect(sent).toBeLessThan(10 * 1024 * 1024)
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024)
    expect((await source.messages())[0]).toMatchObject({ st: "refused", code: "too_large" })
  })

  test("a body that never ends holds no memory before its token is right", async () => {
    const socket = connect(server.port, "127.0.0.1")
    let said = ""
    socket.on("data", (data) => {
      said += data.toString()
    })
    socket.write(
      "POST /api/in/post HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\ntransfer-encoding: chunked\r\n\r\n" +
        `ffff\r\n${"x".repeat(0xffff)}\r\n`,
    )
    await until("the refusal", () => said.includes("401"))
    socket.destroy()
  })

  test("packed bodies, forms without a picture and broken forms say what is wrong", async () => {
    expect(await told(await post(Bun.gzipSync(await jpeg()), { "content-encoding": "gzip" }))).toMatchObject([
      415,
      { key: "content_encoding" },
    ])
    const form = new FormData()
    form.set("serial", "1")
    expect(await told(await post(form))).toMatchObject([202, { st: "quarantined", code: "image_missing" }])
    const broken = await post("--x\r\nhalf", { "content-type": "multipart/form-data; boundary=y" })
    expect(await told(broken)).toMatchObject([202, { st: "quarantined", code: "no_picture" }])
    const base64 = JSON.stringify({ image: "data:image/png;base64,@@@@" })
    expect(await told(await post(base64, { "content-type": "application/json" }))).toMatchObject([
      202,
      { code: "base64" },
    ])
  })

  test("JSON for a profile that does not say where its picture is, is kept and not made a part", async () => {
    const { profile } = await presetOf(engineer, "jpeg-http")
    const plain = await addSource(hub, engineer, "plain-http", profile)
    const answer = await post(
      JSON.stringify({ test: 1 }),
      { "content-type": "application/json" },
      { path: "/api/in/plain-http", token: plain.token },
    )
    expect(await told(answer)).toMatchObject([202, { st: "quarantined", code: "image_missing" }])
    expect(plain.stored()).toEqual([])
  })

  test("a source that does not read HTTP says so", async () => {
    const mqtt = await addSource(hub, engineer, "only-mqtt", { kind: "picture", topics: ["a/b"] })
    const answer = await post(await jpeg(), {}, { path: "/api/in/only-mqtt", token: mqtt.token })
    expect(await told(answer)).toMatchObject([409, { key: "source_way" }])
  })
})

describe("sources in the API", () => {
  test("belong to engineers, and the token is in one answer only", async () => {
    for (const role of ["worker", "reviewer"] as const) {
      const person = await hub.as(role)
      expect((await person.get("/api/sources")).status).toBe(403)
      expect((await person.post("/api/sources/post/token")).status).toBe(403)
    }
    const all = await (await engineer.get("/api/sources")).text()
    expect(all).not.toContain(source.token)
    expect(all).not.toContain("token_hash")
    const audited = hub.hub.db.prepare<{ after: string }>("SELECT after FROM audit").all()
    expect(JSON.stringify(audited)).not.toContain(source.token)
  })

  test("a profile that makes no sense is refused with the place", async () => {
    const wrong: [object, string][] = [
      [{ kind: "picture", topics: ["a/#/b"] }, "profile.topics.0"],
      [{ kind: "json", topics: ["a"], image: "a..b" }, "profile.image"],
      [{ kind: "folder", folder: "../etc", sidecar: "none", after: "move" }, "profile.folder"],
      [{ kind: "folder", folder: "/etc", sidecar: "none", after: "delete" }, "profile.folder"],
      [
        { kind: "http", fields: { score: { path: "a", min: 1, max: 1, high: "ng" } } },
        "profile.fields.score",
      ],
    ]
    for (const [profile, path] of wrong) {
      const answer = await engineer.post("/api/sources", { id: "bad", name: "bad", preset: "own", profile })
      expect(await told(answer)).toMatchObject([400, { params: { path } }])
    }
  })

  test("a profile is tried on a sample without storing anything", async () => {
    const before = source.stored().length
    const picture = await jpeg()
    const sample = (text: string | Buffer) => Buffer.from(text).toString("base64")
    const profile = {
      kind: "json",
      topics: ["line/{part}"],
      image: "img",
      fields: { part: "$topic.part", verdict: { path: "r", ok: ["1"], ng: ["0"], undecidable: [] } },
    }
    const try_ = async (body: object) =>
      (await (await engineer.post("/api/source-tests", { profile, ...body })).json()) as object
    expect(
      await try_({
        topic: "line/7",
        sample: sample(JSON.stringify({ img: picture.toString("base64"), r: 0 })),
      }),
    ).toMatchObject({
      understood: "part",
      image: { mime: "image/jpeg", w: 64, h: 48 },
      facts: { part_id: "7", verdict: { eval: "ng" } },
      notes: [],
    })
    expect(await try_({ topic: "line/7", sample: sample("{}") })).toMatchObject({
      understood: "refused",
      code: "image_missing",
    })
    expect(await try_({ topic: "other/7", sample: sample("{}") })).toMatchObject({ understood: "ignored" })
    expect(source.stored()).toHaveLength(before)
  })

  test("screens hear of a source's messages as they come", async () => {
    const stream = await engineer.get("/api/live")
    const reader = stream.body!.getReader()
    await post(await jpeg())
    let text = ""
    await until("the event", async () => {
      text += new TextDecoder().decode((await reader.read()).value)
      return text.includes("event: source") && text.includes('"id":"post"')
    })
    await reader.cancel()
  })
})
