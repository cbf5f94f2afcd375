import { afterEach, expect, test } from "bun:test"
import { uuidv7 } from "uuidv7"
import * as v from "valibot"
import { LabelTask, NextRequest, type QueueReason } from "#contract/labelling"
import { createApi } from "../../ui/api.ts"
import { wholePicture } from "../../ui/editor/picture.ts"
import { createMemoryKept } from "../../ui/screens/label/kept.ts"
import { createQueue } from "../../ui/screens/label/queue.ts"

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

const sha256 = "a".repeat(64)

function taskOf(part: string, reason: QueueReason): LabelTask {
  return v.parse(LabelTask, {
    inspection: {
      id: uuidv7(),
      device_id: "cam-1",
      seq: 1,
      captured_at: 1,
      received_at: 2,
      part_id: part,
      product_id: null,
      verdict: { eval: "ng", score: 0.9, t_low: 0.4, t_high: 0.6 },
      findings: [],
      model: null,
      why_sent: "all",
      image: { sha256, mime: "image/jpeg", w: 4, h: 3, size: 10 },
      simulated: false,
      label: null,
    },
    reason,
    lease: { id: uuidv7(), expires_at: Date.now() + 20 * 60_000 },
    waiting: 9,
  })
}

/** A hub with a row of parts, over real HTTP; `cut` is a network that is not there. */
function startHub(parts: LabelTask[]) {
  const state = { cut: false, asked: [] as v.InferOutput<typeof NextRequest>[], lost: new Set<string>() }
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const asked = v.parse(NextRequest, await request.json())
      state.asked.push(asked)
      if (new URL(request.url).pathname === "/api/labelling/renew")
        return Response.json({ held: asked.holding.filter((id) => !state.lost.has(id)) })
      const next = parts.find(({ inspection: { id } }) => !asked.holding.includes(id) && !state.lost.has(id))
      return next ? Response.json(next) : new Response(null, { status: 204 })
    },
  })
  open.push(() => void server.stop(true))
  const api = createApi({
    fetch: (path, init) => {
      if (state.cut) throw new TypeError("Failed to fetch")
      return fetch(new URL(path, server.url), init)
    },
    onSignedOut: () => {},
  })
  return { api, state }
}

const decoded: (Blob | undefined)[] = []
function openQueue(hub: ReturnType<typeof startHub>, kept = createMemoryKept(), size = 24) {
  const queue = createQueue({
    api: hub.api,
    decode: async ({ w, h }, picture) => {
      decoded.push(picture)
      return wholePicture({ w, h }, [])
    },
    stock: { user: "u1", size, kept, fetchPicture: async () => new Blob(["picture"]) },
  })
  open.push(queue.stop)
  return { queue, kept }
}

const row = (count: number) => Array.from({ length: count }, (_, i) => taskOf(`P-${i}`, "ng"))

test("a tablet lays in as many parts as it may, and says that it does", async () => {
  const hub = startHub(row(40))
  const { queue, kept } = openQueue(hub)
  await queue.refill()
  expect(queue.stocked.value).toBe(24)
  expect((await kept.stock()).every(({ picture }) => picture !== null)).toBe(true)
  expect(hub.state.asked.every(({ stock }) => stock)).toBe(true)
})

test("what is judged is not asked for again while its label is still on its way", async () => {
  const hub = startHub(row(3))
  const underway: string[] = []
  const queue = createQueue({
    api: hub.api,
    decode: async ({ w, h }) => wholePicture({ w, h }, []),
    judged: () => underway,
  })
  open.push(queue.stop)
  await queue.refill()
  const first = queue.take(Date.now())!
  underway.push(first.task.inspection.id)
  const second = queue.take(Date.now())!
  underway.push(second.task.inspection.id)
  await queue.refill()
  expect(hub.state.asked.at(-1)?.holding).toContain(first.task.inspection.id)
  const third = queue.take(Date.now())!
  await queue.refill()
  expect(new Set([first, second, third].map(({ task }) => task.inspection.part_id)).size).toBe(3)
  expect(queue.supply.value.state).toBe("empty")
})

test("without the network every part that was laid in is served, with its picture, though its lease has ended", async () => {
  const hub = startHub(row(40))
  const { queue } = openQueue(hub, createMemoryKept(), 10)
  await queue.refill()
  hub.state.cut = true
  await queue.refill()
  decoded.length = 0
  const served = new Set<string>()
  const later = Date.now() + 60 * 60_000
  for (let i = 0; i < 10; i++) {
    const part = queue.take(later)
    expect(part).not.toBeNull()
    served.add(part!.task.inspection.id)
    await queue.refill()
  }
  expect(served.size).toBe(10)
  expect(queue.take(later)).toBeNull()
  await queue.refill()
  expect(queue.supply.value.state).toBe("cut")
  expect(decoded.every((picture) => picture instanceof Blob)).toBe(true)
})

test("a page that is opened anew without the network has the parts again, the one in the hand among them", async () => {
  const hub = startHub(row(12))
  const { queue, kept } = openQueue(hub, createMemoryKept(), 8)
  await queue.refill()
  const inHand = queue.take(Date.now())!.task.inspection.id
  await queue.refill()
  queue.stop()
  hub.state.cut = true
  const again = openQueue(hub, kept, 8).queue
  await again.refill()
  const served: string[] = []
  for (let part = again.take(Date.now()); part; part = again.take(Date.now())) {
    served.push(part.task.inspection.id)
    await again.refill()
  }
  expect(served).toContain(inHand)
  expect(new Set(served).size).toBe(8)
})

test("back on the network what is somebody else's by now is let go", async () => {
  const hub = startHub(row(6))
  const { queue, kept } = openQueue(hub, createMemoryKept(), 6)
  await queue.refill()
  const lost = (await kept.stock()).slice(0, 4).map(({ id }) => id)
  for (const id of lost) hub.state.lost.add(id)
  await queue.renew()
  expect(queue.stocked.value).toBe(2)
  expect((await kept.stock()).map(({ id }) => id).sort()).not.toEqual(expect.arrayContaining(lost))
})

test("what the one before had laid in is not shown to the next", async () => {
  const hub = startHub([])
  const kept = createMemoryKept()
  const task = taskOf("P-1", "ng")
  await kept.putStock({ id: task.inspection.id, user: "somebody", at: 1, task, picture: null })
  const { queue } = openQueue(hub, kept)
  await queue.refill()
  expect(queue.take(Date.now())).toBeNull()
  expect(await kept.stock()).toEqual([])
})

test("the most valuable lies on top, also when it came last", async () => {
  const parts = row(5)
  const hub = startHub(parts)
  const { queue } = openQueue(hub, createMemoryKept(), 6)
  await queue.refill()
  parts.push(taskOf("urgent", "undecidable"))
  await queue.refill()
  const order: (string | null)[] = []
  for (let part = queue.take(Date.now()); part; part = queue.take(Date.now())) {
    order.push(part.task.inspection.part_id)
    hub.state.lost.add(part.task.inspection.id)
    await queue.refill()
  }
  // Two were decoded already.
  expect(order.indexOf("urgent")).toBe(2)
})
