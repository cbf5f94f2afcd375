import { afterAll, describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { chmod, writeFile } from "node:fs/promises"
import { type AddressInfo, createServer } from "node:net"
import { join } from "node:path"
import { Aedes } from "aedes"
import mqtt from "mqtt"
import * as v from "valibot"
import type { Verdict } from "#contract/inspection"
import { VerdictMessage } from "#contract/topics"
import { createCommandOutput } from "../../../edge/outputs/command.output.ts"
import { createHttpOutput } from "../../../edge/outputs/http.output.ts"
import { createMqttOutput } from "../../../edge/outputs/mqtt.output.ts"
import type { OutputDriver } from "../../../edge/outputs/output.ts"
import { createOutputs } from "../../../edge/outputs/outputs.ts"
import { createWatch } from "../../../edge/surroundings.ts"
import { systemIds } from "../../../hub/platform/ids.ts"
import { tempFolder, until } from "../support/kit.ts"

const cleanups: (() => unknown)[] = []
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** These drivers as the outputs of a station. */
function line(...drivers: OutputDriver[]) {
  const watch = createWatch({ now: Date.now })
  const events: string[] = []
  watch.listen({ event: ({ kind, detail }) => events.push(`${kind} ${detail.output}`), changed: () => {} })
  const output = createOutputs({ drivers, watch })
  cleanups.push(output.close)
  let n = 0
  const tell = async (evaluation: Verdict["eval"], more: Partial<Verdict> = {}) => {
    n += 1
    const part = { id: systemIds.uuid(), ts: Date.now(), part_id: `P${n}` }
    output.begin()
    await output.signal(part, { eval: evaluation, ...more })
    return part
  }
  return { output, tell, events, state: (name: string) => watch.report().outputs[name] }
}

const hanging: OutputDriver = { name: "hangs", limit_ms: 200, atOnce: 1, send: () => new Promise(() => {}) }
function noting(name = "notes") {
  const told: VerdictMessage[] = []
  const driver: OutputDriver = {
    name,
    limit_ms: 1_000,
    atOnce: 1,
    send: async (message) => void told.push(message),
  }
  return { driver, told }
}

describe("several outputs", () => {
  test("get the same verdict; only OK passes", async () => {
    const [one, two] = [noting("one"), noting("two")]
    const { tell } = line(one.driver, two.driver)
    for (const evaluation of ["ok", "ng", "undecidable", "undefined"] as const) await tell(evaluation)
    expect(one.told.map(({ eval: evaluation, pass }) => [evaluation, pass])).toEqual([
      ["ok", true],
      ["ng", false],
      ["undecidable", false],
      ["undefined", false],
    ])
    expect(two.told).toEqual(one.told)
    for (const message of one.told) expect(v.parse(VerdictMessage, message)).toEqual(message)
  })

  test("one that hangs costs its own verdicts: the others are told, the next part is not held up for its limit", async () => {
    const { driver, told } = noting()
    const { tell, events, state } = line(hanging, driver)
    for (let i = 0; i < 100; i++) await tell("ng")
    expect(told).toHaveLength(100)
    // A hundred waits of 50 ms would show: after the first only outputs that work are waited for.
    await until("its failures", () => (state("hangs")?.failed ?? 0) > 1)
    expect(state("hangs")).toMatchObject({ state: "failing", sent: 0 })
    expect(state("notes")).toMatchObject({ state: "ok", sent: 100, failed: 0 })
    // Not an event for each part of an outage.
    expect(events).toEqual(["output_failed hangs"])
  })

  test("one that throws is reported, and told back when it works again", async () => {
    let works = false
    const moody: OutputDriver = {
      name: "moody",
      limit_ms: 500,
      atOnce: 1,
      send: async () => {
        if (!works) throw new Error("no power")
      },
    }
    const { tell, events, state } = line(moody)
    await tell("ok")
    await until("the failure", () => state("moody")?.failed === 1)
    expect(state("moody")).toMatchObject({ state: "failing", why: "no power" })
    works = true
    await tell("ok")
    await until("the way back", () => state("moody")?.sent === 1)
    expect(events).toEqual(["output_failed moody", "output_back moody"])
    expect(state("moody")?.why).toBeUndefined()
  })
})

describe("an output over HTTP", () => {
  function receiver(status: (n: number) => number, delayMs = 0) {
    const bodies: VerdictMessage[] = []
    const headers: Headers[] = []
    let requests = 0
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        requests += 1
        headers.push(request.headers)
        const code = status(requests)
        if (code === 200) bodies.push(v.parse(VerdictMessage, await request.json()))
        await Bun.sleep(delayMs)
        return new Response("", { status: code })
      },
    })
    cleanups.push(() => server.stop(true))
    return {
      url: `http://127.0.0.1:${server.port}/verdict?key=geheim`,
      bodies,
      headers,
      requests: () => requests,
    }
  }

  test("first tries arrive in the order of the parts, also when many are told at once", async () => {
    let [underWay, most] = [0, 0]
    const order: (number | undefined)[] = []
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        underWay += 1
        most = Math.max(most, underWay)
        // The first verdict's answer takes longest: whoever does not wait overtakes it.
        await Bun.sleep(order.length === 0 ? 20 : 1)
        order.push(v.parse(VerdictMessage, await request.json()).seq)
        underWay -= 1
        return new Response("")
      },
    })
    cleanups.push(() => server.stop(true))
    const driver = createHttpOutput({
      name: "plc",
      url: `http://127.0.0.1:${server.port}/`,
      timeout_ms: 20_000,
    })
    const { tell, state } = line(driver)
    await Promise.all(Array.from({ length: 6 }, () => tell("ok")))
    await until("all six", () => state("plc")?.sent === 6)
    // A busy machine may take longer than the output waits; then two are under way, and the number tells.
    if (most === 1) expect(order).toEqual([1, 2, 3, 4, 5, 6])
    expect(order.toSorted()).toEqual([1, 2, 3, 4, 5, 6])
  })

  test("posts each verdict with its token, and tries again what failed there for the moment", async () => {
    const { url, bodies, headers } = receiver((n) => (n === 1 ? 500 : 200))
    const { tell, state } = line(createHttpOutput({ name: "http", url, token: "t0ken" }))
    const part = await tell("ng", { score: 0.9 })
    await until("its arrival", () => bodies.length === 1)
    expect(bodies[0]).toMatchObject({ id: part.id, part_id: "P1", eval: "ng", pass: false, score: 0.9 })
    expect(headers.map((one) => one.get("authorization"))).toEqual(["Bearer t0ken", "Bearer t0ken"])
    expect(headers[1]?.get("idempotency-key")).toBe(part.id)
    await until("the count", () => state("http")?.sent === 1)
    expect(state("http")).toMatchObject({ state: "ok", failed: 0 })
  })

  test("does not repeat what was refused, gives up what is not answered, and never names its key", async () => {
    const refusing = receiver(() => 422)
    const away = "http://127.0.0.1:9/verdict?key=geheim"
    const slow = receiver(() => 200, 5_000)
    const { tell, state } = line(
      createHttpOutput({ name: "refusing", url: refusing.url }),
      createHttpOutput({ name: "away", url: away, retries: 1 }),
      createHttpOutput({ name: "slow", url: slow.url, timeout_ms: 100, retries: 1 }),
    )
    await tell("ok")
    for (const name of ["refusing", "away", "slow"]) await until(name, () => state(name)?.failed === 1)
    expect([refusing.requests(), slow.requests()]).toEqual([1, 2])
    const why = ["refusing", "away", "slow"].map((name) => state(name)?.why ?? "")
    expect(why[0]).toContain("HTTP 422")
    expect(why[1]).toContain("does not answer")
    expect(why[2]).toContain("100 ms")
    expect(why.join()).not.toContain("geheim")
  })

  test("a verdict is not tried again after a later one: the last one heard is the last one said", async () => {
    const { url, bodies, requests } = receiver((n) => (n === 1 ? 503 : 200))
    const { tell, state } = line(createHttpOutput({ name: "http", url }))
    await tell("ok")
    await tell("ng")
    await until("the failure of the first", () => state("http")?.failed === 1)
    expect(bodies.map(({ part_id }) => part_id)).toEqual(["P2"])
    expect(requests()).toBe(2)
    expect(state("http")).toMatchObject({ sent: 1, failed: 1, superseded: 1 })
    await tell("ok")
    await until("the third", () => bodies.length === 2)
    expect(bodies.map(({ seq }) => seq)).toEqual([2, 3])
    expect(new Set(bodies.map(({ run }) => run)).size).toBe(1)
  })

  test("a receiver that keeps all verdicts gets the late one too, and can see that it is late", async () => {
    const { url, bodies } = receiver((n) => (n === 1 ? 503 : 200))
    const { tell } = line(createHttpOutput({ name: "http", url, every: true }))
    await tell("ng")
    await tell("ok")
    await until("both", () => bodies.length === 2)
    expect(bodies.map(({ part_id, seq }) => [part_id, seq])).toEqual([
      ["P2", 2],
      ["P1", 1],
    ])
  })
})

