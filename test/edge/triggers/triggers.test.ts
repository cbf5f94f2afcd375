import { afterAll, describe, expect, test } from "bun:test"
import { type AddressInfo, createServer } from "node:net"
import { Aedes } from "aedes"
import mqtt from "mqtt"
import { Problem } from "#contract/problem"
import type { TriggerFacts } from "#contract/topics"
import type { AskedCamera, CapturedFrame, Grabber } from "../../../edge/cameras/camera.ts"
import { triggeredCamera } from "../../../edge/cameras/triggered.camera.ts"
import { createWatch } from "../../../edge/surroundings.ts"
import { createHttpTrigger } from "../../../edge/triggers/http.trigger.ts"
import { createMqttTrigger } from "../../../edge/triggers/mqtt.trigger.ts"
import { createStdinTrigger } from "../../../edge/triggers/stdin.trigger.ts"
import { readTrigger, type Trigger, type TriggerSink } from "../../../edge/triggers/trigger.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { until } from "../support/kit.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** Listens and writes down what comes. */
async function listening(trigger: Trigger, taken = true) {
  const stop = new AbortController()
  cleanups.push(() => stop.abort())
  const fired: TriggerFacts[] = []
  const refused: string[] = []
  const lost: string[] = []
  await trigger.listen(
    {
      fire: (facts) => {
        fired.push(facts)
        return { id: `id-${fired.length}`, taken }
      },
      refuse: (why) => refused.push(why),
      lost: (why) => lost.push(why),
    },
    stop.signal,
  )
  return { fired, refused, lost, stop: () => stop.abort() }
}

test("a trigger's text is nothing, a serial, or facts that fit; anything else is refused with a reason", () => {
  expect(readTrigger(" \r\n")).toEqual({})
  expect(readTrigger("SN-0042\n")).toEqual({ part_id: "SN-0042" })
  const facts = { part_id: "가-1", product_id: "tile", recipe_id: "r1", job_id: "J 7" }
  expect(readTrigger(JSON.stringify(facts))).toEqual(facts)
  for (const text of [
    '{"part":1}',
    '{"product_id":"No Key"}',
    '{"part_id":',
    "x".repeat(129),
    "a\u0000b",
    "a\ufffd",
  ]) {
    expect(() => readTrigger(text)).toThrow("The trigger is not understood")
  }
})

describe("a trigger over HTTP", () => {
  test("takes POST /trigger with facts and names the inspection", async () => {
    const trigger = createHttpTrigger({ host: "127.0.0.1", port: 0 })
    const url = `http://127.0.0.1:${trigger.port}/trigger`
    expect((await fetch(url, { method: "POST" })).status).toBe(503)
    const { fired, refused } = await listening(trigger)
    const post = (body: string, headers = {}) => fetch(url, { method: "POST", body, headers })
    const answer = await post('{"part_id":"A1"}')
    expect([answer.status, await answer.json()]).toEqual([202, { id: "id-1" }])
    expect((await post("")).status).toBe(202)
    expect(fired).toEqual([{ part_id: "A1" }, {}])

    expect((await post('{"oops":1}')).status).toBe(400)
    expect((await post(`"${"x".repeat(9_000)}"`)).status).toBe(413)
    expect((await fetch(url)).status).toBe(405)
    expect((await fetch(url.replace("/trigger", "/"), { method: "POST" })).status).toBe(404)
    // A page in a browser on this machine is not somebody on the line.
    expect((await post("", { origin: "http://evil.example" })).status).toBe(401)
    expect(fired).toHaveLength(2)
    expect(refused.length).toBeGreaterThanOrEqual(2)
  })

  test("demands its token, and will not listen to the network without one", async () => {
    expect(() => createHttpTrigger({ host: "0.0.0.0", port: 0 })).toThrow("needs a token")
    const trigger = createHttpTrigger({ host: "127.0.0.1", port: 0, token: "s3cret" })
    const { fired } = await listening(trigger)
    const post = (headers = {}) =>
      fetch(`http://127.0.0.1:${trigger.port}/trigger`, { method: "POST", headers })
    expect((await post()).status).toBe(401)
    expect((await post({ authorization: "Bearer wrong" })).status).toBe(401)
    expect((await post({ authorization: "Bearer s3cret", origin: "http://plc" })).status).toBe(202)
    expect(fired).toHaveLength(1)
    expect(() => createHttpTrigger({ host: "127.0.0.1", port: trigger.port })).toThrow(Problem)
  })

  test("says when the station could not take the picture", async () => {
    const trigger = createHttpTrigger({ host: "127.0.0.1", port: 0 })
    await listening(trigger, false)
    const answer = await fetch(`http://127.0.0.1:${trigger.port}/trigger`, { method: "POST" })
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({
      id: "id-1",
      missed: expect.stringContaining("must not pass"),
    })
  })
})

