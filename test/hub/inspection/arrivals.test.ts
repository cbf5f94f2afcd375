import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Arrival, Gap } from "#contract/ingest"
import type { List } from "#contract/list"
import type { Reported } from "#contract/release"
import { explainGaps } from "../../../hub/inspection/gaps.rules.ts"
import { connectDevice, enrol, frameOf, type TestDevice } from "../support/device.ts"
import { startTestHub, type TestHub } from "../support/hub.ts"

let hub: TestHub
let line: TestDevice

beforeAll(async () => {
  hub = await startTestHub()
  line = await connectDevice(await enrol(hub, "line-1"))
})
afterAll(async () => {
  await line.end()
  await hub.stop()
})

const get = async <T>(path: string) =>
  ((await (await (await hub.as("worker")).get(path)).json()) as List<T>).items
const arrival = async () => (await get<Arrival>("/api/ingest"))[0]!

test("numbers that did not come are counted and shown as runs, whatever order the others came in", async () => {
  for (const seq of [9, 1, 2, 8, 5]) await line.sendBytes(frameOf(seq).bytes)
  expect(await arrival()).toMatchObject({ device_id: "line-1", stored: 5, missing: 4, unexplained: 4 })
  expect(await get<Gap>("/api/ingest/line-1/gaps")).toEqual([
    { boot: "testboot01", first: 6, last: 7 },
    { boot: "testboot01", first: 3, last: 4 },
  ])
  await line.sendBytes(frameOf(6).bytes)
  for (const seq of [3, 4, 7]) await line.sendBytes(frameOf(seq).bytes)
  expect(await arrival()).toMatchObject({ stored: 9, missing: 0, unexplained: 0 })
  expect(await get<Gap>("/api/ingest/line-1/gaps")).toEqual([])
})

test("another start of the station counts from one again, and its first numbers may be the missing ones", async () => {
  const other = (seq: number) => frameOf(seq, (h) => ({ ...h, boot: "testboot02" }))
  await line.sendBytes(other(4).bytes)
  expect(await get<Gap>("/api/ingest/line-1/gaps")).toEqual([{ boot: "testboot02", first: 1, last: 3 }])
})

test("a repeat is not counted twice", async () => {
  const before = await arrival()
  const frame = frameOf(10)
  await line.sendBytes(frame.bytes)
  await line.sendBytes(frame.bytes)
  expect((await arrival()).stored).toBe(before.stored + 1)
})

const reported = (queue: Partial<Reported["queue"]>, shed = {}, sequence?: Reported["sequence"]) =>
  ({ queue: { depth: 0, bytes: 0, oldest_ms: 0, ...queue }, shed, sequence }) as Reported

test("gaps are explained by what waits at the station, what it gave up and what was refused; the rest is a loss", () => {
  const numbers = [{ boot: "a", highest: 10, stored: 4 }]
  expect(explainGaps(numbers, undefined)).toMatchObject({ missing: 6, unexplained: 6 })
  expect(explainGaps(numbers, reported({ depth: 2, dead: 1 }, { ok_row: 2, ok_image: 9 }))).toEqual({
    missing: 6,
    waiting: 2,
    refused: 1,
    given_up: 2,
    unexplained: 1,
  })
  // What the station says it gave out and nothing has come of yet.
  expect(explainGaps([], reported({ depth: 3 }, {}, { boot: "b0000000", seq: 5 }))).toMatchObject({
    missing: 5,
    waiting: 3,
    unexplained: 2,
  })
  // What it has inspected since its last report overtakes it.
  expect(
    explainGaps([{ boot: "b", highest: 9, stored: 5 }], reported({}, {}, { boot: "b", seq: 4 })),
  ).toMatchObject({
    missing: 4,
    waiting: 4,
    unexplained: 0,
  })
})