/** Does it again and again until it has shown its effect. */
async function repeat(what: string, work: () => Promise<unknown>, done: () => boolean) {
  await until(what, () => {
    void work()
    return done()
  })
}

test("an output over MQTT publishes verdicts to another broker, fails while it is away, and comes back", async () => {
  const start = async (port: number) => {
    const aedes = await Aedes.createBroker()
    const sockets = new Set<import("node:net").Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      aedes.handle(socket)
    })
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
    const stop = () => {
      for (const socket of sockets) socket.destroy()
      return new Promise<void>((resolve) => server.close(() => aedes.close(() => resolve())))
    }
    return { port: (server.address() as AddressInfo).port, stop }
  }
  const first = await start(0)
  const url = `mqtt://127.0.0.1:${first.port}`
  const messages: VerdictMessage[] = []
  const plc = await mqtt.connectAsync(url, { reconnectPeriod: 100 })
  cleanups.push(() => plc.endAsync(true))
  plc.on("message", (_topic, payload) => messages.push(JSON.parse(payload.toString())))
  await plc.subscribeAsync("line/1/verdict")
  const { tell, state, output } = line(createMqttOutput("mqtt", { url, topic: "line/1/verdict" }))
  await repeat(
    "a verdict",
    () => tell("ok"),
    () => messages.length > 0,
  )
  expect(v.parse(VerdictMessage, messages[0])).toMatchObject({ eval: "ok", pass: true })

  await first.stop()
  await repeat(
    "a failure",
    () => tell("ng"),
    () => state("mqtt")?.state === "failing",
  )
  const second = await start(first.port)
  cleanups.push(second.stop)
  const before = messages.length
  await repeat(
    "verdicts again",
    () => tell("ng"),
    () => messages.length > before,
  )
  await output.close()
}, 30_000)

