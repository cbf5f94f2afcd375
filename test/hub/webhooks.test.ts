import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { createHmac } from "node:crypto"
import fc from "fast-check"
import { theHub } from "../../hub/platform/audit.ts"
import { createOutbound } from "../../hub/platform/outbound.ts"
import { waitAfter } from "../../hub/webhooks/webhooks.rules.ts"
import { box, config, type Program, programOf, verdict } from "./label-studio/kit.ts"
import { noisePng, until } from "./support/device.ts"
import { startTestHub, type TestHub } from "./support/hub.ts"
import { newLabel, storeParts } from "./support/parts.ts"

type Heard = { headers: Headers; body: string }
// biome-ignore lint/suspicious/noExplicitAny: what a foreign program would read
type Any = any

let hub: TestHub
let admin: Program
let heard: Heard[]
let answers: number[]
let listener: ReturnType<typeof Bun.serve>
beforeAll(async () => {
  listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const status = answers.shift() ?? 200
      heard.push({ headers: request.headers, body: await request.text() })
      return new Response("", { status })
    },
  })
  hub = await startTestHub({ config: { outbound: { allow: "127.0.0.1, 10.0.0.0/8" } } })
  admin = await programOf(hub, "admin")
})
beforeEach(async () => {
  for (const { id } of hub.hub.webhooks.list()) hub.hub.webhooks.remove(theHub, id)
  heard = []
  answers = []
})
afterAll(async () => {
  await listener?.stop(true)
  await hub?.stop()
})
const address = () => `http://127.0.0.1:${listener.port}/hook`
const hook = async (events: string[]) => {
  const made = await admin.person.post("/api/webhooks", { url: address(), events })
  expect(made.status).toBe(201)
  return (await made.json()) as { id: number; secret: string }
}
const deliveries = async (id: number, state = "") =>
  (
    (await (
      await admin.person.get(`/api/webhooks/${id}/deliveries${state && `?state=${state}`}`)
    ).json()) as Any
  ).items
const end = (id: number) => admin.person.send("DELETE", `/api/webhooks/${id}`)

describe("a webhook", () => {
  test("tells every label, signed so that any library of Standard Webhooks can check it", async () => {
    const { id, secret } = await hook(["label"])
    const [part] = storeParts(hub, 1)
    await admin.person.post("/api/labels", newLabel(part!))
    const [message] = await until("the message", () => heard.length > 0 && heard)
    expect(JSON.parse(message!.body)).toMatchObject({
      type: "label",
      data: { inspectionId: part, verdict: "ok", by: { id: admin.userId } },
    })
    const { headers, body } = message!
    const signed = `${headers.get("webhook-id")}.${headers.get("webhook-timestamp")}.${body}`
    const key = Buffer.from(secret.replace("whsec_", ""), "base64")
    expect(headers.get("webhook-signature")).toBe(
      `v1,${createHmac("sha256", key).update(signed).digest("base64")}`,
    )
    expect(Math.abs(Number(headers.get("webhook-timestamp")) * 1000 - hub.clock.now())).toBeLessThan(60_000)
    await end(id)
  })

  test("is tried again in order until it arrives, also by a hub that was started again", async () => {
    const { id } = await hook(["label"])
    const parts = storeParts(hub, 2)
    answers = [500, 503]
    for (const part of parts) await admin.person.post("/api/labels", newLabel(part))
    await until("two failures", async () => heard.length >= 2)
    await hub.restart()
    hub.clock.pass(10 * 60_000)
    await until("both", async () => (await deliveries(id, "delivered")).length === 2)
    const told = heard.map(({ body }) => JSON.parse(body).data.inspectionId)
    expect(told).toEqual([parts[0], parts[0], parts[0], parts[1]])
    expect(new Set(heard.slice(0, 3).map(({ headers }) => headers.get("webhook-id"))).size).toBe(1)
    await end(id)
  })

  test("that is never answered is given up after days, stays visible, and can be sent again", async () => {
    const { id } = await hook(["label"])
    const [part] = storeParts(hub, 1)
    answers = [500, 500, 500, 500, 500]
    await admin.person.post("/api/labels", newLabel(part!))
    await until("a failure", async () => (await deliveries(id, "due"))[0]?.attempts > 0)
    // As if it had been tried for days.
    hub.hub.db.exec("UPDATE webhook_delivery SET attempts = 28, next_at = 0 WHERE state = 'due'")
    // A hook that is changed is looked at at once.
    await admin.person.send("PATCH", `/api/webhooks/${id}`, { active: true })
    await until("the end of patience", async () => (await deliveries(id, "dead")).length > 0)
    const [dead] = await deliveries(id, "dead")
    expect(dead).toMatchObject({ event: "label", last_status: 500, last_error: "the listener answered 500" })
    answers = []
    const before = heard.length
    expect((await admin.person.post(`/api/webhook-deliveries/${dead.id}/again`)).status).toBe(204)
    await until("the late message", () => heard.length > before)
    await end(id)
  })

  test("of Label Studio's kind hears of projects, tasks and annotations in its words", async () => {
    const made = await admin.post("/api/webhooks/", { url: address(), headers: { "X-Line": "4" } })
    expect(made.body).toMatchObject({ send_for_all_actions: true, headers: { "X-Line": "***" } })
    const project = (await admin.post("/api/projects", { title: "line", label_config: config })).body.id
    const image = `data:image/png;base64,${Buffer.from(noisePng(24, 16)).toString("base64")}`
    const [task] = (await admin.post(`/api/projects/${project}/import?return_task_ids=1`, [{ image }])).body
      .task_ids
    const { id } = (
      await admin.post(`/api/tasks/${task}/annotations`, { result: [verdict("NG"), box("dent")] })
    ).body
    await admin.patch(`/api/annotations/${id}`, { result: [verdict("OK")] })
    await admin.del(`/api/annotations/${id}`)
    await admin.del(`/api/projects/${project}`)
    await until("six messages", () => heard.length >= 6)
    const bodies = heard.map(({ body }) => JSON.parse(body))
    expect(bodies.map(({ action }) => action)).toEqual([
      "PROJECT_CREATED",
      "TASKS_CREATED",
      "ANNOTATION_CREATED",
      "ANNOTATION_UPDATED",
      "ANNOTATIONS_DELETED",
      "PROJECT_DELETED",
    ])
    expect(bodies[2]).toMatchObject({
      annotation: { id, task, result: [verdict("NG"), box("dent")] },
      task: { id: task },
      project: { id: project, task_number: 1, total_annotations_number: 1 },
    })
    expect(heard[0]!.headers.get("x-line")).toBe("4")
    await admin.del(`/api/webhooks/${made.body.id}`)
  })

  test("cannot be pointed at what the plant has not named, and cannot set headers that are not its own", async () => {
    const refused = async (body: object) => {
      const { status, body: said } = await admin.post("/api/webhooks/", body)
      return [status, said.validation_errors?.non_field_errors?.[0]]
    }
    expect(await refused({ url: "file:///etc/passwd" })).toEqual([400, "only http and https are asked"])
    expect(await refused({ url: address(), headers: { Host: "x" } })).toEqual([
      400,
      "the header Host cannot be set",
    ])
    const { id } = (await (
      await admin.person.post("/api/webhooks", { url: "http://192.168.7.7/x", events: ["label"] })
    ).json()) as { id: number }
    const [part] = storeParts(hub, 1)
    await admin.person.post("/api/labels", newLabel(part!))
    const tried = await until("a try", async () => {
      const [first] = await deliveries(id)
      return first?.attempts > 0 && first
    })
    expect(tried.last_error).toContain("is not among the hosts of outbound.allow")
    await end(id)
  })
})

