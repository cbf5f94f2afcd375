import { afterAll, describe, expect, test } from "bun:test"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type DeviceEvent, topicOf, type VerdictMessage } from "#contract/topics"
import { contractFor, jpegOf } from "../models/kit.ts"
import { tempFolder, until } from "./support/kit.ts"
import { goodModel, grey } from "./support/models.ts"
import { keysOfHub, startPeer } from "./support/peer.ts"
import { serveEnrolment, spawnEdge } from "./support/process.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

const probation = { parts: 2, max_minutes: 10, max_undecidable: 1, max_ng_shift: 1 }

/** A hub, and `crux edge` with these options and this file of settings; its log is read while it runs. */
async function station(config: Record<string, unknown> | undefined, ...args: string[]) {
  const folder = tempFolder()
  const peer = await startPeer(keysOfHub())
  const enrolment = serveEnrolment(peer)
  cleanups.push(peer.stop, enrolment.stop)
  const file = join(folder, "station.json")
  if (config) await writeFile(file, JSON.stringify(config))
  const edge = spawnEdge(folder, [
    ...["--hub", enrolment.url, "--enrol", "good-code", "--device", "line-1"],
    ...(config ? ["--config", file] : []),
    ...args,
  ])
  cleanups.push(() => edge.child.kill("SIGKILL"))
  const surroundings = () => peer.reports.at(-1)?.surroundings
  const event = (kind: string): DeviceEvent | undefined => peer.events.find((one) => one.kind === kind)
  const useModel = async () => {
    const release = peer.release(goodModel(1), {
      release: 1,
      contract: contractFor(),
      checks: [],
      budget: { p99_ms: 10_000 },
    })
    await peer.wish({ rev: 1, lines: { brightness: { ...release, action: "run", probation } } })
    await until("the model", () => peer.reports.at(-1)?.slots.current !== undefined)
  }
  const end = async () => {
    edge.child.kill("SIGTERM")
    return await edge.ended()
  }
  return { folder, peer, edge, surroundings, event, useModel, end }
}

/** A camera whose next answer the test chooses. */
function snapshotCamera() {
  let next: () => Response | Promise<Response> = () => new Response("", { status: 500 })
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => next() })
  cleanups.push(() => server.stop(true))
  return {
    url: `http://line:geheim@127.0.0.1:${server.port}/snap`,
    show: async (level: number) => {
      const bytes = new Uint8Array(await jpegOf(grey(level)))
      next = () => new Response(bytes)
    },
    fail: (status: number) => {
      next = () => new Response("", { status })
    },
  }
}

function verdictReceiver() {
  const verdicts: VerdictMessage[] = []
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      verdicts.push((await request.json()) as VerdictMessage)
      return new Response()
    },
  })
  cleanups.push(() => server.stop(true))
  return { url: `http://127.0.0.1:${server.port}/verdict`, verdicts }
}