describe("an output that is a program", () => {
  async function program(lines: string) {
    const path = join(tempFolder(), "signal")
    await writeFile(path, `#!/bin/sh\n${lines}\n`)
    await chmod(path, 0o755)
    return path
  }

  test("gets the verdict as arguments and on its standard input, without a shell in between", async () => {
    const file = join(tempFolder(), "told")
    const path = await program(`{ echo "$#" "$@"; cat; } >> ${file}`)
    const command = [path, "--verdict={eval}", "{pass}", "{part_id}", "{unknown}", "$(id) ; true"]
    const { tell } = line(createCommandOutput({ name: "command", command }))
    const part = await tell("ng")
    await until("its note", () => existsSync(file) && readFileSync(file, "utf8").includes("\n{"))
    const [args, json] = readFileSync(file, "utf8").split("\n")
    expect(args).toBe("5 --verdict=ng false P1 {unknown} $(id) ; true")
    expect(v.parse(VerdictMessage, JSON.parse(json ?? ""))).toMatchObject({ id: part.id, pass: false })
  })

  test("that fails, hangs or is not there is a failed output", async () => {
    const [fails, hangs] = [await program("exit 7"), await program("while :; do sleep 1; done")]
    const { tell, state } = line(
      createCommandOutput({ name: "fails", command: [fails] }),
      createCommandOutput({ name: "hangs", command: [hangs], timeout_ms: 300 }),
      createCommandOutput({ name: "none", command: ["/none/signal"] }),
    )
    await tell("ok")
    for (const name of ["fails", "hangs", "none"]) await until(name, () => state(name)?.failed === 1)
    expect(state("fails")?.why).toContain("ended with 7")
    expect(state("hangs")?.why).toContain("300 ms")
    await until("the end of the hanging one", () => {
      const { stdout } = Bun.spawnSync(["ps", "-eo", "args"])
      return !stdout.toString().includes(hangs)
    })
  })
})