describe("the door to the outside", () => {
  const refusal = async (allow: string, url: string, found: string[] = []) => {
    const door = createOutbound({ allow, lookUp: async () => found })
    const error = await door.fetch(url, { timeoutMs: 300, most: 10 }).catch((cause: unknown) => cause)
    return (error as { key?: string }).key
  }

  test.each([
    ["", "http://127.0.0.1:1/", []],
    ["10.0.0.0/8", "http://127.0.0.1:1/", []],
    ["10.0.0.0/8", "http://11.0.0.1:1/", []],
    ["10.0.0.0/8", "http://[::1]:1/", []],
    ["10.0.0.0/8", "http://[::ffff:127.0.0.1]:1/", []],
    ["10.0.0.0/8", "http://0x7f.1:1/", []],
    ["10.0.0.0/8", "http://2130706433:1/", []],
    ["10.0.0.0/8", "http://evil.example:1/", ["10.1.1.1", "127.0.0.1"]],
    ["nas.local", "http://nas.local.evil.example:1/", ["10.0.0.1"]],
    ["10.0.0.0/99", "http://10.0.0.1:1/", []],
  ])("with %p %p is not asked", async (allow, url, found) => {
    expect(await refusal(allow, url, found)).toBe("outbound")
  })

  test("opens for hosts and networks that are named", async () => {
    // Nobody answers on port 1; that is another error than not being allowed.
    expect(await refusal("127.0.0.0/8", "http://127.0.0.1:1/")).toBe("outbound_failed")
    expect(await refusal("localhost", "http://localhost:1/")).toBe("outbound_failed")
    expect(await refusal("127.0.0.1/32", "http://nas.example:1/", ["127.0.0.1"])).toBe("outbound_failed")
    expect(await refusal("::1", "http://[::1]:1/")).toBe("outbound_failed")
  })

  test("never opens for an address outside of a network, whatever the network", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.ipV4(),
        fc.integer({ min: 1, max: 32 }),
        fc.ipV4(),
        async (network, bits, address) => {
          const number = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)
          const prefix = (text: string) => Math.floor(number(text) / 2 ** (32 - bits))
          fc.pre(prefix(network) !== prefix(address))
          expect(await refusal(`${network}/${bits}`, `http://${address}:1/`)).toBe("outbound")
        },
      ),
      { numRuns: 100 },
    )
  })

  test("waits longer after each failure, for some days, then gives up", () => {
    const waits = Array.from({ length: 40 }, (_, i) => waitAfter(i + 1))
    const real = waits.filter((wait) => wait !== null)
    expect(real).toEqual([...real].sort((a, b) => a - b))
    const days = real.reduce((a, b) => a + b, 0) / 86_400_000
    expect(days).toBeGreaterThan(2)
    expect(days).toBeLessThan(4)
    expect(waits.at(-1)).toBeNull()
  })
})