describe("crux edge with a camera, a trigger and outputs", () => {
  test("a snapshot for each trigger from the hub's broker becomes a verdict on every output and a record at the hub", async () => {
    const camera = snapshotCamera()
    const line = verdictReceiver()
    await camera.show(26)
    const { peer, surroundings, event, useModel, end } = await station({
      camera: { driver: "http", url: camera.url },
      trigger: { driver: "hub" },
      outputs: [
        { driver: "http", url: line.url },
        { driver: "hub" },
        { driver: "http", name: "nobody", url: "http://127.0.0.1:9/", retries: 0 },
        { driver: "command", command: ["/bin/true", "{eval}"] },
      ],
      part: { product_id: "tile" },
      sampling: { image_ok: "full" },
    })
    await useModel()
    const trigger = (facts: Record<string, string>) =>
      peer.publish(topicOf("trigger", { d: "line-1" }), JSON.stringify(facts))
    const recordOf = (part: string) => peer.received.find(({ part_id }) => part_id === part)

    await trigger({ part_id: "A", recipe_id: "r7", job_id: "J 1" })
    const first = await until("the record of A", () => recordOf("A"))
    expect(first).toMatchObject({ product_id: "tile", recipe_id: "r7", job_id: "J 1", simulated: false })
    expect(first).toMatchObject({ verdict: { eval: "ok" }, parts: [{ name: "image", mime: "image/jpeg" }] })
    expect(line.verdicts[0]).toMatchObject({ id: first.id, part_id: "A", eval: "ok", pass: true })

    await camera.show(230)
    await trigger({ part_id: "B" })
    expect((await until("the record of B", () => recordOf("B"))).verdict.eval).toBe("ng")
    camera.fail(500)
    await trigger({ part_id: "C" })
    const third = await until("the record of C", () => recordOf("C"))
    expect(third).toMatchObject({ verdict: { eval: "undecidable", code: "camera_answer" }, parts: [] })
    await until("three verdicts", () => line.verdicts.length === 3)
    expect(line.verdicts.map(({ part_id, pass }) => [part_id, pass])).toEqual([
      ["A", true],
      ["B", false],
      ["C", false],
    ])
    expect(peer.verdicts.map(({ part_id }) => part_id)).toEqual(["A", "B", "C"])

    await peer.publish(topicOf("trigger", { d: "line-1" }), '{"what":1}')
    await until("the report of it all", () => surroundings()?.triggers.refused === 1)
    expect(surroundings()).toMatchObject({
      camera: { state: "lost", why: expect.stringContaining("HTTP 500"), frames: 2 },
      triggers: { received: 3, missed: 0, refused: 1 },
      outputs: {
        http: { state: "ok", sent: 3, failed: 0 },
        hub: { state: "ok", sent: 3 },
        nobody: { state: "failing", sent: 0, failed: 3 },
        command: { state: "ok", sent: 3 },
      },
    })
    expect(event("output_failed")?.detail.output).toBe("nobody")
    expect(event("camera_lost")?.level).toBe("alarm")
    await camera.show(26)
    await trigger({ part_id: "D" })
    await until("the camera back", () => event("camera_back"))
    const { code, out } = await end()
    expect(code).toBe(0)
    expect(out).not.toContain("geheim")
  }, 60_000)

  test("a line on standard input triggers; moving pictures come from ffmpeg; without a model nothing passes", async () => {
    const line = verdictReceiver()
    const options = ["--camera", "stream", "--format", "lavfi", "--input", "testsrc=size=64x48:rate=20"]
    const { peer, edge, surroundings, end } = await station(
      undefined,
      ...[...options, "--trigger", "stdin", "--output", line.url, "--output", "log", "--product", "tile"],
    )
    await until("a birth", () => peer.states.length > 0)
    // The first ones may come before the camera gives pictures: those parts are undecidable too.
    for (let n = 1; !peer.received.some(({ parts }) => parts.length > 0); n++) {
      edge.child.stdin.write(`SN-${n}\n`)
      void edge.child.stdin.flush()
      await Bun.sleep(200)
      if (n > 200) throw new Error("no picture of ffmpeg has arrived")
    }
    const record = peer.received.find(({ parts }) => parts.length > 0)
    expect(record?.part_id).toStartWith("SN-")
    expect(record).toMatchObject({
      product_id: "tile",
      verdict: { eval: "undecidable", code: "no_model" },
      parts: [{ w: 64, h: 48 }],
    })
    expect(line.verdicts.every(({ pass }) => !pass)).toBe(true)
    await until("dropped pictures", () => (surroundings()?.camera.dropped ?? 0) > 0)
    const { code, out } = await end()
    expect(code).toBe(0)
    expect(out).toContain('"event":"verdict"')
  }, 90_000)
})

describe("crux edge and its settings", () => {
  const refused = async (args: string[], config?: unknown) => {
    const folder = tempFolder()
    const file = join(folder, "station.json")
    await mkdir(folder, { recursive: true })
    if (config !== undefined)
      await writeFile(file, typeof config === "string" ? config : JSON.stringify(config))
    const { code, err } = await spawnEdge(folder, [
      ...args,
      ...(config === undefined ? [] : ["--config", file]),
    ]).ended()
    return `${code}: ${err}`
  }

  test.concurrent.each([
    [["--camera", "webcam"], "2: crux: There is no --camera webcam"],
    [["--camera", "folder"], "2: crux: --camera folder needs --folder"],
    [
      ["--camera", "folder", "--folder", "x", "--url", "http://c/"],
      "2: crux: --url does not go with --camera folder",
    ],
    [
      ["--interval-ms", "soon"],
      '2: crux: --interval-ms must be a whole number from 0 to 1000000000, not "soon"',
    ],
    [
      ["--camera", "http", "--url", "ftp://c/x"],
      "2: crux: --url must be an address that begins with http://",
    ],
    [["--trigger", "whistle"], "2: crux: There is no --trigger whistle"],
    [["--output", "lamp"], "2: crux: --output must be log, none, hub or an address"],
    [
      ["--camera", "folder", "--folder", "x", "--trigger", "stdin"],
      "3: crux: A watched folder takes pictures as they come",
    ],
    [["--trigger", "http", "--trigger-host", "0.0.0.0"], "3: crux: A trigger port on 0.0.0.0 is open"],
    [
      ["--camera", "http", "--url", "http://c/", "--password-file", "/none/pw"],
      "3: crux: The secret in /none/pw cannot be read",
    ],
    [["--config", "/none/station.json"], "3: crux: The settings /none/station.json cannot be read"],
  ])(
    "%p ends with a sentence",
    async (args, expected) => {
      expect(await refused(args)).toStartWith(expected)
    },
    60_000,
  )

  test.concurrent.each([
    ["{", "are not JSON"],
    [{ kamera: {} }, "kamera: is not known here"],
    [{ camera: { driver: "http" } }, "camera.url: is missing"],
    [{ outputs: [{ driver: "modbus", host: "plc", codes: { undecidable: 1 } }] }, "only ok lets a part pass"],
    [{ sampling: { audit: 2 } }, "sampling.audit: "],
  ])(
    "a file with %j ends with a sentence that names the place",
    async (config, expected) => {
      const said = await refused([], config)
      expect(said).toStartWith("3: crux: The settings")
      expect(said).toContain(expected)
    },
    60_000,
  )
})