test("a trigger over MQTT takes what is published now, not what is retained, and refuses nonsense", async () => {
  const aedes = await Aedes.createBroker()
  const server = createServer(aedes.handle)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`
  const plc = await mqtt.connectAsync(url)
  cleanups.push(() => plc.endAsync(true).then(() => aedes.close(() => server.close())))
  await plc.publishAsync("line/1/trigger", "OLD", { retain: true, qos: 1 })
  const { fired, refused } = await listening(createMqttTrigger({ url, topic: "line/1/trigger" }))
  const publish = (payload: string | Buffer) => plc.publishAsync("line/1/trigger", payload)
  for (let i = 0; fired.length === 0 && i < 200; i++) {
    await publish("SN-1")
    await Bun.sleep(20)
  }
  await publish(Buffer.from([0xff, 0xfe]))
  await publish("x".repeat(5_000))
  await until("two refusals", () => refused.length === 2)
  expect(new Set(fired.map(({ part_id }) => part_id))).toEqual(new Set(["SN-1"]))
})

test("a line on standard input is a trigger; a line without end is skipped; the end is told", async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const { fired, refused, lost } = await listening(createStdinTrigger(() => readable))
  const writer = writable.getWriter()
  const write = (text: string) => writer.write(new TextEncoder().encode(text))
  await write("\nSN-1\r\nSN")
  await write(`-2\n${"x".repeat(3_000)}`)
  await write(`${"x".repeat(3_000)}\n{"part_id":"SN-3"}\n{"x":1}\nlast`)
  await writer.close()
  await until("the end", () => lost.length === 1)
  expect(fired).toEqual([
    {},
    { part_id: "SN-1" },
    { part_id: "SN-2" },
    { part_id: "SN-3" },
    { part_id: "last" },
  ])
  expect(refused).toHaveLength(2)
})

/** A camera whose shutter the test holds. */
function handHeld() {
  const grabs: { finish: () => void; fail: (error: Error) => void }[] = []
  let opened = 0
  let loseIt: (error: Error) => void = () => {}
  const camera: AskedCamera = {
    open: async () => {
      opened += 1
      const lost = Promise.withResolvers<Error>()
      loseIt = lost.resolve
      const grabber: Grabber = {
        grab: (_wish, signal) =>
          new Promise((resolve, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason), { once: true })
            const image = { form: "raw", data: new Uint8Array(3), width: 1, height: 1, channels: 3 } as const
            grabs.push({ finish: () => resolve({ image, captured_at: 0, simulated: false }), fail: reject })
          }),
        lost: lost.promise,
        close: async () => {},
      }
      return grabber
    },
  }
  return { camera, grabs, opened: () => opened, lose: (error: Error) => loseIt(error) }
}

async function onTrigger(options: { picture_ms?: number } = {}) {
  const held = handHeld()
  const watch = createWatch({ now: Date.now })
  const stop = new AbortController()
  let sink: TriggerSink | undefined
  const frames: CapturedFrame[] = []
  const camera = triggeredCamera({
    camera: held.camera,
    trigger: {
      listen: async (to) => {
        sink = to
      },
    },
    watch,
    uuid: systemIds.uuid,
    picture_ms: options.picture_ms ?? 30_000,
  })
  const taking = (async () => {
    for await (const frame of camera.frames(stop.signal)) frames.push(frame)
  })()
  cleanups.push(async () => {
    stop.abort()
    await taking
  })
  await until("an open camera", () => held.opened() === 1 && sink)
  const codes = () =>
    frames.map(({ part_id, image }) => [part_id, image.form === "none" ? image.code : image.form])
  return { ...held, watch, frames, codes, fire: (part_id: string) => sink!.fire({ part_id }) }
}

describe("a camera on a trigger", () => {
  test("takes one picture a trigger, at once, and keeps what the trigger knows", async () => {
    const { fire, grabs, frames } = await onTrigger()
    const { id, taken } = fire("A")
    expect([taken, grabs.length]).toEqual([true, 1])
    grabs[0]?.finish()
    await until("a frame", () => frames.length === 1)
    expect(frames[0]).toMatchObject({ id, part_id: "A", image: { form: "raw" } })
    expect(frames[0]?.captured_at).toBeGreaterThan(0)
  })

  test("makes a part that was triggered while it was busy undecidable, in its place in the order, and counts it", async () => {
    const { fire, grabs, codes, watch } = await onTrigger()
    fire("A")
    expect(fire("B").taken).toBe(false)
    grabs[0]?.finish()
    await until("two parts", () => codes().length === 2)
    fire("C")
    grabs[1]?.finish()
    await until("three parts", () => codes().length === 3)
    expect(codes()).toEqual([
      ["A", "raw"],
      ["B", "trigger_missed"],
      ["C", "raw"],
    ])
    expect(watch.report().triggers).toEqual({ received: 3, missed: 1, refused: 0 })
  })

  test("makes a part without a picture undecidable: a failing camera, one that is too slow, one that is away", async () => {
    const { fire, grabs, codes, watch, lose, opened } = await onTrigger({ picture_ms: 100 })
    fire("A")
    grabs[0]?.fail(new Problem("unavailable", "camera_answer", "HTTP 500"))
    await until("A", () => codes().length === 1)
    expect(watch.report().camera).toMatchObject({ state: "lost", why: "HTTP 500" })
    fire("B")
    await until("B", () => codes().length === 2)
    lose(new Error("unplugged"))
    await until("the loss", () => watch.report().camera.why === "unplugged")
    fire("C")
    await until("C", () => codes().length === 3)
    expect(codes()).toEqual([
      ["A", "camera_answer"],
      ["B", "camera_timeout"],
      ["C", "camera_lost"],
    ])
    await until("the camera is opened again", () => opened() === 2)
  })

  test("a flood is answered, counted to the last one, and takes bounded memory", async () => {
    const { fire, grabs, codes, watch } = await onTrigger()
    fire("first")
    for (let i = 0; i < 50_000; i++) fire(`flood-${i}`)
    grabs[0]?.finish()
    await until("the recorded ones", () => codes().length >= 60)
    fire("last")
    grabs[1]?.finish()
    await until("the last", () => codes().some(([part]) => part === "last"))
    expect(watch.report().triggers).toEqual({ received: 50_002, missed: 50_000, refused: 0 })
    expect(codes().length).toBeLessThan(500)
  })
})
