import { afterAll, beforeAll, expect, test } from "bun:test"
import type { LiveSeries } from "#contract/rollout"
import { connectDevice, enrol, frameOf, until } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
beforeAll(async () => {
  hub = await startTestHub()
})
afterAll(() => hub.stop())

/** Reads a stream in the background; `text` grows. */
async function listen(lastId?: string) {
  const viewer = await hub.as("worker")
  const answer = await viewer.get("/api/live", lastId ? { "last-event-id": lastId } : {})
  expect(answer.headers.get("content-type")).toContain("text/event-stream")
  const reader = answer.body!.getReader()
  const heard = { text: "", pieces: 0 }
  const reading = (async () => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      heard.text += new TextDecoder().decode(value)
      heard.pieces += 1
    }
  })()
  return {
    heard,
    ids: () => [...heard.text.matchAll(/^id: (\S+)$/gm)].map((m) => m[1]!),
    end: async () => {
      await reader.cancel()
      await reading
    },
  }
}

test("an inspection is heard as it is stored, and one missed is caught up by its id", async () => {
  const line = await connectDevice(await enrol(hub, "line-1"))
  const first = await listen()
  await until("the stream to open", () => first.heard.text.includes("retry:"))
  const seen = frameOf(1)
  await line.sendBytes(seen.bytes)
  await until("the event", () => first.heard.text.includes(seen.header.id))
  expect(first.heard.text).toContain("event: inspection")
  const last = first.ids().at(-1)!
  await first.end()

  const missed = frameOf(2)
  await line.sendBytes(missed.bytes)
  const second = await listen(last)
  await until("the missed event", () => second.heard.text.includes(missed.header.id))
  expect(second.heard.text).not.toContain(seen.header.id)
  await second.end()
  await line.end()
})

test("what happens at once is told in few pieces, all of it", async () => {
  const line = await connectDevice(await enrol(hub, "line-9"))
  const stream = await listen()
  await until("the stream to open", () => stream.heard.text.includes("retry:"))
  const before = stream.heard.pieces
  const frames = Array.from({ length: 40 }, (_, i) => frameOf(i + 1))
  await Promise.all(frames.map(({ bytes }) => line.sendBytes(bytes)))
  const isHeard = () => frames.every(({ header }) => stream.heard.text.includes(header.id))
  await until("all events", isHeard)
  expect(stream.heard.pieces - before).toBeLessThan(frames.length / 2)
  await stream.end()
  await line.end()
})

test("an id of another start of the hub is answered with resync", async () => {
  const stream = await listen("0000000000000000.5")
  await until("resync", () => stream.heard.text.includes("event: resync"))
  await stream.end()
})

test("nobody listens without a session", async () => {
  expect((await hub.browser().get("/api/live")).status).toBe(401)
})

test("the series counts by verdict, and shows silence as zeros", async () => {
  const line = await connectDevice(await enrol(hub, "line-2"))
  const verdicts = ["ok", "ng", "undecidable"] as const
  for (const [i, verdict] of verdicts.entries())
    await line.sendBytes(frameOf(i + 1, (h) => ({ ...h, verdict: { eval: verdict } })).bytes)
  const viewer = await hub.as("worker")
  const series = (await (await viewer.get("/api/live/series?minutes=5")).json()) as LiveSeries
  expect(series.points.length).toBeGreaterThanOrEqual(30)
  const total = series.points.reduce((n, p) => n + p.inspected, 0)
  // Two of the first test, forty of the second, three of this one.
  expect(total).toBe(45)
  expect(series.points.some((p) => p.inspected === 0)).toBe(true)
  await line.end()
})
